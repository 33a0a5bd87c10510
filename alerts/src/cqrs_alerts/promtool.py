"""Prometheus' own opinion of rule files, when promtool is at hand."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

ADVICE = (
    "promtool was not found on PATH; it comes with Prometheus: add its folder to PATH, or give "
    "the program by --promtool"
)


class PromtoolMissingError(Exception):
    """There is no promtool to ask."""


def find_promtool() -> Path:
    """Where promtool is.

    Raises:
        PromtoolMissingError: It is not on PATH.
    """
    found = shutil.which("promtool")
    if found is None:
        raise PromtoolMissingError(ADVICE)
    return Path(found)


def check_rules(paths: Iterable[Path], promtool: Path | None = None) -> str:
    """What promtool finds wrong with rule files; empty when nothing is.

    ``promtool`` is the program; by default the one on PATH.

    Raises:
        PromtoolMissingError: There is no promtool to ask.
    """
    program = promtool or find_promtool()
    done = subprocess.run(
        [program, "check", "rules", "--lint=all", "--lint-fatal", *map(str, paths)],
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode == 0 else (done.stdout + done.stderr).strip()
