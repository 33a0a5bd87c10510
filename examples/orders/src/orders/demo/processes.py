"""Processes that end with the one that started them, whatever ends that one."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 10.0  # seconds that a part gets between being asked to stop and being killed
TAIL = 20  # lines of a log that are shown of a part that failed
_PR_SET_PDEATHSIG = 1  # prctl(2)


class PartEndedError(Exception):
    """A part ended that should have gone on."""


@dataclass(frozen=True)
class Part:
    """One started process; ``finite`` when ending with status 0 is right."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    finite: bool


class Parts:
    """The processes of one demo, each with a log file named after it."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._parts: list[Part] = []
        self._ending: set[str] = set()

    @property
    def pids(self) -> Mapping[str, int]:
        """Process id by name of the part."""
        return {part.name: part.process.pid for part in self._parts}

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        finite: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start a process in a session of its own, so that Ctrl-C reaches this one alone.

        ``environment`` is all that it gets; by default that of this process.
        """
        log = self._logs / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
                preexec_fn=_die_with_parent(os.getpid()),
            )
        self._parts.append(Part(name, process, log, finite))

    def ended(self, name: str) -> bool:
        """Whether a part's process has ended."""
        return self._named(name).process.poll() is not None

    def log(self, name: str) -> Path:
        """Where a part's output goes."""
        return self._named(name).log

    def check(self) -> None:
        """Find out whether all that should run still runs.

        Raises:
            PartEndedError: Names the part, its status and what it said last.
        """
        for part in self._parts:
            status = part.process.poll()
            may_end = part.name in self._ending or (part.finite and status == 0)
            if status is not None and not may_end:
                raise PartEndedError(
                    f"the {part.name} ended {_describe(status)}; the last lines of {part.log}:\n"
                    + _tail(part.log)
                )

    def send(self, name: str, number: signal.Signals, *, ends: bool = False) -> None:
        """Send a signal to a part; ``ends`` when it is right that the part ends from now on."""
        if ends:
            self._ending.add(name)
        self._named(name).process.send_signal(number)

    def stop(self) -> None:
        """End what was started, last first; each may finish what it is doing."""
        for part in reversed(self._parts):
            part.process.terminate()  # does nothing to one that has ended
            part.process.send_signal(signal.SIGCONT)  # one that is stopped hears nothing else
            try:
                part.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(part.process.pid, signal.SIGKILL)
                part.process.wait(PATIENCE)

    def _named(self, name: str) -> Part:
        return next(part for part in self._parts if part.name == name)


def run_to_end(command: Sequence[str], timeout: float) -> subprocess.CompletedProcess[str]:
    """Run a command that ends by itself; it too dies with this process."""
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
        env={**os.environ, "COLUMNS": str(shutil.get_terminal_size().columns)},  # not the pipe's
        start_new_session=True,
        preexec_fn=_die_with_parent(os.getpid()),
    )


def _die_with_parent(parent: int) -> Callable[[], None] | None:
    """Between fork and exec: ask Linux for SIGKILL as soon as the parent is gone.

    Not even SIGKILL to the parent, which it cannot notice, leaves a process behind. Other systems
    lack the call; there the parts end with every other end of the parent.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl  # looked up before the fork

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the call
            os._exit(1)

    return ask


def _describe(status: int) -> str:
    if status < 0:
        return f"by signal {signal.Signals(-status).name}"
    return f"with status {status}"


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-TAIL:]
    return "\n".join(f"  | {line}" for line in lines or ["(it said nothing)"])
