"""Projections: lag in every form of time, causes as links or parents, batches."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from opentelemetry.trace import StatusCode

from cqrs_telemetry import (
    InstrumentedProjectionHandler,
    catalog,
    extract_context,
    inject_context,
)
from cqrs_telemetry.testing import RecordedTelemetry

AGE = 60.0  # seconds, of the events below


@dataclass
class OrderPlaced:
    """An event."""

    timestamp: Any = None
    aggregate_id: str = "order-1"


class Orders(InstrumentedProjectionHandler):
    """A projection that keeps what it applied."""

    def apply(self, event: Any) -> None:
        """Keep the event, or fail on the one named so."""
        if event.aggregate_id == "poison":
            raise LookupError("no such order")
        self.read_store.append(event)


def orders(recorded: RecordedTelemetry, **options: Any) -> Orders:
    """A projection with an empty store."""
    return Orders("orders", [], telemetry=recorded.telemetry, **options)


def minute_ago() -> datetime:
    """The time of an event as old as AGE."""
    return datetime.now(timezone.utc) - timedelta(seconds=AGE)


@pytest.mark.parametrize(
    "form",
    [
        lambda t: t.timestamp(),
        lambda t: int(t.timestamp()),
        lambda t: t,
        lambda t: t.replace(tzinfo=None),
        lambda t: t.astimezone(timezone(timedelta(hours=5))),
        lambda t: t.isoformat(),
        lambda t: t.replace(tzinfo=None).isoformat() + "Z",
    ],
    ids=["seconds", "int", "aware", "naive is UTC", "other zone", "ISO", "ISO with Z"],
)
def test_lag_of_every_form_of_time(recorded: RecordedTelemetry, form: Any) -> None:
    """Whatever the event's time looks like, lag is now minus then, in milliseconds."""
    orders(recorded).handle_event(OrderPlaced(form(minute_ago())))
    (point,) = recorded.points(catalog.PROJECTION_LAG)
    assert point.value == pytest.approx(AGE * 1000, rel=0.1)
    assert point.attributes == {
        "cqrs.side": "projection",
        "projection.name": "orders",
        "event.type": "OrderPlaced",
    }


def test_lag_by_hook(recorded: RecordedTelemetry) -> None:
    """A hook takes the time out of events that keep it otherwise, such as nanoseconds."""
    event = OrderPlaced()
    event.aggregate_id = str(time.time_ns() - int(AGE * 1e9))
    projection = orders(recorded, timestamp=lambda event: int(event.aggregate_id) / 1e9)
    projection.handle_event(event)
    assert recorded.value(catalog.PROJECTION_LAG) == pytest.approx(AGE * 1000, rel=0.1)


def test_span_is_as_the_contract_prints(recorded: RecordedTelemetry) -> None:
    """The contract's name and attributes, with the status it calls applied."""
    orders(recorded).handle_event(OrderPlaced(time.time()))
    (span,) = recorded.spans("projection.orders")
    attributes = dict(span.attributes or {})
    assert attributes.pop("cqrs.projection.lag_ms") >= 0  # type: ignore[operator]
    assert attributes == {
        "cqrs.side": "projection",
        "cqrs.projection.name": "orders",
        "cqrs.event.type": "OrderPlaced",
        "cqrs.event.aggregate_id": "order-1",
        "cqrs.projection.status": "applied",
    }
    recorded.assert_projected("orders", "OrderPlaced")


def test_event_without_time_has_no_lag(recorded: RecordedTelemetry) -> None:
    """No timestamp, no lag, and no fault either."""
    orders(recorded).handle_event(OrderPlaced())
    assert recorded.points(catalog.PROJECTION_LAG) == []
    assert recorded.value(catalog.TELEMETRY_FAULTS) == 0
    recorded.assert_projected("orders", "OrderPlaced")


def test_event_from_the_future_is_clamped_and_counted(recorded: RecordedTelemetry) -> None:
    """A writer's clock ahead of ours makes lag 0, and says so."""
    projection = orders(recorded)
    projection.handle_event(OrderPlaced(time.time()))
    assert recorded.value(catalog.PROJECTION_CLOCK_SKEW) == 0
    projection.handle_event(OrderPlaced(time.time() + 3600))
    assert recorded.value(catalog.PROJECTION_CLOCK_SKEW, projection_name="orders") == 1
    assert recorded.count(catalog.PROJECTION_LAG) == 2
    assert recorded.value(catalog.PROJECTION_LAG) < 1000


def test_failed_event_has_no_lag(recorded: RecordedTelemetry) -> None:
    """Readers cannot see an event that was not applied: error and duration, but no lag."""
    with pytest.raises(LookupError):
        orders(recorded).handle_event(OrderPlaced(time.time(), "poison"))
    (span,) = recorded.spans()
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["cqrs.projection.status"] == "error"
    assert recorded.points(catalog.PROJECTION_LAG) == []
    assert recorded.count(catalog.PROJECTION_DURATION, projection_status="error") == 1
    recorded.assert_projected("orders", "OrderPlaced", "error")


