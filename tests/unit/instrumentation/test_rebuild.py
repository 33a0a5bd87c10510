"""Rebuild and replay: another phase, no lag, and how far it is."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from cqrs_telemetry import InstrumentedProjectionHandler, catalog
from cqrs_telemetry.testing import RecordedTelemetry
from waits import LIMIT


class OrderPlaced:
    """A domain event of an hour ago."""

    def __init__(self, position: int = 0) -> None:
        self.position = position
        self.timestamp = time.time() - 3600


class Orders(InstrumentedProjectionHandler):
    """A projection that fails while its store is an exception."""

    def apply(self, event: Any) -> None:
        """Raise, or not."""
        if self.read_store is not None:
            raise self.read_store


@pytest.fixture
def orders(recorded: RecordedTelemetry) -> Orders:
    """The projection that is built again."""
    return Orders("orders", telemetry=recorded.telemetry)


def phases(recorded: RecordedTelemetry, name: str = "orders") -> tuple[float, float]:
    """Events applied live and replayed."""
    live, replay = (
        recorded.value(catalog.PROJECTION_TOTAL, projection_name=name, projection_phase=phase)
        for phase in (catalog.LIVE, catalog.REPLAY)
    )
    return live, replay


def span_phases(recorded: RecordedTelemetry) -> list[Any]:
    """The phase of each span; None where it says nothing."""
    return [(s.attributes or {}).get(catalog.SPAN_PROJECTION_PHASE.key) for s in recorded.spans()]


def test_events_of_a_rebuild_are_replayed_and_have_no_lag(
    recorded: RecordedTelemetry, orders: Orders
) -> None:
    """Phase on metrics and spans; durations are kept, lag is not: readers saw it an hour ago."""
    with recorded.telemetry.rebuilding("orders"):
        orders.handle_event(OrderPlaced())
        orders.handle_events([OrderPlaced(), OrderPlaced()])
    orders.handle_event(OrderPlaced())
    assert phases(recorded) == (1, 3)
    assert span_phases(recorded) == ["replay", "replay", None]
    assert recorded.count(catalog.PROJECTION_LAG) == 1
    assert recorded.count(catalog.PROJECTION_DURATION, projection_phase="replay") == 3
    assert all("cqrs.projection.lag_ms" not in (s.attributes or {}) for s in recorded.spans()[:2])


def test_an_event_from_the_future_is_no_skew_when_replayed(
    recorded: RecordedTelemetry, orders: Orders
) -> None:
    """Clocks are judged by live events."""
    event = OrderPlaced()
    event.timestamp += 7200
    with recorded.telemetry.rebuilding("orders"):
        orders.handle_event(event)
    assert recorded.value(catalog.PROJECTION_CLOCK_SKEW) == 0


def test_a_rebuild_is_of_one_projection(recorded: RecordedTelemetry, orders: Orders) -> None:
    """Another projection's events stay live in the same block."""
    stock = Orders("stock", telemetry=recorded.telemetry)
    with recorded.telemetry.rebuilding("orders"):
        stock.handle_event(OrderPlaced())
        orders.handle_event(OrderPlaced())
    assert phases(recorded, "stock") == (1, 0)
    assert phases(recorded) == (0, 1)


def test_other_threads_apply_events_of_the_rebuild_too(
    recorded: RecordedTelemetry, orders: Orders
) -> None:
    """Runners apply events in threads of their own."""
    with recorded.telemetry.rebuilding("orders") as rebuild:
        threads = [
            threading.Thread(target=lambda: [orders.handle_event(OrderPlaced()) for _ in range(50)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT)
        assert rebuild.applied == 200
        (applied,) = recorded.points(catalog.PROJECTION_REBUILD_APPLIED)
        assert applied.value == 200
    assert phases(recorded) == (0, 200)


async def test_async_code_in_the_block(recorded: RecordedTelemetry) -> None:
    """The block is sync; what is awaited in it counts."""

    class AsyncOrders(InstrumentedProjectionHandler):
        async def apply(self, event: Any) -> None:
            """Do nothing."""

    handler = AsyncOrders("orders", telemetry=recorded.telemetry)
    with recorded.telemetry.rebuilding("orders") as rebuild:
        await handler.handle_event(OrderPlaced())
        await handler.handle_events([OrderPlaced()])
    assert rebuild.applied == 2


def progress(recorded: RecordedTelemetry) -> list[list[float]]:
    """Rebuilds under way, events applied and to be applied, as exported."""
    metrics = (
        catalog.PROJECTION_REBUILDING,
        catalog.PROJECTION_REBUILD_APPLIED,
        catalog.PROJECTION_REBUILD_TARGET,
    )
    return [[p.value for p in recorded.points(metric)] for metric in metrics]


def test_progress_is_there_during_the_rebuild_alone(
    recorded: RecordedTelemetry, orders: Orders
) -> None:
    """Failures are no progress; a target may come later; afterwards 0 and absent."""
    with recorded.telemetry.rebuilding("orders") as rebuild:
        assert progress(recorded) == [[1], [0], []]
        orders.handle_event(OrderPlaced())
        orders.read_store = KeyError("poison")
        with pytest.raises(KeyError):
            orders.handle_event(OrderPlaced())
        rebuild.target = 10
        assert progress(recorded) == [[1], [1], [10]]
    assert progress(recorded) == [[0], [], []]
    assert (rebuild.applied, rebuild.target) == (1, 10)


def test_a_rebuild_that_fails_ends_too(recorded: RecordedTelemetry, orders: Orders) -> None:
    """The exception passes, and what comes after is live."""
    with pytest.raises(KeyError), recorded.telemetry.rebuilding("orders"):
        raise KeyError
    orders.handle_event(OrderPlaced())
    assert phases(recorded) == (1, 0)
    assert progress(recorded) == [[0], [], []]


def test_two_rebuilds_of_one_projection(recorded: RecordedTelemetry, orders: Orders) -> None:
    """The newest counts; when it ends, the one before goes on, in whatever order they end."""
    first = recorded.telemetry.rebuilding("orders", 5)
    second = recorded.telemetry.rebuilding("orders", 7)
    third = recorded.telemetry.rebuilding("orders", 9)
    for rebuild in (first, second, third):
        rebuild.__enter__()
    assert progress(recorded) == [[3], [0], [9]]
    second.leave()
    third.leave()
    orders.handle_event(OrderPlaced())
    assert progress(recorded) == [[1], [1], [5]]
    first.leave()
    assert progress(recorded) == [[0], [], []]
    assert recorded.telemetry.projections.rebuilds == {}


def test_an_event_may_say_that_it_is_replayed(recorded: RecordedTelemetry) -> None:
    """By position, without a block; not asked where the caller or a rebuild knows."""
    asked: list[int] = []

    def is_old(event: OrderPlaced) -> bool:
        asked.append(event.position)
        return event.position <= 10

    orders = Orders("orders", telemetry=recorded.telemetry, replayed=is_old)
    orders.handle_event(OrderPlaced(10))
    orders.handle_event(OrderPlaced(11))
    assert phases(recorded) == (1, 1)
    orders.handle_event(OrderPlaced(5), replayed=False)
    orders.handle_events([OrderPlaced(12)], replayed=True)
    with recorded.telemetry.rebuilding("orders"):
        orders.handle_event(OrderPlaced(13))
    assert phases(recorded) == (2, 3)
    assert asked == [10, 11]
    with recorded.telemetry.projection("orders", "OrderPlaced", replayed=True):
        pass
    assert phases(recorded) == (2, 4)


def test_a_phase_that_cannot_be_told_is_live(recorded: RecordedTelemetry) -> None:
    """A hook that raises is a fault of telemetry; the event is applied and counted."""
    orders = Orders("orders", telemetry=recorded.telemetry, replayed=lambda event: event.missing)
    orders.handle_event(OrderPlaced())
    assert phases(recorded) == (1, 0)
    assert recorded.value(catalog.TELEMETRY_FAULTS, error_type="AttributeError") == 1


@pytest.mark.parametrize("target", [-1, "all", 1.5])
def test_an_impossible_target_is_named(recorded: RecordedTelemetry, target: Any) -> None:
    """Before the rebuild begins."""
    with pytest.raises(ValueError, match="target must be a number of events or None"):
        recorded.telemetry.rebuilding("orders", target)
    with pytest.raises(ValueError, match="name is text and not empty"):
        recorded.telemetry.rebuilding("")
