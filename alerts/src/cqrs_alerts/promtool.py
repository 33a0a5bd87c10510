"""Prometheus' own opinion of rule files, when promtool is at hand."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

ADVICE = (
    "promtool was not found in PATH or .tools/bin; "
    "it comes with Prometheus, and in this repository with: make tools"
)


class PromtoolMissingError(Exception):
    """There is no promtool to ask."""


def find_promtool() -> Path:
    """Where promtool is.

    Raises:
        PromtoolMissingError: It is neither in PATH nor in ``.tools/bin`` here or above.
    """
    here = Path.cwd()
    folders = (folder / ".tools" / "bin" for folder in (here, *here.parents))
    found = shutil.which("promtool") or next(
        filter(None, (shutil.which("promtool", path=str(folder)) for folder in folders)), None
    )
    if found is None:
        raise PromtoolMissingError(ADVICE)
    return Path(found)


def check_rules(paths: Iterable[Path]) -> str:
    """What promtool finds wrong with rule files; empty when nothing is.

    Raises:
        PromtoolMissingError: There is no promtool to ask.
    """
    done = subprocess.run(
        [find_promtool(), "check", "rules", "--lint=all", "--lint-fatal", *map(str, paths)],
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode == 0 else (done.stdout + done.stderr).strip()
