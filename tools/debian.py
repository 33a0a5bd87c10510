"""Debian's packages without root: downloaded with a state of our own, extracted into a folder."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from processes import run, say
from servers import UnavailableError


def extract(packages: Sequence[str], work: Path, *, dependencies: bool = False) -> Path:
    """Root folder of packages, with what they need and this machine lacks if asked for."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise UnavailableError("no apt-get and dpkg-deb here")
    state, debs, root = (work / name for name in ("apt", "debs", "root"))
    for folder in (state / "lists/partial", state / "cache/archives/partial", debs, root):
        folder.mkdir(parents=True)
    apt = [
        "apt-get", "-q", "-o", f"Dir::State={state}", "-o", f"Dir::Cache={state / 'cache'}",
        "-o", "Dir::State::status=/var/lib/dpkg/status", "-o", "APT::Sandbox::User=root",
        "-o", "Acquire::Languages=none",
    ]  # fmt: skip
    say(f"  from Debian: {' '.join(packages)}")
    run("apt-get update", [*apt, "update"], cwd=debs)
    wanted = missing_packages(apt, packages) if dependencies else packages
    run("apt-get download", [*apt, "download", *wanted], cwd=debs)
    for deb in debs.glob("*.deb"):
        run("dpkg-deb -x", ["dpkg-deb", "-x", str(deb), str(root)], cwd=debs)
    return root


def missing_packages(apt: Sequence[str], packages: Sequence[str]) -> list[str]:
    """What apt would install for packages on this machine, these themselves always."""
    plan = subprocess.run(
        [*apt, "install", "--simulate", "--no-install-recommends", *packages],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if plan.returncode:
        raise UnavailableError(
            f"apt-get has no plan for {packages[0]}: {plan.stderr.strip()[:200]}"
        )
    planned = [line.split()[1] for line in plan.stdout.splitlines() if line.startswith("Inst ")]
    return sorted({*packages, *planned})
