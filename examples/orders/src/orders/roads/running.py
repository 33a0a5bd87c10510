"""One run: servers up, load on, load off, and what each of its Prometheus servers then says."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from cqrs_alerts import recording
from cqrs_alerts.live.check import check_live
from cqrs_alerts.live.prometheus import Prometheus, PrometheusError
from cqrs_alerts.naming import series_name
from cqrs_alerts.promql import count_by, select
from cqrs_alerts.rule_files import render_rules
from cqrs_dashboards.doctor import examine

from .. import collector
from ..demo.ports import choose_host
from ..demo.processes import Parts
from ..demo.prometheus import require_server
from ..projection import PROJECTIONS
from ..read_model import view_path
from . import servers
from .answers import Answers, Truth, lost_with_worker, may_be_lost, read_truth
from .matrix import Verdict
from .plan import Cell, Run
from .servers import Layout

LIMIT = 60.0  # seconds in which what is awaited has to come
RATE, LOAD_SECONDS = 20.0, 40.0  # messages per second, and for how long they come
SEED = 7  # with this one each message, and each reason to refuse one, comes within the first 500
_PERIOD = 0.2
TALLY_FILE = "tally.json"


class StoppedError(Exception):
    """Somebody asked the run to end."""


class LateError(Exception):
    """What was awaited did not come."""


@dataclass
class Started:
    """A run whose servers are up and report."""

    layout: Layout
    parts: Parts
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def run(self) -> Run:
        """What runs."""
        return self.layout.run

    def wait_until(
        self, condition: Callable[[], Any], complaint: str, *, limit: float = LIMIT
    ) -> None:
        """Wait for a condition, watching.

        Raises:
            LateError: It is not so after ``limit`` seconds.
            StoppedError: Somebody asked to end.
            PartEndedError: A part ended that should not have.
        """
        deadline = time.monotonic() + limit
        while not condition():
            if time.monotonic() > deadline:
                raise LateError(f"{complaint} after {limit:g} s; logs are in {self.layout.data}")
            self.pause(_PERIOD)

    def pause(self, seconds: float) -> None:
        """Wait, watching.

        Raises:
            StoppedError, PartEndedError: See ``wait_until``.
        """
        if self.stop.wait(seconds):
            raise StoppedError
        self.parts.check()

    def tally(self) -> Mapping[str, Any]:
        """What the load has counted so far; empty before it began."""
        path = self.layout.data / TALLY_FILE
        tally: Mapping[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return tally

    def load(self, meanwhile: Callable[[], None]) -> Truth:
        """Put the shop under load, do something meanwhile, and wait until all is projected.

        Stopping the load is what makes exact comparison possible: from then on nothing moves.
        """
        tally = self.layout.data / TALLY_FILE
        command = servers.load(self.layout, RATE, tally, SEED)
        self.parts.start("load", [*command, f"--duration={LOAD_SECONDS}"], finite=True)
        meanwhile()
        over = partial(self.parts.ended, "load")
        self.wait_until(over, "the load goes on", limit=LOAD_SECONDS + LIMIT)
        self.parts.check()
        self.wait_until(lambda: _is_projected(self.layout.data), "events are not projected")
        return read_truth(self.tally(), self.layout.data)

    def settle(self, truth: Truth) -> None:
        """Wait until everything has arrived and been evaluated; what never comes is judged."""
        deadline = time.monotonic() + LIMIT
        for cell in self.run.cells:
            while self.miscounted(cell, truth) and time.monotonic() < deadline:
                self.pause(_PERIOD)
        arrived = time.time()
        for cell in self.run.cells:
            self.wait_until(
                partial(self._evaluated, cell, arrived), f"{cell.name} evaluates no rules"
            )

    def miscounted(self, cell: Cell, truth: Truth) -> list[str]:
        """What a cell counts otherwise than it happened."""
        with self.prometheus(cell) as prometheus:
            if lost := may_be_lost(cell, RATE):
                return lost_with_worker(prometheus, cell, truth, lost)
            return Answers(prometheus, cell.config).miscounted(truth)

    def judge(self, truth: Truth) -> list[Verdict]:
        """What each cell shows; questions first, while the load is still within their window."""
        answers = {}
        for cell in self.run.cells:
            with self.prometheus(cell) as prometheus:
                lost = may_be_lost(cell, RATE)
                asked = Answers(prometheus, cell.config, cell.road.workers, lost)
                answers[cell] = asked.differing(truth)
        return [self._judge(cell, truth, answers[cell]) for cell in self.run.cells]

    def prometheus(self, cell: Cell) -> Prometheus:
        """A cell's Prometheus."""
        return Prometheus(self.url(cell))

    def url(self, cell: Cell) -> str:
        """Address of a cell's Prometheus."""
        return f"http://{self.layout.prometheus(cell)}"

    def _judge(self, cell: Cell, truth: Truth, differing: list[str]) -> Verdict:
        found = examine(self.url(cell), cell.config).findings
        empty = [
            f"{each.dashboard}, {each.title}: {each.diagnosis.why if each.diagnosis else ''}"
            for each in found
            if not each.in_order
        ]
        rules = [
            f"{each.group}, {each.name}: {each.status}, {each.why}"
            for each in check_live(self.url(cell), cell.config).findings
            # How long an evaluation takes says more of this machine than of the road.
            if each.status not in ("ok", "idle", "late")
        ]
        return Verdict(
            cell,
            tuple(self.miscounted(cell, truth)),
            tuple(differing),
            tuple(empty),
            tuple(rules),
            len(found),
            truth.operations,
        )

    def _evaluated(self, cell: Cell, since: float) -> bool:
        """Whether the answers to all three questions were recorded since."""
        with self.prometheus(cell) as prometheus:
            return all(
                (prometheus.value(f"min(timestamp({each.name}))") or 0) > since
                for each in (
                    recording.COMMAND_RATE,
                    recording.QUERY_DURATION_P95,
                    recording.PROJECTION_LAG_P99,
                )
            )


