"""How the Python environment comes about, on machines that lack one thing or another."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from get_servers import SOURCES
from waits import LIMIT

Script = Callable[[str, str], Path]

COMMANDS = ("awk", "chmod", "cmp", "dirname", "grep", "mkdir", "mv", "rm", "sed", "touch")
# This Python with another version number, and with such venv and pip as the test says.
PYTHON = """
case "$*" in
  "-c "*) exec {real} -c "import sys; sys.version_info = ({numbers}); $2";;
  "-m venv "*) {venv};;
  "-m pip --version") exit {no_pip};;
  "-m pip install"*) echo "pip: $*" >> ../log; {uv};;
esac
"""
# Makes what `uv venv` makes, and notes every call.
UV = r"""
echo "uv: $*" >> ../log
case "$*" in
  "venv --help") echo " --clear  --no-project"; exit;;
  venv*) mkdir -p .venv/bin; printf '#!/bin/sh\necho Python 3.99\n' > .venv/bin/python
         chmod +x .venv/bin/python;;
esac
"""
PIP_BRINGS_UV = """
  mkdir -p .tools/uv/bin; sed '' ../path/fake-uv > .tools/uv/bin/uv; chmod +x .tools/uv/bin/uv
"""


@pytest.fixture
def machine(tmp_path: Path, script: Script) -> Path:
    """A checkout with bootstrap.sh and a lock, and a PATH with nothing but small commands."""
    project = tmp_path / "project"
    (project / "tools").mkdir(parents=True)
    shutil.copy2(SOURCES / "bootstrap.sh", project / "tools")
    (project / "requirements.lock").write_text(
        "a==1 \\\n    --hash=sha256:0\nuv==0.99 \\\n    --hash=sha256:1\nz==2 \\\n    --hash=x\n"
    )
    for name in COMMANDS:
        (tmp_path / "path" / name).symlink_to(str(shutil.which(name)))
    return project


def add_python(script: Script, name: str, version: str, **answers: str) -> None:
    """Put a Python on PATH; by default without venv and without pip."""
    defaults = {"venv": "exit 1", "no_pip": "1", "uv": ":"}
    numbers = version.replace(".", ", ")
    script(name, PYTHON.format(real=sys.executable, numbers=numbers, **{**defaults, **answers}))


def bootstrap(machine: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it."""
    path = {"PATH": str(machine.parent / "path"), **environment}
    command = [str(machine / "tools/bootstrap.sh")]
    return subprocess.run(
        command, env=path, capture_output=True, text=True, check=False, timeout=LIMIT
    )


def log_of(machine: Path) -> str:
    """What was called."""
    return (machine.parent / "log").read_text()


def test_uv_on_path_installs_by_hash_then_the_members(machine: Path, script: Script) -> None:
    """Everything from the lock is checked by hash; our own members come without dependencies."""
    add_python(script, "python3", "3.11.2")
    script("uv", UV)
    assert bootstrap(machine).returncode == 0
    calls = [line for line in log_of(machine).splitlines() if "pip install" in line]
    assert "--require-hashes -r requirements.lock" in calls[0]
    assert "--no-deps --no-build-isolation" in calls[1]
    assert calls[1].endswith("-e instrumentation -e alerts -e dashboards -e examples/orders")
    assert (machine / ".venv/.ready").exists()


def test_newer_python_beside_an_old_one_is_used(machine: Path, script: Script) -> None:
    """python3 is 3.8, but python3.12 is there."""
    add_python(script, "python3", "3.8.18")
    add_python(script, "python3.12", "3.12.1")
    script("uv", UV)
    assert bootstrap(machine).returncode == 0
    assert f"--python {machine.parent}/path/python3.12 .venv" in log_of(machine)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "no Python 3.10 or newer: python3 is 3.8.18, python3.10 is 3.9.99; install python3"),
        ({"PYTHON": "python3.10"}, "or newer in PYTHON=python3.10: python3.10 is 3.9.99; install"),
        ({"PYTHON": "python9"}, "or newer in PYTHON=python9: none found; install python3"),
    ],
)
def test_too_old_pythons_are_named(
    machine: Path, script: Script, environment: dict[str, str], said: str
) -> None:
    """The error lists what was found, and what to install; a PYTHON that was asked for decides."""
    add_python(script, "python3", "3.8.18")
    add_python(script, "python3.10", "3.9.99")
    result = bootstrap(machine, **environment)
    assert result.returncode == 1
    assert said in result.stderr


def test_without_venv_uv_comes_by_pip_from_the_lock(machine: Path, script: Script) -> None:
    """python3-venv is missing, pip is there: uv of the lock's version, by hash, into .tools/uv."""
    script("fake-uv", UV)
    add_python(script, "python3", "3.10.0", no_pip="0", uv=PIP_BRINGS_UV)
    result = bootstrap(machine)
    assert result.returncode == 0, result.stderr
    assert "pip: -m pip install -q --require-hashes --target .tools/uv" in log_of(machine)
    pinned = "uv==0.99 \\\n    --hash=sha256:1\n"
    assert (machine / ".tools/uv/requirements.txt").read_text() == pinned


def test_uv_of_the_lock_is_kept_until_its_pin_changes(machine: Path, script: Script) -> None:
    """A second bootstrap installs no uv; a lock with another uv does."""
    script("fake-uv", UV)
    add_python(script, "python3", "3.10.0", no_pip="0", uv=PIP_BRINGS_UV)
    assert [bootstrap(machine).returncode for _ in range(2)] == [0, 0]
    assert log_of(machine).count("--target .tools/uv") == 1
    lock = machine / "requirements.lock"
    lock.write_text(lock.read_text().replace("uv==0.99", "uv==1.00"))
    assert bootstrap(machine).returncode == 0
    assert log_of(machine).count("--target .tools/uv") == 2


def test_uv_too_old_for_us_is_as_good_as_none(machine: Path, script: Script) -> None:
    """A uv on PATH that lacks an option that is used is not used; here none other can be had."""
    add_python(script, "python3", "3.10.0")
    script("uv", 'echo "uv: $*" >> ../log; echo " --seed"')
    result = bootstrap(machine)
    assert result.returncode == 1
    assert log_of(machine) == "uv: venv --help\n"


def test_neither_venv_nor_pip_nor_uv_says_what_to_install(machine: Path, script: Script) -> None:
    """The package is named, and nothing that looks ready is left."""
    add_python(script, "python3", "3.10.0")
    result = bootstrap(machine)
    assert result.returncode == 1
    assert "has neither venv nor pip" in result.stderr
    assert "apt install python3-venv" in result.stderr
    assert not (machine / ".venv").exists()


def test_failed_install_is_not_called_ready(machine: Path, script: Script) -> None:
    """A hash that does not match ends it: the next make tries again."""
    add_python(script, "python3", "3.10.0")
    script("uv", UV + 'case "$*" in *--require-hashes*) exit 2;; esac')
    assert bootstrap(machine).returncode == 2
    assert not (machine / ".venv/.ready").exists()
