"""Long commands, with a sign of life while they run and their last words when they fail."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from servers import UnavailableError

_ON_TERMINAL = 1.0  # seconds between signs of life; a log gets fewer lines
_IN_LOG = 15.0


def say(text: str) -> None:
    """Progress goes to standard error."""
    if sys.stderr.isatty():
        text = f"\r\x1b[K{text}"  # over the line that a running command rewrites
    print(text, file=sys.stderr, flush=True)


def read_tail(log: BinaryIO, lines: int) -> list[str]:
    """The last lines that a command wrote so far; the position that it writes at stays."""
    size = os.fstat(log.fileno()).st_size
    text = os.pread(log.fileno(), 4000, max(0, size - 4000)).decode(errors="replace")
    return text.strip().splitlines()[-lines:]


def show_progress(what: str, seconds: float, log: BinaryIO) -> None:
    """One line that says what runs, since when, and what it does now."""
    line = f"  … {what}, {seconds:.0f} s  {' '.join(read_tail(log, 1))}"
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns - 1
        print(f"\r\x1b[K{line[:width]}", end="", file=sys.stderr, flush=True)
    else:
        say(line)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a command that is still running: ask first, so that it cleans up; then all that is left.

    A child that is deaf to the signal outlives the command that heeds it, so the group is killed.
    """
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=5)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def run(
    what: str, command: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None
) -> None:
    """Run a long command; when it fails, its last lines are the error."""
    started = shown = time.monotonic()
    interval = _ON_TERMINAL if sys.stderr.isatty() else _IN_LOG
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, cwd=cwd, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            while process.poll() is None:
                try:
                    process.wait(timeout=1)
                except subprocess.TimeoutExpired:
                    if time.monotonic() - shown >= interval:
                        shown = time.monotonic()
                        show_progress(what, shown - started, log)
        finally:
            end(process)
        if process.returncode:
            raise UnavailableError(f"{what} failed: " + " | ".join(read_tail(log, 5)))
