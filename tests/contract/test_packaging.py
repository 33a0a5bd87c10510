"""Each distribution installs alone from its folder, brings what it needs, and starts fast."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from waits import LIMIT

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")
OURS = {"cqrs-telemetry", "cqrs-alerts", "cqrs-dashboards"}

# Distribution folder: what of ours comes with it, and what must not.
CASES = {
    "instrumentation": ({"cqrs-telemetry"}, {"opentelemetry-sdk", "grafanalib", "pyyaml"}),
    "alerts": ({"cqrs-telemetry", "cqrs-alerts"}, {"opentelemetry-sdk", "grafanalib"}),
    "dashboards": (OURS, {"opentelemetry-sdk"}),
}


@pytest.mark.parametrize("folder", CASES)
def test_distribution_installs_alone(folder: str, tmp_path: Path) -> None:
    """Pip's rules, an empty environment, versions from the lock: the arrows point one way."""
    ours, foreign = CASES[folder]
    subprocess.run(
        [UV, "venv", "-q", "--python", sys.executable, tmp_path / "venv"], check=True, timeout=LIMIT
    )
    python = tmp_path / "venv/bin/python"
    constraints = tmp_path / "constraints.txt"
    lock = (ROOT / "requirements.lock").read_text()
    constraints.write_text(
        "\n".join(line.rstrip(" \\") for line in lock.splitlines() if line[:1].isalpha())
    )
    subprocess.run(
        [UV, "pip", "install", "-q", "--python", python, "-c", constraints, ROOT / folder],
        check=True,
        cwd=tmp_path,
        timeout=LIMIT,
    )
    listed = subprocess.run(
        [UV, "pip", "list", "--python", python, "--format", "freeze"],
        check=True,
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    listing = listed.stdout.splitlines()
    names = {line.split("==")[0].split(" ")[0].lower() for line in listing if line}
    assert names & OURS == ours
    assert not names & foreign
    if folder == "instrumentation":
        assert names - ours == {"opentelemetry-api", "typing-extensions"}
    module = {"instrumentation": "telemetry"}.get(folder, folder)
    subprocess.run(
        [python, "-W", "error", "-c", f"import cqrs_{module}"],
        check=True,
        cwd=tmp_path,
        timeout=LIMIT,
    )


@pytest.mark.parametrize("package", ["cqrs_alerts", "cqrs_dashboards"])
def test_a_started_command_collects_garbage(package: str) -> None:
    """The start leaves out of the collector what is imported, and nothing that comes later."""
    check = f"import gc, {package}.__main__; print(gc.isenabled(), gc.get_freeze_count() > 50_000)"
    done = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True, timeout=LIMIT
    )
    assert done.stdout == "True True\n"
    done = subprocess.run(
        [sys.executable, "-m", package, "--version"], capture_output=True, timeout=LIMIT
    )
    assert done.returncode == 0
