"""What is killed under load: by SIGKILL, so that nobody can say farewell."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

from ..demo.prometheus import require_server
from .plan import Disturbance
from .running import Started, start_collector, start_prometheus

PAUSE = 8.0  # seconds of load before each


def disturb(started: Started) -> None:
    """Do to a run under load what its road says."""
    disturbance = started.run.road.disturbance
    if disturbance:
        _DISTURBANCES[disturbance](started)


def _kill_servers(started: Started) -> None:
    """The collector, where there is one, and then Prometheus; each comes back."""
    if started.run.road.export == "collector":
        _kill(started, "collector")
        start_collector(started, "collector-again")
    for cell in started.run.cells:
        _kill(started, started.layout.folder(cell).name)
        program = require_server(cell.road.server)
        start_prometheus(started, cell, program, "-again")


def _kill(started: Started, name: str) -> None:
    started.pause(PAUSE)
    started.parts.send(name, signal.SIGKILL, ends=True)
    started.wait_until(lambda: started.parts.ended(name), f"{name} goes on")


def _kill_worker(started: Started) -> None:
    """One of gunicorn's; gunicorn starts another."""
    started.pause(PAUSE)
    service = started.parts.pids["service"]
    worker, *_ = Path(f"/proc/{service}/task/{service}/children").read_text().split()
    os.kill(int(worker), signal.SIGKILL)


_DISTURBANCES: Mapping[Disturbance, Callable[[Started], None]] = {
    "servers": _kill_servers,
    "worker": _kill_worker,
}
