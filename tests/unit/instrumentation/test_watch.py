"""The sidecar: a process of its own that reports what probes say."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from cqrs_telemetry import watch
from waits import LIMIT, read_line

PROBES = """
import time
from cqrs_telemetry import Backlog

def orders():
    return Backlog(3, time.time() - 60)

async def stock():
    return Backlog(0)

def broken():
    raise OSError("store is down")

several = {"stock": stock, "broken": broken}
nothing = {}
wrong = {"orders": 3}
number = 3
"""


@pytest.fixture
def probes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a module of probes, importable."""
    (tmp_path / "shop_probes.py").write_text(PROBES)
    (tmp_path / "broken_probes.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_it_serves_what_the_probes_say_until_it_is_told_to_end(probes: Path) -> None:
    """Several probes from callable and mapping; one that fails is absent; SIGTERM ends it well."""
    command = [
        sys.executable, "-m", "cqrs_telemetry.watch", "shop_probes:orders", "shop_probes:several",
        "--port", "0", "--service", "sidecar",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=probes, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = read_line(process.stdout, "address of the sidecar")
        assert line.startswith("watching orders, stock, broken on http://127.0.0.1:")
        with urllib.request.urlopen(line.split()[-1], timeout=LIMIT) as response:  # noqa: S310 - loopback
            samples = [
                each for each in response.read().decode().splitlines() if not each.startswith("#")
            ]
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=LIMIT)
    assert process.returncode == 0, errors
    pending = [each for each in samples if each.startswith("cqrs_projection_pending{")]
    assert sorted(each.rpartition(" ")[2] for each in pending) == ["0.0", "3.0"]
    (stale,) = (
        each for each in samples
        if each.startswith("cqrs_projection_staleness_milliseconds{") and '"orders"' in each
    )  # fmt: skip
    assert float(stale.rpartition(" ")[2]) >= 60_000
    assert any(each.startswith("target_info{") and '"sidecar"' in each for each in samples)
    assert "store is down" in errors


@pytest.mark.usefixtures("probes")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["shop_probes"], "'shop_probes' is not of the form module:probe"),
        ([":orders"], "':orders' is not of the form module:probe"),
        (["no_such_module:orders"], "cannot import 'no_such_module': ModuleNotFoundError"),
        (["broken_probes:orders"], "cannot import 'broken_probes': ZeroDivisionError"),
        (["shop_probes:missing"], "'shop_probes' has no 'missing'"),
        (["shop_probes:number"], "must be a probe or a mapping of projection name to probe"),
        (["shop_probes:nothing"], "has no probe in it"),
        (["shop_probes:several", "--name", "x"], "--name is for one probe"),
        (["shop_probes:orders", "shop_probes:stock", "--name", "x"], "--name is for one probe"),
        (["shop_probes:orders", "--port", "70000"], "port must be 0 to 65535, not 70000"),
    ],
)
def test_what_cannot_be_watched_is_named(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command line ends with 2 and says what is wrong with which argument."""
    with pytest.raises(SystemExit) as ended:
        watch.main(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["shop_probes:wrong"], "probe of 'orders' must be callable, not int"),
        (["shop_probes:orders", "shop_probes:orders"], "'orders' is watched already"),
        (["shop_probes:orders", "--timeout", "0"], "timeout must be a positive number"),
    ],
)
def test_a_watch_that_cannot_begin_ends_the_process(
    probes: Path, arguments: list[str], message: str
) -> None:
    """Nothing is served then, and the message is the library's."""
    result = subprocess.run(
        [sys.executable, "-m", "cqrs_telemetry.watch", *arguments, "--port", "0"],
        cwd=probes, capture_output=True, text=True, check=False, timeout=LIMIT,
    )  # fmt: skip
    assert (result.returncode, result.stdout) == (2, "")
    assert message in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.usefixtures("probes")
def test_a_probe_may_have_another_name() -> None:
    """By default it is the callable's."""
    assert list(watch.load_probes("shop_probes:orders")) == ["orders"]
    assert list(watch.load_probes("shop_probes:orders", "order_list")) == ["order_list"]
