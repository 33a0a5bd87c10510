"""A running demo: its parts, what is known of it, and waiting while watching them."""

from __future__ import annotations

import json
import math
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .command_lines import DemoSettings
from .processes import Parts

START_LIMIT = 60.0  # seconds in which a part has to answer
STATE_FILE = "demo.json"


class StoppedError(Exception):
    """Somebody asked the demo to end."""


class StartError(Exception):
    """Something did not come up, or could not be generated."""


@dataclass
class Demo:
    """A running demo and what is known of it."""

    settings: DemoSettings
    parts: Parts
    started: float = field(default_factory=time.monotonic)
    stop: threading.Event = field(default_factory=threading.Event)
    urls: dict[str, str] = field(default_factory=dict)
    doctor_status: int | None = None
    load_began: float = math.inf  # seconds after the start
    fault_began: float | None = None  # seconds since 1970

    def pause(self, seconds: float) -> None:
        """Wait, watching.

        Raises:
            StoppedError: A signal came.
            PartEndedError: A part ended.
        """
        if self.stop.wait(seconds):
            raise StoppedError
        self.parts.check()

    def wait_until(self, condition: Callable[[], bool], complaint: str) -> None:
        """Wait for a condition, watching.

        Raises:
            StartError: It is not so after ``START_LIMIT``.
            StoppedError, PartEndedError: See ``pause``.
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
