"""What is kept of a test run that fails, and how CI ends with it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from failures import KEPT_BYTES
from waits import LIMIT

ROOT = Path(__file__).parents[3]
SUITE = """
import pytest

@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    (folder / "server.log").write_text("x" * 300_000 + "the last line")
    return folder

@pytest.fixture
def broken():
    raise LookupError("no such port")

def test_passes(tmp_path):
    (tmp_path / "log").write_text("nobody asks")

def test_fails(server):
    assert 1 == 2, "one is not two"

def test_lacks_its_fixture(server, broken):
    pass
"""
PASSING = "def test_passes(): pass\n"


def run(folder: Path, source: str, *options: str) -> int:
    """Status of pytest over one module, with the plugin and nothing else of this suite."""
    (folder / "test_it.py").write_text(source)
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [
        sys.executable, "-m", "pytest", "-p", "failures", "--results=kept",
        f"--basetemp={folder / 'temporary'}", *options,
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests/support"), "PYTEST_ADDOPTS": ""}
    return subprocess.run(command, cwd=folder, env=environment, timeout=LIMIT).returncode


@pytest.mark.parametrize("options", [[], ["-n", "2"]], ids=["one process", "two workers"])
def test_failed_tests_are_named_with_their_first_lines_and_logs(
    tmp_path: Path, options: list[str]
) -> None:
    """A failure in the test or its fixtures has an entry, and its servers' logs by their ends."""
    assert run(tmp_path, SUITE, *options) == 1
    text = (tmp_path / "kept/failures.txt").read_text()
    assert "FAILED test_it.py::test_fails (call)\n    AssertionError: one is not two\n" in text
    assert "FAILED test_it.py::test_lacks_its_fixture (setup)\n    LookupError: no such" in text
    assert text.count("FAILED") == 2
    folders = {path.name: path for path in (tmp_path / "kept/logs").iterdir()}
    assert folders.keys() == {"test_it.py-test_fails", "test_it.py-test_lacks_its_fixture"}
    (log,) = folders["test_it.py-test_fails"].rglob("server.log")
    assert log.read_text().endswith("the last line")
    assert log.stat().st_size == KEPT_BYTES


def test_a_module_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """What fails before any test runs has an entry, too."""
    assert run(tmp_path, "import no_such_module") != 0
    text = (tmp_path / "kept/failures.txt").read_text()
    assert "FAILED test_it.py (collection)" in text
    assert "no_such_module" in text


def test_a_run_that_passes_leaves_nothing(tmp_path: Path) -> None:
    """No folder is made while nothing fails."""
    assert run(tmp_path, PASSING) == 0
    assert not (tmp_path / "kept").exists()


def end_of_ci(folder: Path, make: str) -> tuple[int, list[str]]:
    """Status and output of ``.ci/run`` in a checkout whose ``make`` is a script."""
    (folder / ".ci").mkdir()
    (folder / ".ci/run").write_text((ROOT / ".ci/run").read_text())
    (folder / "bin").mkdir()
    program = folder / "bin/make"
    program.write_text(f"#!/bin/sh\n{make}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    done = subprocess.run(
        ["bash", folder / ".ci/run"],
        env={"PATH": f"{folder / 'bin'}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    return done.returncode, done.stdout.splitlines()


def test_ci_ends_with_the_failures(tmp_path: Path) -> None:
    """The last lines are names and reasons, whatever was printed before; the status is make's."""
    entry = "FAILED test_it.py::test_fails (call)\\n    AssertionError: one is not two\\n"
    status, lines = end_of_ci(
        tmp_path, f"mkdir .test-results; printf '{entry}' > .test-results/failures.txt; exit 2"
    )
    assert status == 2
    assert lines[-2:] == [line for line in entry.split("\\n") if line]


def test_ci_says_when_no_test_failed(tmp_path: Path) -> None:
    """Lint, types, generated files and servers fail before tests do."""
    status, lines = end_of_ci(tmp_path, "echo lint; exit 2")
    assert status == 2
    assert lines[-1] == "no test failed: the reason is above"


def test_ci_that_passes_adds_nothing(tmp_path: Path) -> None:
    """The output is that of make."""
    assert end_of_ci(tmp_path, "echo all passed") == (0, ["all passed"])
