"""One area's tests run where only that distribution is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from waits import LIMIT

ROOT = Path(__file__).parents[2]
# Beside each area, the distributions that its tests have no need of.
ABSENT = {
    "instrumentation": ("cqrs_alerts", "cqrs_dashboards", "orders"),
    "alerts": ("cqrs_dashboards",),
}
BLOCK = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names}:
            raise ModuleNotFoundError(f"No module named {{name!r}}: not of this area", name=name)

sys.meta_path.insert(0, Absent())
"""


def collect(area: str, absent: tuple[str, ...], folder: Path) -> subprocess.CompletedProcess[str]:
    """Collect an area's tests in a process that cannot import some distributions."""
    (folder / "absent.py").write_text(BLOCK.format(names=set(absent)))
    options = ["-p", "absent", "-p", "no:cacheprovider", "--collect-only", "-q"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, f"tests/unit/{area}"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(folder), "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )


@pytest.mark.parametrize("area", ABSENT)
def test_an_areas_tests_need_no_other_distribution(area: str, tmp_path: Path) -> None:
    """Neither the tests nor the conftest above them import what the area does not depend on."""
    done = collect(area, ABSENT[area], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_absent_is_noticed(tmp_path: Path) -> None:
    """The check fails on tests that do import such a distribution."""
    done = collect("orders", ("orders",), tmp_path)
    assert done.returncode != 0
    assert "No module named 'orders" in done.stdout + done.stderr
