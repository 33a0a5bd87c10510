"""Probes: what a projection has still to do, asked at collection and never at its expense."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from opentelemetry import context
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from cqrs_telemetry import Backlog, CqrsTelemetry, _watches, catalog
from cqrs_telemetry._context import is_suppressed
from cqrs_telemetry.testing import RecordedTelemetry
from waits import LIMIT, wait_for


@pytest.fixture
def always_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer is young enough to be used again."""
    monkeypatch.setattr(_watches, "MINIMUM_AGE", 0)


def backlog(recorded: RecordedTelemetry, name: str = "orders") -> tuple[float | None, float | None]:
    """Pending and staleness as exported by one collection; None where absent."""
    data = recorded._reader.get_metrics_data()
    assert data is not None
    found = {
        metric.name: point.value
        for scope in data.resource_metrics[0].scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
        if (point.attributes or {}).get("projection.name") == name and hasattr(point, "value")
    }
    pending = found.get(catalog.PROJECTION_PENDING.name)
    return pending, found.get(catalog.PROJECTION_STALENESS.name)


def faults(recorded: RecordedTelemetry) -> float:
    """Faults of the projections' side."""
    return recorded.value(catalog.TELEMETRY_FAULTS, cqrs_side="projection")


AGO = 60.0


@pytest.mark.parametrize(
    "stamp",
    [
        lambda: time.time() - AGO,
        lambda: datetime.now(timezone.utc) - timedelta(seconds=AGO),
        lambda: datetime.now(timezone.utc).replace(tzinfo=None) - timedelta(seconds=AGO),
        lambda: (datetime.now(timezone.utc) - timedelta(seconds=AGO)).isoformat(),
    ],
)
def test_pending_and_the_age_of_the_oldest(
    recorded: RecordedTelemetry, stamp: Callable[[], Any]
) -> None:
    """Staleness is in milliseconds, whatever form the time has."""
    recorded.telemetry.watch_projection("orders", lambda: Backlog(3, stamp()))
    pending, staleness = backlog(recorded)
    assert pending == 3
    assert staleness is not None
    assert AGO * 1000 <= staleness < AGO * 1000 + 30_000


def test_caught_up_is_zero_and_not_silence(recorded: RecordedTelemetry) -> None:
    """Nothing pending is stale for 0 ms, whatever the probe says of the oldest."""
    recorded.telemetry.watch_projection("orders", lambda: Backlog(0, 1.0))
    assert backlog(recorded) == (0, 0)


def test_what_is_unknown_is_absent_and_no_fault(recorded: RecordedTelemetry) -> None:
    """None is an answer; an oldest that is unknown leaves the number of events known."""
    recorded.telemetry.watch_projection("orders", lambda: None)
    recorded.telemetry.watch_projection("stock", lambda: Backlog(2))
    assert backlog(recorded) == (None, None)
    assert backlog(recorded, "stock") == (2, None)
    assert faults(recorded) == 0


@pytest.mark.usefixtures("always_ask")
def test_an_answer_that_becomes_unknown_goes_away(recorded: RecordedTelemetry) -> None:
    """The last known value is not repeated as if it were still true."""
    answers = iter([Backlog(2, time.time()), None, Backlog(0)])
    current: list[Backlog | None] = [next(answers)]
    recorded.telemetry.watch_projection("orders", lambda: current[0])
    assert backlog(recorded)[0] == 2
    current[0] = next(answers)
    assert backlog(recorded) == (None, None)
    current[0] = next(answers)
    assert backlog(recorded) == (0, 0)


def test_an_event_from_the_future_is_stale_for_zero(recorded: RecordedTelemetry) -> None:
    """The writer's clock may be ahead: it is pending, and no negative age."""
    recorded.telemetry.watch_projection("orders", lambda: Backlog(1, time.time() + 3600))
    assert backlog(recorded) == (1, 0)


def test_one_collection_asks_once_and_two_readers_share() -> None:
    """Two gauges and two readers within a second are one query."""
    readers = [InMemoryMetricReader(), InMemoryMetricReader()]
    telemetry = CqrsTelemetry(meter_provider=MeterProvider(readers, shutdown_on_exit=False))
    calls: list[float] = []

    def probe() -> Backlog:
        calls.append(time.time())
        return Backlog(1, time.time())

    telemetry.watch_projection("orders", probe)
    for reader in readers:
        assert reader.get_metrics_data() is not None
    assert len(calls) == 1


class BrokenError(Exception):
    """What a store raises."""


def fail() -> Backlog:
    """A store that is down."""
    raise BrokenError


