"""A running demo: its parts, what is known of it, and waiting while watching them."""

from __future__ import annotations

import json
import math
import os
import stat
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from .command_lines import DemoSettings
from .processes import Parts

SIZE_PERIOD = 5.0  # seconds between two looks at the size of the data folder
START_LIMIT = 60.0  # seconds in which a part has to answer
STATE_FILE = "demo.json"


def bytes_in(folder: Path) -> int:
    """What the files of a folder hold; those that vanish meanwhile hold nothing."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            status = path.lstat()
            total += status.st_size if stat.S_ISREG(status.st_mode) else 0
    return total


class StoppedError(Exception):
    """Somebody asked the demo to end."""


class StartError(Exception):
    """Something did not come up, or could not be generated."""


class DataLimitError(Exception):
    """The data folder holds more than it may."""


@dataclass
class Demo:
    """A running demo and what is known of it."""

    settings: DemoSettings
    parts: Parts
    started: float = field(default_factory=time.monotonic)
    stop: threading.Event = field(default_factory=threading.Event)
    held: ExitStack = field(default_factory=ExitStack)  # what has to last as long as the demo
    urls: dict[str, str] = field(default_factory=dict)
    doctor_status: int | None = None
    load_began: float = math.inf  # seconds after the start
    fault_began: float | None = None  # seconds since 1970
    sized: float = -math.inf  # when the data folder was last looked at, seconds after the start

    def pause(self, seconds: float) -> None:
        """Wait, watching.

        Raises:
            StoppedError: A signal came.
            PartEndedError: A part ended.
            DataLimitError: The data folder holds more than it may.
        """
        if self.stop.wait(seconds):
            raise StoppedError
        self.parts.check()
        if self.elapsed() - self.sized >= SIZE_PERIOD:
            self.sized = self.elapsed()
            self._check_size()

    def _check_size(self) -> None:
        folder, limit = self.settings.data, self.settings.max_data
        held = bytes_in(folder) / 1e9
        if held > limit:
            raise DataLimitError(
                f"{folder} holds {held:.2g} GB, more than {limit:g} GB; raise --max-data (MAX_DATA)"
                " for a longer demo, or start it with --no-spans, which writes less"
            )

    def wait_until(self, condition: Callable[[], bool], complaint: str) -> None:
        """Wait for a condition, watching.

        Raises:
            StartError: It is not so after ``START_LIMIT``.
            StoppedError, PartEndedError, DataLimitError: See ``pause``.
        """
        deadline = time.monotonic() + START_LIMIT
        while not condition():
            if time.monotonic() > deadline:
                raise StartError(
                    f"{complaint} after {START_LIMIT:g} s; see {self.settings.data}/logs"
                )
            self.pause(0.1)

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def fault_due(self) -> float:
        """When the fault begins, in seconds after the start."""
        return self.load_began + self.settings.fault_after

    def write_state(self, status: str) -> None:
        """Tell other programs where everything is; replaces the file at once."""
        state = {
            "status": status,
            "pid": os.getpid(),
            "pids": dict(self.parts.pids),
            "urls": self.urls,
            "elapsed_seconds": round(self.elapsed(), 1),
            "doctor_exit_status": self.doctor_status,
            "fault": self.settings.fault and self.settings.fault.name,
            "fault_began": self.fault_began,
        }
        path = self.settings.data / STATE_FILE
        part = path.with_name(f"{STATE_FILE}.part")
        part.write_text(json.dumps(state, indent=2) + "\n")
        part.replace(path)