@contextmanager
def started(run: Run, data: Path, stop: threading.Event | None = None) -> Iterator[Started]:
    """Start a run's servers and the shop, and wait until each Prometheus hears of all processes.

    Raises:
        ServerMissingError: A server is not on this machine.
        NoCollectorFilesError: The collector's configuration is not here.
        LateError, StoppedError, PartEndedError: It did not come up.
    """
    layout = Layout(run, choose_host(), data)
    programs = {cell: require_server(cell.road.server) for cell in run.cells}
    logs = data / "logs"
    logs.mkdir(parents=True)
    started = Started(layout, Parts(logs), stop or threading.Event())
    try:
        for cell, program in programs.items():
            start_prometheus(started, cell, program)
        if run.road.export == "collector":
            start_collector(started)
        for cell in run.cells:
            _wait_for_answer(started, f"{started.url(cell)}/-/ready", f"{cell.name}: Prometheus")
        _start_shop(started)
        for cell in run.cells:
            started.wait_until(
                partial(_reports, started, cell), f"{cell.name}: processes do not report"
            )
        yield started
    finally:
        started.parts.stop()


def start_prometheus(started: Started, cell: Cell, program: Path, suffix: str = "") -> None:
    """Start a cell's Prometheus, with the rules of its names; ``suffix`` ends the part's name."""
    folder = started.layout.folder(cell)
    folder.mkdir(exist_ok=True)
    for name, text in render_rules(cell.config).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    (folder / "prometheus.yml").write_text(servers.prometheus_configuration(started.layout, cell))
    command = servers.prometheus(program, started.layout, cell)
    started.parts.start(f"{folder.name}{suffix}", command)


def start_collector(started: Started, name: str = "collector") -> None:
    """Start the collector and wait until it is well."""
    layout = started.layout
    overlay = layout.data / "collector.yaml"
    overlay.write_text(servers.collector_overlay(layout))
    command = servers.collector(require_server("otelcol"), overlay)
    environment = {**_clean_environment(), **collector.environment(layout.host)}
    started.parts.start(name, command, environment=environment)
    _wait_for_answer(started, layout.health_url, "the collector")


def _start_shop(started: Started) -> None:
    layout = started.layout
    environment = {**_clean_environment(), **servers.service_environment(layout)}
    started.parts.start("service", servers.serve(layout), environment=environment)
    _wait_for_answer(started, f"{layout.service_url}/health", "the service")
    started.parts.start("projection", servers.project(layout), environment=environment)


def _clean_environment() -> dict[str, str]:
    """Ours without what would configure an SDK."""
    return {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}


def _wait_for_answer(started: Started, url: str, what: str) -> None:
    started.wait_until(partial(_answers, url), f"{what} does not answer at {url}")


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.TransportError:
        return False


def _reports(started: Started, cell: Cell) -> bool:
    """Whether all processes have been heard of: what they count from now on has a start."""
    raw = select(series_name(recording.INSTANCES.metric, cell.strategy))
    with started.prometheus(cell) as prometheus:
        try:
            return prometheus.count(count_by(["instance"], raw)) >= started.layout.processes
        except PrometheusError:
            return False


def _is_projected(data: Path) -> bool:
    """Whether each stored event was applied by the projection that it is for."""
    with closing(sqlite3.connect(data / "events.sqlite")) as store:
        ((stored,),) = store.execute("SELECT count(*) FROM stored_events")
    applied = 0
    for projection in PROJECTIONS:
        with closing(sqlite3.connect(view_path(data, projection.name))) as view:
            ((count,),) = view.execute("SELECT count(*) FROM history")
            applied += count
    return bool(stored == applied)