def leave() -> Backlog:
    """A probe that tries to end the process."""
    raise SystemExit(3)


async def fail_later() -> Backlog:
    """An async store that is down."""
    raise BrokenError


NONSENSE: list[Any] = [
    fail,
    leave,
    fail_later,
    lambda: 3,
    lambda: (3, 1.0),
    lambda: Backlog(-1),
    lambda: Backlog("3"),  # type: ignore[arg-type]  # a user's mistake
    lambda: Backlog(True),
    lambda: Backlog(1, "yesterday"),
    lambda: Backlog(1, float("nan")),
    lambda argument: Backlog(1),
]


@pytest.mark.parametrize("probe", NONSENSE)
def test_a_probe_that_fails_is_a_fault_and_hurts_nobody(
    recorded: RecordedTelemetry, probe: Any
) -> None:
    """Its gauges are absent, the others' are there, and collection goes on."""
    recorded.telemetry.watch_projection("orders", probe)
    recorded.telemetry.watch_projection("stock", lambda: Backlog(0))
    assert backlog(recorded) == (None, None)
    assert backlog(recorded, "stock") == (0, 0)
    assert faults(recorded) == 1


@pytest.mark.usefixtures("always_ask")
def test_a_probe_that_hangs_is_absent_counted_and_not_called_again(
    recorded: RecordedTelemetry,
) -> None:
    """At most one run per projection, however often is collected; it heals by itself."""
    release, calls = threading.Event(), []

    def hang() -> Backlog:
        calls.append(1)
        release.wait(LIMIT)
        return Backlog(7, time.time())

    recorded.telemetry.watch_projection("orders", hang, timeout=0.05)
    recorded.telemetry.watch_projection("stock", lambda: Backlog(0))
    for _ in range(3):
        assert backlog(recorded) == (None, None)
    assert len(calls) == 1
    assert sum(thread.name == "cqrs-probe" for thread in threading.enumerate()) == 1
    assert recorded.value(catalog.TELEMETRY_FAULTS, error_type="TimeoutError") >= 3
    assert backlog(recorded, "stock") == (0, 0)
    release.set()
    wait_for(
        "backlog that is known again",
        lambda: backlog(recorded)[0] == 7,
        saw=lambda: backlog(recorded),
    )


def test_an_async_probe_without_a_loop(recorded: RecordedTelemetry) -> None:
    """It gets a loop for as long as it runs."""

    async def probe() -> Backlog:
        await asyncio.sleep(0)
        return Backlog(4, time.time())

    recorded.telemetry.watch_projection("orders", probe)
    assert backlog(recorded)[0] == 4


async def test_an_async_probe_runs_in_the_loop_that_registered_it(
    recorded: RecordedTelemetry,
) -> None:
    """Where its pool of connections lives; collected from a thread, as readers do."""
    loops: list[Any] = []

    async def probe() -> Backlog:
        loops.append(asyncio.get_running_loop())
        return Backlog(4, time.time())

    recorded.telemetry.watch_projection("orders", probe)
    assert (await asyncio.to_thread(backlog, recorded))[0] == 4
    assert loops == [asyncio.get_running_loop()]


@pytest.mark.usefixtures("always_ask")
async def test_collecting_in_the_probes_own_loop_does_not_stop_it(
    recorded: RecordedTelemetry,
) -> None:
    """The answer comes with the next collection: waiting for it would be in vain."""

    async def probe() -> Backlog:
        return Backlog(4, time.time())

    watch = recorded.telemetry.watch_projection("orders", probe, timeout=60)
    assert backlog(recorded) == (None, None)
    for _ in range(1000):
        await asyncio.sleep(0.005)
        if backlog(recorded)[0] == 4:
            break
    assert backlog(recorded)[0] == 4
    while watch._run is not None and not watch._run.done.is_set():
        await asyncio.sleep(0.005)  # its coroutine has to end before the loop does
    watch.close()
    assert faults(recorded) == 0


def test_a_probe_is_not_traced(recorded: RecordedTelemetry) -> None:
    """Instrumented drivers stay quiet: a scrape is no trace of the business."""
    found: list[bool] = []

    def probe() -> Backlog:
        found.append(is_suppressed(context.get_current()))
        return Backlog(0)

    recorded.telemetry.watch_projection("orders", probe)
    backlog(recorded)
    assert found == [True]


