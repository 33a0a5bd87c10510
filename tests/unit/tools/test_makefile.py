"""The commands that README and CI name."""

from __future__ import annotations

import re
import subprocess

import pytest

from get_servers import SOURCES
from waits import LIMIT

ROOT = SOURCES.parent
TARGETS = [
    "demo", "faults", "roads", "test", "check", "lint", "type", "generate", "mutants", "bench",
    "tools", "clean",
]  # fmt: skip

# Programs are found on PATH alone.
WITH_TOOLS = f'env PATH="{ROOT}/.tools/bin:$PATH"'


def make(*arguments: str) -> str:
    """What make prints; it is told to do nothing else where that matters."""
    # Neither the options nor the variables of a make that runs these tests.
    environment = {"PATH": "/usr/bin:/bin"}
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=LIMIT,
    ).stdout


def test_make_alone_lists_every_target_in_one_line() -> None:
    """The default goal is the help, and it knows each target of the contract."""
    listed = dict(line.split(maxsplit=1) for line in make().splitlines())
    assert set(TARGETS) <= set(listed)
    assert all(len(text) > 15 for text in listed.values())


def test_every_phony_target_exists() -> None:
    """No name in .PHONY without a rule: make would call it done."""
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony
    for name in phony.group(1).split():
        assert re.search(rf"^{name}:", makefile, re.MULTILINE), name


def test_demo_gets_only_what_it_uses_and_becomes_the_demo() -> None:
    """Prometheus, nothing else; exec, so that Ctrl-C reaches the demo itself."""
    *_, servers, demo = make("-n", "demo").splitlines()
    assert servers.split("get_servers.py")[1].split() == ["prometheus"]
    assert demo.startswith(f"exec {WITH_TOOLS} .venv/bin/orders demo")


def test_faults_get_what_they_need() -> None:
    """Prometheus, Alertmanager so that alerts reach somebody, and the collector that is broken."""
    *_, servers, faults = make("-n", "faults").splitlines()
    assert servers.split("get_servers.py")[1].split() == ["prometheus", "alertmanager", "otelcol"]
    assert faults.startswith(f"exec {WITH_TOOLS} .venv/bin/orders faults")


def test_roads_get_what_they_need() -> None:
    """Both Prometheus servers and the collector, nothing else."""
    *_, servers, roads = make("-n", "roads").splitlines()
    needed = ["prometheus", "prometheus2", "otelcol"]
    assert servers.split("get_servers.py")[1].split() == needed
    assert roads.startswith(f"exec {WITH_TOOLS} .venv/bin/orders roads")


@pytest.mark.parametrize("target", ["lint", "type", "generate", "tools", "pytest"])
def test_ci_runs_everything(target: str) -> None:
    """`make test` checks style and types, regenerates, gets the servers, runs the tests."""
    commands = make("-n", "-B", "test")
    expected = {
        "lint": ["ruff check", "ruff format --check"],
        "type": ["mypy", "basedpyright"],
        "generate": ["cqrs-alerts generate", "cqrs-dashboards generate", "git diff --exit-code"],
        "tools": ["tools/get_servers.py\n"],
        "pytest": ["-m pytest"],
    }
    for part in expected[target]:
        assert part in commands
