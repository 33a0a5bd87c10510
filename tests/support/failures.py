"""Keeps what tells why tests failed: names, first error lines, and the logs of their servers.

A pytest plugin, on with ``--results=FOLDER``. ``failures.txt`` there gets an entry as soon as a
test fails, so that a run that is cut off has it too; ``logs`` gets a folder per failed test.
"""

from __future__ import annotations

import re
import time
from collections.abc import Generator
from pathlib import Path

import pytest

FAILURES = "failures.txt"
LOGS = "logs"
LOG_FILES = ("*.log", "log", "output.txt")  # what tests and demos call the output of processes
KEPT_BYTES = 200_000  # of the end of each log
MOST_FILES = 50  # of a failed test


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the folder."""
    parser.addoption("--results", help="folder for failures.txt and logs")


def pytest_configure(config: pytest.Config) -> None:
    """Watch, when there is a folder to write to."""
    folder: str | None = config.getoption("--results")
    if folder is not None:
        config.pluginmanager.register(Failures(config.rootpath / folder, config), "failures-kept")


class Failures:
    """Writes entries where the whole run is seen, and copies logs where the test ran.

    With pytest-xdist these are two processes, and reports reach both.
    """

    def __init__(self, folder: Path, config: pytest.Config) -> None:
        self.folder = folder
        self.writes = not hasattr(config, "workerinput")
        self.module: Path | None = None
        self.since = time.time()  # when the first test of the present module began

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self, location: tuple[str, int | None, str]) -> None:
        """A module's servers may be started by any of its tests."""
        if self.module != (module := Path(location[0])):
            self.module, self.since = module, time.time()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Copy logs that were written to since the module began, before fixtures remove them."""
        report = yield
        if report.failed:
            factory: pytest.TempPathFactory = item.config._tmp_path_factory  # type: ignore[attr-defined]
            keep_logs(factory.getbasetemp(), self.since, self.folder / LOGS / _name(report.nodeid))
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write the entry of a test that failed."""
        if report.failed and self.writes:
            self._write(f"{report.nodeid} ({report.when})", report.longreprtext, report.longrepr)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Write the entry of a module that could not be collected."""
        if report.failed and self.writes:
            self._write(f"{report.nodeid} (collection)", report.longreprtext, report.longrepr)

    def _write(self, name: str, text: str, told: object) -> None:
        crash = getattr(told, "reprcrash", None)
        lines = (crash.message if crash else text).strip().splitlines() or ["it said nothing"]
        # A traceback marks what was raised, at its end.
        lines = [line[1:].strip() for line in lines if line.startswith("E ")] or lines
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / FAILURES).open("a") as file:
            file.write(f"FAILED {name}\n" + "".join(f"    {line}\n" for line in lines[:3]))


def keep_logs(source: Path, since: float, target: Path) -> None:
    """Copy the ends of logs that were written to after an instant, under their relative paths."""
    found = {path for pattern in LOG_FILES for path in source.rglob(pattern) if path.is_file()}
    written = {path: path.stat().st_mtime for path in found}
    recent = sorted((path for path in found if written[path] >= since), key=written.__getitem__)
    for path in recent[-MOST_FILES:]:
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes()[-KEPT_BYTES:])


def _name(test: str) -> str:
    return re.sub(r"[^\w.-]+", "-", test)[:150]
