"""What only PostgreSQL can show: the library's own runner, plans of queries, locks and outages."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresFactory, PostgresTrackingRecorder
from eventsourcing.projection import ProjectionRunner
from eventsourcing.utils import Environment

from cqrs_telemetry import _watches, catalog
from cqrs_telemetry.eventsourcing import projection_probe, wait_until_projected
from cqrs_telemetry.testing import RecordedTelemetry
from waits import LIMIT, wait_for

from .postgres import PostgresServer, postgres_server
from .shop import NOTED, PLACED, Orders, Shop

pytestmark = [pytest.mark.usefixtures("always_asked"), pytest.mark.servers]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A real PostgreSQL."""
    with postgres_server() as server:
        yield server


@pytest.fixture
def environment(server: PostgresServer) -> dict[str, str]:
    """Settings for an empty database."""
    return server.create(uuid4().hex)


@pytest.fixture
def shop(environment: dict[str, str]) -> Iterator[Shop]:
    """A shop on it."""
    with Shop(environment) as shop:
        yield shop


@pytest.fixture
def view_of(environment: dict[str, str]) -> Iterator[Callable[[str], PostgresTrackingRecorder]]:
    """Makes views of a name in the same database."""
    factories: list[PostgresFactory] = []

    def make(name: str) -> PostgresTrackingRecorder:
        factories.append(PostgresFactory(Environment(name, environment)))
        return factories[-1].tracking_recorder(PostgresTrackingRecorder)

    yield make
    for factory in factories:
        factory.close()


@pytest.fixture
def always_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer is young enough to be used again."""
    monkeypatch.setattr(_watches, "MINIMUM_AGE", 0)


def pending(recorded: RecordedTelemetry, name: str = "orders") -> float | None:
    """The gauge as exported by one collection; None where it is absent."""
    points = recorded.points(catalog.PROJECTION_PENDING, projection_name=name)
    return points[0].value if points else None


def staleness(recorded: RecordedTelemetry) -> float:
    """The gauge, which has to be there."""
    (point,) = recorded.points(catalog.PROJECTION_STALENESS)
    return point.value


def faults(recorded: RecordedTelemetry) -> float:
    """Faults of the projections' side."""
    return recorded.value(catalog.TELEMETRY_FAULTS, cqrs_side="projection")


def wait_until_pending(recorded: RecordedTelemetry) -> None:
    """Wait until the one event that nobody has applied is known."""
    wait_for("pending event", lambda: pending(recorded) == 1, saw=lambda: pending(recorded))