def test_closing_ends_the_watch(recorded: RecordedTelemetry) -> None:
    """Gauges go away, closing twice is harmless, and the name is free again."""
    calls: list[int] = []

    def probe() -> Backlog:
        calls.append(1)
        return Backlog(1, time.time())

    with recorded.telemetry.watch_projection("orders", probe) as watch:
        assert backlog(recorded)[0] == 1
    assert backlog(recorded) == (None, None)
    watch.close()
    assert len(calls) == 1
    recorded.telemetry.watch_projection("orders", lambda: Backlog(0))
    assert backlog(recorded) == (0, 0)


def test_unfit_arguments_are_named(recorded: RecordedTelemetry) -> None:
    """Setting up is the one moment at which telemetry may raise: nobody is served yet."""
    watch: Any = recorded.telemetry.watch_projection
    with pytest.raises(TypeError, match="probe of 'orders' must be callable, not int"):
        watch("orders", 3)
    for name in ("", 3):
        with pytest.raises(ValueError, match="name is text and not empty"):
            watch(name, lambda: None)
    with pytest.raises(ValueError, match="timeout must be a positive number"):
        watch("orders", lambda: None, timeout=0)
    watch("orders", lambda: None)
    with pytest.raises(ValueError, match="'orders' is watched already"):
        watch("orders", lambda: None)


FORKED = """
import os, time
from cqrs_telemetry import Backlog, catalog
from cqrs_telemetry.testing import RecordedTelemetry

recorded = RecordedTelemetry()
telemetry = recorded.telemetry
telemetry.watch_projection("orders", lambda: Backlog(1, time.time()))
rebuild = telemetry.rebuilding("orders", target=3)
rebuild.__enter__()
def metrics():
    return [recorded.value(metric) for metric in (
        catalog.PROJECTION_PENDING, catalog.PROJECTION_REBUILDING,
        catalog.PROJECTION_REBUILD_TARGET)]
assert metrics() == [1, 1, 3]
child = os.fork()
if child == 0:
    assert metrics() == [0, 0, 0], metrics()
    assert not recorded.points(catalog.PROJECTION_PENDING)
    telemetry.watch_projection("orders", lambda: Backlog(2, time.time()))
    assert metrics() == [2, 0, 0], metrics()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert metrics() == [1, 1, 3]
"""


def test_a_forked_child_leaves_watching_and_rebuilding_to_its_parent() -> None:
    """Connections are not shared with the child, which may watch by itself."""
    subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKED],
        check=True,
        timeout=LIMIT,
    )


def test_closing_waits_for_a_probe_that_runs(recorded: RecordedTelemetry, always_ask: None) -> None:
    """What the probe uses may be closed when its watch is: nothing runs any more, or begins to."""
    entered, proceed = threading.Event(), threading.Event()
    ended: list[bool] = []
    closed: list[bool] = []

    def probe() -> Backlog:
        entered.set()
        proceed.wait(LIMIT)
        ended.append(True)
        return Backlog(0)

    watch = recorded.telemetry.watch_projection("orders", probe, timeout=LIMIT)
    collecting = threading.Thread(target=lambda: backlog(recorded), daemon=True)
    collecting.start()
    assert entered.wait(LIMIT)
    closing = threading.Thread(
        target=lambda: (watch.close(), closed.append(bool(ended))), daemon=True
    )
    closing.start()
    wait_for("closing to begin", lambda: watch._is_closed)
    assert closed == []
    proceed.set()
    for thread in (closing, collecting):
        thread.join(LIMIT)
    assert closed == [True]
    watch.start()  # as a collection that began before would
    watch.finish(time.monotonic())
    assert ended == [True]
    assert backlog(recorded) == (None, None)
    assert faults(recorded) == 0


def test_closing_does_not_wait_for_a_probe_that_hangs(
    recorded: RecordedTelemetry, always_ask: None
) -> None:
    """No longer than the probe's time limit."""
    proceed = threading.Event()
    watch = recorded.telemetry.watch_projection(
        "orders", lambda: proceed.wait(LIMIT) and None, timeout=0.05
    )
    assert backlog(recorded) == (None, None)
    watch.close()
    proceed.set()


async def test_closing_in_the_loop_of_an_async_probe(
    recorded: RecordedTelemetry, always_ask: None
) -> None:
    """It would wait for itself, so it does not."""
    ended = asyncio.Event()

    async def probe() -> Backlog:
        await asyncio.sleep(0)
        ended.set()
        return Backlog(0)

    watch = recorded.telemetry.watch_projection("orders", probe, timeout=LIMIT)
    backlog(recorded)  # begins it; the loop has no time for it yet
    watch.close()
    await asyncio.wait_for(ended.wait(), LIMIT)
