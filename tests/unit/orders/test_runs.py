"""Runs of both matrices that do not end by themselves, and demos that write too much."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from orders.demo import matrix_runs
from orders.demo.command_lines import DemoSettings
from orders.demo.matrix import plan_runs
from orders.demo.processes import Parts
from orders.demo.running import DataLimitError, Demo, bytes_in
from orders.roads import all_runs, plan

STUCK = (sys.executable, "-c", "import time; print('at it', flush=True); time.sleep(600)")


@pytest.fixture(autouse=True)
def _without_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each run is a process that never ends, which needs no server."""
    for module in (matrix_runs, all_runs):
        monkeypatch.setattr(module, "ORDERS", STUCK)
        monkeypatch.setattr(module, "require_server", lambda name: Path(name))
        monkeypatch.setattr(module.signal, "signal", lambda number, handler: None)


def test_a_demo_of_the_fault_matrix_that_hangs_is_killed_and_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is tried once more, as one that did not come up; the matrix ends, and says of what."""
    monkeypatch.setattr(matrix_runs, "SPARE", 1.0)
    settings = matrix_runs.MatrixSettings(tmp_path / "runs", jobs=2, warm_up=0, watch=0.5)
    assert matrix_runs.run_all(plan_runs(["control"]), settings) == 1
    assert "no end after 1.5 s; saw last: no state" in capsys.readouterr().out
    logs = {path.name for path in (tmp_path / "runs/logs").iterdir()}
    assert logs == {"control.log", "control-again.log"}


def test_a_run_of_the_roads_matrix_that_hangs_is_killed_and_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The matrix ends without its verdict, and says what the run had said last."""
    monkeypatch.setattr(all_runs, "RUN_LIMIT", 1.0)
    runs = plan.plan_runs(plan.all_cells())[:1]
    assert all_runs.run_all(runs, all_runs.MatrixSettings(tmp_path / "runs", jobs=1)) == 1
    assert "no end after 1 s; saw last: at it" in capsys.readouterr().out


def demo(folder: Path, *, max_data: float) -> Demo:
    """A demo without parts that may write so many gigabytes."""
    settings = DemoSettings(folder, 7, 1.0, None, spans=False, ports={}, max_data=max_data)
    return Demo(settings, Parts(folder))


def test_a_demo_ends_when_its_folder_holds_more_than_it_may(tmp_path: Path) -> None:
    """The error names folder, size, limit and the options that help."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/file").write_bytes(bytes(3_000_000))
    demo(tmp_path, max_data=0.004).pause(0)
    with pytest.raises(DataLimitError, match=r"holds 0.003 GB, more than 0.002 GB; .*--max-data"):
        demo(tmp_path, max_data=0.002).pause(0)


def test_the_size_of_a_folder_counts_files_once(tmp_path: Path) -> None:
    """Links add nothing, and neither does what they lead to."""
    (tmp_path / "file").write_bytes(bytes(1000))
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert bytes_in(tmp_path) == 1000