def command_metadata(recorded: RecordedTelemetry) -> tuple[dict[str, str], Any]:
    """What a command writes into its event's metadata, and its span context."""
    with recorded.telemetry.command("PlaceOrder"):
        metadata = inject_context({})
    (span,) = recorded.spans("command.PlaceOrder")
    return metadata, span.context


@pytest.mark.parametrize("form", ["carrier", "context", "span context"])
def test_cause_is_linked(recorded: RecordedTelemetry, form: str) -> None:
    """Carrier, Context and SpanContext all lead to a link, in a trace of its own."""
    metadata, cause = command_metadata(recorded)
    source = {"carrier": metadata, "context": extract_context(metadata), "span context": cause}
    orders(recorded).handle_event(OrderPlaced(), source[form])
    (span,) = recorded.spans("projection.orders")
    assert [link.context.span_id for link in span.links] == [cause.span_id]
    assert span.context is not None
    assert span.context.trace_id != cause.trace_id


@pytest.mark.parametrize("limit", [AGE / 2, timedelta(seconds=AGE / 2)])
def test_young_event_is_a_child_and_an_old_one_is_not(
    recorded: RecordedTelemetry, limit: Any
) -> None:
    """With child_if_younger_than a live event joins its command's trace, a replayed one links."""
    metadata, cause = command_metadata(recorded)
    projection = orders(recorded, child_if_younger_than=limit)
    projection.handle_event(OrderPlaced(time.time()), metadata)
    projection.handle_event(OrderPlaced(time.time() - AGE), metadata)
    young, old = recorded.spans("projection.orders")
    assert young.parent is not None
    assert young.parent.span_id == cause.span_id
    assert not young.links
    assert old.parent is None
    assert len(old.links) == 1


@pytest.mark.parametrize("source", [None, {}, {"traceparent": "nonsense"}, {"other": object()}])
def test_missing_or_broken_cause_is_no_link(recorded: RecordedTelemetry, source: Any) -> None:
    """Events from before the instrumentation, or with foreign metadata, are applied as they are."""
    orders(recorded).handle_event(OrderPlaced(), source)
    (span,) = recorded.spans()
    assert not span.links
    assert recorded.value(catalog.TELEMETRY_FAULTS) == 0


def test_batch_has_one_span_and_metrics_per_event(recorded: RecordedTelemetry) -> None:
    """A batch links to all its causes, and each event has its own lag and outcome."""
    metadata, cause = command_metadata(recorded)
    projection = orders(recorded)
    events = [OrderPlaced(time.time()), OrderPlaced(time.time() - AGE)]
    projection.handle_events(events, [metadata, None])
    assert projection.read_store == events
    (span,) = recorded.spans("projection.orders")
    assert (span.attributes or {})["cqrs.projection.batch_size"] == 2
    assert [link.context.span_id for link in span.links] == [cause.span_id]
    assert recorded.count(catalog.PROJECTION_LAG) == 2
    recorded.assert_projected("orders", "OrderPlaced", count=2)


def test_batch_stops_at_a_failure(recorded: RecordedTelemetry) -> None:
    """Events before the failure are counted as applied, the one that failed as an error."""
    projection = orders(recorded)
    events = [OrderPlaced(), OrderPlaced(None, "poison"), OrderPlaced()]
    with pytest.raises(LookupError):
        projection.handle_events(events)
    assert len(projection.read_store) == 1
    recorded.assert_projected("orders", "OrderPlaced", count=1)
    recorded.assert_projected("orders", "OrderPlaced", "error", count=1)
    (span,) = recorded.spans("projection.orders")
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "LookupError"


async def test_async_apply(recorded: RecordedTelemetry) -> None:
    """Apply may be a coroutine, one event at a time or in batches."""

    class AsyncOrders(InstrumentedProjectionHandler):
        """A projection whose store is asynchronous."""

        async def apply(self, event: Any) -> None:
            """Keep the event."""
            self.read_store.append(event)

    projection = AsyncOrders("orders", [], telemetry=recorded.telemetry)
    await projection.handle_event(OrderPlaced(time.time()))
    await projection.handle_events([OrderPlaced(), OrderPlaced()])
    assert len(projection.read_store) == 3
    recorded.assert_projected("orders", "OrderPlaced", count=3)
    assert len(recorded.spans("projection.orders")) == 2


def test_apply_has_to_be_overridden(recorded: RecordedTelemetry) -> None:
    """The base class applies nothing, and says which class forgot to."""
    projection = InstrumentedProjectionHandler("orders", telemetry=recorded.telemetry)
    with pytest.raises(NotImplementedError, match="InstrumentedProjectionHandler must override"):
        projection.handle_event(OrderPlaced())