def test_three_failures_of_the_librarys_runner(
    recorded: RecordedTelemetry,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Filtered and caught up is 0; a notification that got lost and a dead thread are pending.

    The runner's threads go on without an error after the one, and end silently with the other.
    """
    monkeypatch.setattr(Orders, "telemetry", recorded.telemetry)
    runner = ProjectionRunner(
        application_class=Shop, projection_class=Orders, view_class=PostgresTrackingRecorder,
        env=environment,
    )  # fmt: skip
    shop, view = runner.app, runner.projection.view
    probe = projection_probe(shop, view, Orders.topics)
    with pytest.raises(KeyError, match="poison"), runner:  # noqa: PT012 - raised at the very end
        recorded.telemetry.watch_projection("orders", probe)
        placed = shop.place()
        assert wait_until_projected(
            recorded.telemetry, "FindOrder", "orders", view, shop.name, placed.id, timeout=LIMIT
        )
        shop.note(placed.originator_id, times=50)
        assert (shop.recorder.max_notification_id(), view.max_tracking_id(shop.name)) == (51, 1)
        assert (pending(recorded), staleness(recorded)) == (0, 0)

        def lose_notification() -> tuple[float] | None:
            with monkeypatch.context() as lost:
                lost.setattr(shop.recorder, "_notify_channel", lambda cursor: None)
                shop.place()
            first = staleness(recorded)
            time.sleep(0.3)  # longer than the runner listens at a time
            # The runner sees it all the same when the notification of an earlier event wakes it.
            return (first,) if pending(recorded) == 1 else None

        (first,) = wait_for("an event without a notification that stays pending", lose_notification)
        assert staleness(recorded) > first > 0
        assert not runner.is_interrupted.is_set()
        assert recorded.value(catalog.PROJECTION_LAST_EVENT, projection_status="error") == 0

        monkeypatch.setattr(Orders, "poison", True)
        shop.place()
        assert runner.is_interrupted.wait(LIMIT), "the runner goes on after a poison event"
        shop.place()  # the write side does not notice
        assert pending(recorded) == 3
        assert recorded.value(
            catalog.PROJECTION_LAST_EVENT, projection_status="error"
        ) > recorded.value(catalog.PROJECTION_LAST_EVENT, projection_status="success")
    assert recorded.count(catalog.QUERY_WAIT, wait_status="seen") == 1


def test_several_projections(
    recorded: RecordedTelemetry, shop: Shop, view_of: Callable[[str], PostgresTrackingRecorder]
) -> None:
    """Each by its own position and topics, in one collection."""
    followed = {"orders": [PLACED], "notes": [NOTED], "audit": []}
    views = {name: view_of(name) for name in followed}
    for name, topics in followed.items():
        probe = projection_probe(shop, views[name], topics)
        recorded.telemetry.watch_projection(name, probe)
    placed = shop.place()
    shop.note(placed.originator_id, times=3)
    assert [pending(recorded, name) for name in followed] == [1, 3, 4]
    views["orders"].insert_tracking(Tracking(shop.name, placed.id))
    views["notes"].insert_tracking(Tracking(shop.name, placed.id + 2))
    views["audit"].insert_tracking(Tracking("another shop", 100))
    assert [pending(recorded, name) for name in followed] == [0, 1, 4]


def plans(log: str) -> list[dict[str, Any]]:
    """Plans of the statements that a server says it has executed, with their texts."""
    decoder = json.JSONDecoder(strict=False)  # the log indents lines of texts by tabs
    return [decoder.raw_decode(part)[0] for part in log.split(" plan:\n\t")[1:]]


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan's nodes."""
    yield plan
    for each in plan.get("Plans", ()):
        yield from nodes(each)


def test_one_query_of_events_by_an_index(
    server: PostgresServer,
    environment: dict[str, str],
    view_of: Callable[[str], PostgresTrackingRecorder],
) -> None:
    """Among many events a probe reads those after the position; the server never scans the table.

    Asked often enough for the server to plan the prepared statement once for all its parameters.
    """
    with server.connect(environment["POSTGRES_DBNAME"]) as connection, Shop(environment) as shop:
        view = view_of("orders")
        shop.place()
        table = shop.recorder.events_table_name
        connection.execute(
            f"INSERT INTO {table} (originator_id, originator_version, topic, state) "  # noqa: S608
            f"SELECT originator_id, generate_series(2, 30000), %s, state FROM {table}",
            [NOTED],
        )
        connection.execute("ANALYZE")
        view.insert_tracking(Tracking(shop.name, 29_000))
        shop.place()
        index = shop.recorder.notification_id_index_name
        server.explain(environment["POSTGRES_DBNAME"])
    with Shop(environment) as shop:
        probes = [
            projection_probe(shop, view_of("orders"), topics, most_counted=2000)
            for topics in ((), (PLACED,))
        ]
        before = server.log.stat().st_size
        found = [[probe().pending for _ in range(7)] for probe in probes]
        after = server.log.stat().st_size
    assert found == [[1001] * 7, [1] * 7]
    asked = plans(server.log.read_bytes()[before:after].decode())
    of_events = [each for each in asked if table in each["Query Text"]]
    assert len(of_events) == 14
    assert len(asked) <= 28 + 2  # the others read the position
    for each in of_events:
        scans = [node for node in nodes(each["Plan"]) if "Scan" in node["Node Type"]]
        assert [node["Index Name"] for node in scans] == [index]
        assert "notification_id >" in scans[0]["Index Cond"]


def test_a_locked_table_is_unknown_and_then_known(
    recorded: RecordedTelemetry,
    server: PostgresServer,
    environment: dict[str, str],
    shop: Shop,
    view_of: Callable[[str], PostgresTrackingRecorder],
) -> None:
    """What maintenance locks cannot be asked: absent, one thread that waits, and no exception."""
    probe = projection_probe(shop, view_of("orders"))
    recorded.telemetry.watch_projection("orders", probe, timeout=0.3)
    shop.place()
    wait_until_pending(recorded)
    with server.connect(environment["POSTGRES_DBNAME"]) as other, other.transaction():
        other.execute(f"LOCK TABLE {shop.recorder.events_table_name} IN ACCESS EXCLUSIVE MODE")
        before = faults(recorded)
        assert [pending(recorded) for _ in range(3)] == [None] * 3
        assert faults(recorded) > before
        assert len([each for each in threading.enumerate() if each.name == "cqrs-probe"]) == 1
    wait_until_pending(recorded)


def test_a_database_that_is_gone_is_unknown_until_it_is_back(
    recorded: RecordedTelemetry,
    server: PostgresServer,
    shop: Shop,
    view_of: Callable[[str], PostgresTrackingRecorder],
) -> None:
    """Connections that break and others that are refused: absent, counted, and nothing raises."""
    probe = projection_probe(shop, view_of("orders"))
    recorded.telemetry.watch_projection("orders", probe, timeout=0.3)
    shop.place()
    wait_until_pending(recorded)
    server.stop()
    try:
        before = faults(recorded)
        assert [pending(recorded) for _ in range(3)] == [None] * 3
        assert faults(recorded) > before
    finally:
        server.start()
    wait_until_pending(recorded)
