"""The runs of the fault matrix: demos started, watched and ended, several at a time."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from cqrs_alerts import promql
from cqrs_alerts.label_names import STATE
from cqrs_alerts.naming import recorded_label
from cqrs_alerts.projection_state import STATES_BOOL
from cqrs_telemetry import catalog

from ..projection import OrdersProjection
from .command_lines import IMPATIENT, ORDERS
from .matrix import Run, as_json, precision, recall, table, unproven, watch_seconds
from .processes import Parts
from .prometheus import require_server
from .running import STATE_FILE

RESULT_FILE = "matrix.json"
LOG_WIDTH = 120
RATE = 9  # messages per second: several demos share the machine
PERIOD = 1.0  # seconds between two looks at a run
MAX_DATA = 0.2  # gigabytes of a run: those at the same time share the disk
SPARE = 300.0  # seconds of a run that are neither warm-up nor watched: to start and to end
_BROKEN = promql.equals(recorded_label(catalog.PROJECTION_NAME), OrdersProjection.name)
_PRESENT = f"{promql.select(STATES_BOOL, [_BROKEN])} == 1"


@dataclass(frozen=True)
class MatrixSettings:
    """Where, how many at a time, and how long; times in seconds."""

    folder: Path
    jobs: int
    warm_up: float | None = None  # of load before the fault, when not the fault's own
    watch: float | None = None  # from the fault to the end, when shorter than the fault's own

    def watch_seconds(self, run: Run) -> float:
        """How long to watch a run after its fault began."""
        own = watch_seconds(run.fault)
        return own if self.watch is None else min(own, self.watch)

    def limit_seconds(self, run: Run) -> float:
        """How long the process of a run may take."""
        own = run.fault.warm_up if run.fault else 0.0
        warm_up = own if self.warm_up is None else self.warm_up
        return SPARE + warm_up + self.watch_seconds(run)


@dataclass
class Started:
    """A run under way."""

    run: Run
    data: Path
    name: str  # of its process
    ending: bool = False
    began: float = field(default_factory=time.monotonic)

    @property
    def is_worth_another(self) -> bool:
        """Whether it ended before it showed anything, for the first time.

        Between choosing a port and using it, another program can take it.
        """
        return bool(self.run.problem) and not self.run.watched and self.name == self.run.name


def run_all(runs: Sequence[Run], settings: MatrixSettings) -> int:
    """Run all, print the matrix, write it beside the runs' data; 0 when all is as expected.

    Raises:
        ServerMissingError: Prometheus, Alertmanager or the collector is not on this machine.
        OSError: The folder cannot be made, or is there already.
    """
    collector = ["otelcol"] if any(run.fault and run.fault.collector for run in runs) else []
    for server in ("prometheus", "alertmanager", *collector):
        require_server(server)
    # Where there is no terminal to fit into, rows stay whole.
    console = Console() if sys.stdout.isatty() else Console(width=LOG_WIDTH)
    folder = settings.folder
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    logs = folder / "logs"
    logs.mkdir(parents=True)
    console.print(f"data folder: {folder}")
    parts = Parts(logs)
    waiting, under_way, done = deque(runs), list[Started](), list[Run]()
    started = time.monotonic()
    try:
        while waiting or under_way:
            while waiting and len(under_way) < settings.jobs:
                run = waiting.popleft()
                under_way.append(_start(run, run.name, settings, parts))
            if stop.wait(PERIOD):
                console.print(table(done))
                console.print("stopped before the matrix was complete")
                return 1
            for each in list(under_way):
                _look(each, settings, parts)
                if parts.ended(each.name):
                    under_way.remove(each)
                    if each.is_worth_another:
                        each.run.problem = ""
                        name = f"{each.run.name}-again"
                        under_way.append(_start(each.run, name, settings, parts))
                        continue
                    done.append(each.run)
                    _report(each.run, time.monotonic() - started, console)
    finally:
        for each in under_way:  # all at once, because each takes its time
            parts.send(each.name, signal.SIGTERM)
        parts.stop()
    _conclude(runs, folder / RESULT_FILE, time.monotonic() - started, console)
    return 0 if all(run.passed for run in runs) else 1


def _start(run: Run, name: str, settings: MatrixSettings, parts: Parts) -> Started:
    data = settings.folder / name
    command = [
        *ORDERS,
        "demo",
        f"--data={data}",
        f"--rate={RATE}",
        f"--config={IMPATIENT}",
        f"--fault={run.fault.name if run.fault else ''}",
        *([] if settings.warm_up is None else [f"--fault-after={settings.warm_up}"]),
        f"--max-data={MAX_DATA}",
        "--no-spans",
        "--no-dashboards",
    ]
    parts.start(name, command, finite=True)
    return Started(run, data, name)


def _look(started: Started, settings: MatrixSettings, parts: Parts) -> None:
    """See what fires now, and ask the demo to end when there is nothing more to see."""
    run = started.run
    if parts.ended(started.name):
        if not started.ending:
            run.problem = f"the demo ended by itself; see {parts.log(started.name)}"
        return
    state = _read_state(started.data)
    if time.monotonic() - started.began > (limit := settings.limit_seconds(run)):
        run.problem = f"no end after {limit:g} s; saw last: {state.get('status', 'no state')}"
        parts.send(started.name, signal.SIGKILL, ends=True)
        started.ending = True
        return
    began = state.get("fault_began")
    if started.ending or "alertmanager" not in state.get("urls", {}):
        return
    now = time.time()
    since = now - began if began else -1.0
    _note(run.fired, _firing(state["urls"]["prometheus"]), since)
    _note(run.inhibited, _inhibited(state["urls"]["alertmanager"]), since)
    run.note_state(_states(state["urls"]["prometheus"]), since)
    for name, received in _notified(started.data).items():
        _note(run.told, [name], received - began if began else -1.0)
    run.watched = max(since, 0)
    if began and since >= settings.watch_seconds(run):
        parts.send(started.name, signal.SIGTERM, ends=True)
        started.ending = True


def _note(times: dict[str, float], names: Sequence[str], since: float) -> None:
    for name in names:
        times.setdefault(name, since)


def _read_state(data: Path) -> dict[str, Any]:
    path = data / STATE_FILE
    state: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return state


def _firing(url: str) -> list[str]:
    with suppress(httpx.TransportError, ValueError, KeyError):
        alerts = httpx.get(f"{url}/api/v1/alerts", timeout=2).json()["data"]["alerts"]
        return [each["labels"]["alertname"] for each in alerts if each["state"] == "firing"]
    return []


def _states(url: str) -> list[str]:
    """The present states of the projection that faults break."""
    with suppress(httpx.TransportError, ValueError, KeyError):
        answer = httpx.get(f"{url}/api/v1/query", params={"query": _PRESENT}, timeout=2).json()
        return sorted(each["metric"][STATE] for each in answer["data"]["result"])
    return []


def _inhibited(url: str) -> list[str]:
    with suppress(httpx.TransportError, ValueError, KeyError):
        alerts = httpx.get(f"{url}/api/v2/alerts", timeout=2).json()
        return [each["labels"]["alertname"] for each in alerts if each["status"]["inhibitedBy"]]
    return []


def _notified(data: Path) -> dict[str, float]:
    """When the receiver was first told of each alert, in seconds since 1970."""
    path, first = data / "notifications.jsonl", dict[str, float]()
    lines = path.read_text().split("\n")[:-1] if path.exists() else []
    for line in lines:
        notification = json.loads(line)
        for alert in notification["alerts"]:
            if alert["status"] == "firing":
                first.setdefault(alert["labels"]["alertname"], notification["received"])
    return first


def _report(run: Run, elapsed: float, console: Console) -> None:
    verdict = "as expected" if run.passed else run.problem or "not as expected"
    told = ", ".join(f"{name} after {after:.0f} s" for name, after in sorted(run.told.items()))
    console.print(
        f"{elapsed:5.0f} s  {run.name}: {verdict}; {told or 'nobody was told of anything'}"
    )


def _conclude(runs: Sequence[Run], result: Path, elapsed: float, console: Console) -> None:
    console.print(table(runs))
    console.print(
        f"precision {precision(runs):.0%}, recall {recall(runs):.0%}"
        f" in {len(runs)} runs and {elapsed:.0f} s"
    )
    console.print(f"alerts that no run made fire: {', '.join(unproven(runs)) or 'none'}")
    part = result.with_name(f"{RESULT_FILE}.part")
    part.write_text(json.dumps(as_json(runs), indent=2) + "\n")
    part.replace(result)
    console.print(f"as JSON: {result}")
