"""Real garbage collection and real signals beside a thread that scrapes, in a process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from waits import LIMIT

SCRIPT = Path(__file__).with_name("stress.py")


@pytest.mark.parametrize("kind", ["awaitables", "coroutines", "rows", "signals"])
def test_nothing_hangs(kind: str) -> None:
    """Thousands of operations that finalizers end, or that signals interrupt: all are reported."""
    try:
        done = subprocess.run(
            [sys.executable, SCRIPT, kind],
            capture_output=True, text=True, timeout=LIMIT, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as hung:
        pytest.fail(f"{kind} hang: no end after {LIMIT:g} s\n{hung.stderr}", pytrace=False)
    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr
