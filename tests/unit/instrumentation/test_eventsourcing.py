"""The eventsourcing library: its backlog on real databases, its waits, its aggregates' costs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from eventsourcing.application import AggregateNotFoundError
from eventsourcing.persistence import (
    InfrastructureFactory,
    IntegrityError,
    Tracking,
    TrackingRecorder,
)
from eventsourcing.utils import Environment

from cqrs_telemetry import NotSeenError, _watches, catalog
from cqrs_telemetry.eventsourcing import (
    instrument_application,
    projection_probe,
    wait_until_projected,
)
from cqrs_telemetry.testing import RecordedTelemetry
from waits import LIMIT, wait_for

from .postgres import PostgresServer, postgres_server
from .shop import PLACED, Order, Orders, Shop


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL."""
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.servers)])
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Settings for an empty database of each kind."""
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres")
        return server.create(uuid4().hex)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.sqlite",
        "SQLITE_DBNAME": str(tmp_path / "events.db"),
    }


@pytest.fixture
def shop(environment: dict[str, str]) -> Iterator[Shop]:
    """A shop on each database."""
    with Shop(environment) as shop:
        yield shop


@pytest.fixture
def view(environment: dict[str, str], tmp_path: Path) -> Iterator[TrackingRecorder]:
    """A view that keeps only its position, in a database of its own where that is a file."""
    own = {**environment, "SQLITE_DBNAME": str(tmp_path / "view.db")}
    factory: Any = InfrastructureFactory.construct(Environment("view", own))
    yield factory.tracking_recorder()
    factory.close()


def test_the_probe(shop: Shop, view: TrackingRecorder) -> None:
    """Filters, positions, the oldest's time and the cap."""
    all_events = projection_probe(shop, view)
    placed = projection_probe(shop, view, [PLACED], most_counted=3)
    assert all_events().pending == placed().pending == 0
    before = time.time()
    first = shop.place()
    backlog = placed()
    assert backlog.pending == 1
    assert isinstance(backlog.oldest, float)
    assert before - 5 <= backlog.oldest <= time.time() + 5
    view.insert_tracking(Tracking(shop.name, first.id))
    assert placed().pending == 0
    order: Order = shop.repository.get(first.originator_id)
    for _ in range(50):
        order.note("x")
    shop.save(order)
    assert placed().pending == 0  # filtered and caught up, though the head is 50 further
    assert all_events().pending == 50
    for _ in range(5):
        shop.place()
    assert placed().pending == 3  # or more


def test_unfit_arguments_are_named(shop: Shop, view: TrackingRecorder) -> None:
    """One text is a sequence of letters, which no event has as its topic."""
    with pytest.raises(TypeError, match="topics must be a sequence of topics, not the text"):
        projection_probe(shop, view, PLACED)
    with pytest.raises(ValueError, match="most_counted must be at least 1"):
        projection_probe(shop, view, most_counted=0)


class Follower(threading.Thread):
    """Applies what is there whenever it is notified, until an event kills it.

    The library's own runner needs a recorder with subscriptions, which SQLite's has not: see
    test_eventsourcing_postgres.py.
    """

    def __init__(self, shop: Shop, orders: Orders) -> None:
        super().__init__(daemon=True)
        self.shop, self.orders = shop, orders
        self.notified = threading.Event()
        self.start()

    def run(self) -> None:
        """Follow the events."""
        shop, view = self.shop, self.orders.view
        while self.notified.wait(LIMIT):
            self.notified.clear()
            for each in shop.recorder.select_notifications(
                view.max_tracking_id(shop.name), 100, topics=Orders.topics, inclusive_of_start=False
            ):
                try:
                    self.orders.process_event(
                        shop.mapper.to_domain_event(each), Tracking(shop.name, each.id)
                    )
                except KeyError:
                    return


def test_three_failures_that_positions_cannot_tell_apart(
    recorded: RecordedTelemetry,
    shop: Shop,
    view: TrackingRecorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Filtered and caught up is 0; lost notification and dead thread are pending and grow."""
    monkeypatch.setattr(_watches, "MINIMUM_AGE", 0)
    monkeypatch.setattr(Orders, "telemetry", recorded.telemetry)
    orders = Orders(view)
    follower = Follower(shop, orders)
    recorded.telemetry.watch_projection("orders", projection_probe(shop, view, Orders.topics))

    def pending() -> float:
        return recorded.value(catalog.PROJECTION_PENDING)

    def staleness_grows() -> bool:
        first = recorded.value(catalog.PROJECTION_STALENESS)
        time.sleep(0.02)
        return recorded.value(catalog.PROJECTION_STALENESS) > first > 0

    def last(status: str) -> float:
        return recorded.value(catalog.PROJECTION_LAST_EVENT, projection_status=status)

    placed = shop.place()
    follower.notified.set()
    wait_for(
        f"position {placed.id} of the view",
        lambda: view.has_tracking_id(shop.name, placed.id),
        saw=lambda: view.max_tracking_id(shop.name),
    )
    shop.note(placed.originator_id, times=50)
    assert (shop.recorder.max_notification_id(), view.max_tracking_id(shop.name)) == (51, 1)
    assert (pending(), recorded.value(catalog.PROJECTION_STALENESS)) == (0, 0)

    shop.place()  # and nobody notifies
    assert follower.is_alive()
    assert pending() == 1
    assert staleness_grows()
    assert (last("error"), last("success")) == (0, pytest.approx(time.time(), abs=120))

    orders.poison = True
    follower.notified.set()
    follower.join(LIMIT)
    assert not follower.is_alive()
    shop.place()
    assert pending() == 2
    assert staleness_grows()
    assert last("error") > last("success") > 0


def test_waiting_for_a_position(
    recorded: RecordedTelemetry, shop: Shop, view: TrackingRecorder
) -> None:
    """TrackingRecorder.wait, recorded as seen or timed out."""
    placed = shop.place()

    def wait(timeout: float, **options: Any) -> bool:
        return wait_until_projected(
            recorded.telemetry, "FindOrder", "orders", view, shop.name, placed.id,
            timeout=timeout, **options,
        )  # fmt: skip

    assert wait(0.05) is False
    with pytest.raises(NotSeenError):
        wait(0.05, required=True)
    apply = threading.Timer(0.05, view.insert_tracking, [Tracking(shop.name, placed.id)])
    apply.start()
    assert wait(LIMIT) is True
    apply.join(LIMIT)
    assert recorded.count(catalog.QUERY_WAIT, wait_status="timed_out") == 2
    assert recorded.count(catalog.QUERY_WAIT, wait_status="seen") == 1


def loads(recorded: RecordedTelemetry, snapshot: str) -> tuple[int, float]:
    """Loads that began so, and the events that they replayed."""
    labels = {"aggregate_type": "Order", "aggregate_snapshot": snapshot}
    metric = catalog.AGGREGATE_LOAD_EVENTS
    return recorded.count(metric, **labels), recorded.value(metric, **labels)


def test_loads_count_events_and_snapshots(recorded: RecordedTelemetry, shop: Shop) -> None:
    """What is replayed from the start, and from a snapshot on; what is not found is no load."""
    assert instrument_application(shop, recorded.telemetry) is shop
    assert instrument_application(shop, recorded.telemetry) is shop
    order_id = shop.place().originator_id
    shop.note(order_id, times=9)
    assert loads(recorded, "miss") == (1, 1)
    assert len(shop.repository.get(order_id).notes) == 9
    assert loads(recorded, "miss") == (2, 11)
    shop.take_snapshot(order_id)  # which loads the aggregate too
    assert loads(recorded, "miss") == (3, 21)
    shop.note(order_id, times=2)
    assert len(shop.repository.get(order_id).notes) == 11
    assert loads(recorded, "hit") == (2, 2)
    with pytest.raises(AggregateNotFoundError):
        shop.repository.get(Order().id)
    assert loads(recorded, "miss") == (3, 21)


def test_a_cached_aggregate_is_a_hit(
    recorded: RecordedTelemetry, environment: dict[str, str]
) -> None:
    """Only what came after it is replayed."""
    with Shop({**environment, "AGGREGATE_CACHE_MAXSIZE": "10"}) as shop:
        instrument_application(shop, recorded.telemetry)
        order_id = shop.place().originator_id
        shop.note(order_id, times=5)
        shop.repository.get(order_id)
    assert loads(recorded, "miss") == (1, 1)
    assert loads(recorded, "hit") == (1, 5)


def test_conflicts_and_retries_by_type(recorded: RecordedTelemetry, shop: Shop) -> None:
    """A conflict passes as it is; saving the aggregate again is a retry, another save is none."""
    instrument_application(shop, recorded.telemetry)
    order_id = shop.place().originator_id
    mine: Order = shop.repository.get(order_id)
    shop.note(order_id)
    assert recorded.value(catalog.AGGREGATE_CONFLICTS, aggregate_type="Order") == 0
    mine.note("mine")
    with pytest.raises(IntegrityError):
        shop.save(mine)
    assert recorded.value(catalog.AGGREGATE_CONFLICTS, aggregate_type="Order") == 1
    assert recorded.value(catalog.AGGREGATE_RETRIES, aggregate_type="Order") == 0
    shop.note(order_id)
    shop.note(order_id)
    assert recorded.value(catalog.AGGREGATE_RETRIES, aggregate_type="Order") == 1
    stale: Order = shop.repository.get(order_id)
    shop.note(order_id)
    stale.note("stale")
    with pytest.raises(IntegrityError):
        shop.save(stale)
    shop.place()
    shop.note(order_id)
    assert recorded.value(catalog.AGGREGATE_RETRIES) == 1
