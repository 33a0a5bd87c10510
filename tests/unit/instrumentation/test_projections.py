"""Projections: lag in every form of timestamp, links, parents and batches."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, StatusCode

from cqrs_telemetry import InstrumentedProjectionHandler, catalog, inject_context
from cqrs_telemetry.testing import RecordedTelemetry


@dataclass
class OrderPlaced:
    """A domain event."""

    timestamp: Any = field(default_factory=time.time)
    aggregate_id: str = "o-1"
    failure: BaseException | None = None


class Orders(InstrumentedProjectionHandler):
    """A read model that is a list."""

    def apply(self, event: OrderPlaced) -> Any:
        """Append, or fail when the event says so."""
        if event.failure is not None:
            raise event.failure
        self.read_store.append(event)


@pytest.fixture
def orders(recorded: RecordedTelemetry) -> Orders:
    """A projection on an empty list."""
    return Orders("orders", [], telemetry=recorded.telemetry)


def attributes(span: ReadableSpan) -> dict[str, Any]:
    """A span's attributes."""
    return dict(span.attributes or {})


def context_of(span: ReadableSpan) -> SpanContext:
    """A finished span's own context."""
    context: SpanContext | None = span.context
    assert context is not None
    return context


@pytest.fixture
def cause(recorded: RecordedTelemetry) -> trace.Span:
    """The ended span of a command."""
    span = recorded.tracer_provider.get_tracer("test").start_span("cause")
    span.end()
    return span


def test_the_seeds_example_records_span_lag_and_count(
    recorded: RecordedTelemetry, orders: Orders
) -> None:
    """handle_event applies the event to the read store and records what the seed prints."""
    event = OrderPlaced(timestamp=time.time() - 10)
    orders.handle_event(event)
    assert orders.read_store == [event]
    (span,) = recorded.spans("projection.orders")
    found = attributes(span)
    assert found.pop("cqrs.projection.lag_ms") >= 10_000
    assert found == {
        "cqrs.side": "projection",
        "cqrs.projection.name": "orders",
        "cqrs.event.type": "OrderPlaced",
        "cqrs.event.aggregate_id": "o-1",
        "cqrs.projection.status": "applied",
    }
    recorded.assert_projected("orders", "OrderPlaced")
    (lag,) = recorded.points(catalog.PROJECTION_LAG)
    assert lag.count == 1
    assert lag.value >= 10_000
    assert recorded.count(catalog.PROJECTION_DURATION, projection_status="success") == 1


def test_a_hook_takes_the_time_out_of_the_event(recorded: RecordedTelemetry) -> None:
    """Stores with other field names or nanoseconds say so with one function."""
    orders = Orders(
        "orders", [], telemetry=recorded.telemetry, timestamp=lambda e: e["recorded_ns"] / 1e9
    )
    orders.apply = lambda event: None  # type: ignore[method-assign]  # dicts have no failure
    orders.handle_event({"recorded_ns": time.time_ns() - 60 * 10**9})
    assert recorded.value(catalog.PROJECTION_LAG) >= 60_000


def test_an_event_without_a_timestamp_is_a_fault_that_is_told_once(
    recorded: RecordedTelemetry, orders: Orders, caplog: pytest.LogCaptureFixture
) -> None:
    """It is applied and counted; without its lag the alerts would be blind, and nothing say so."""
    for _ in range(2):
        orders.handle_event(OrderPlaced(None))
    assert recorded.points(catalog.PROJECTION_LAG) == []
    assert recorded.value(catalog.TELEMETRY_FAULTS, error_type="UntimedEventError") == 2
    recorded.assert_projected("orders", "OrderPlaced", count=2)
    (record,) = caplog.records
    assert record.exc_info
    assert str(record.exc_info[1]) == (
        "OrderPlaced of projection orders has no timestamp, so its lag is not known: set it when"
        " the event is made, or say with timestamp= where it is"
    )


def test_an_event_from_the_future_lags_zero_and_is_counted(
    recorded: RecordedTelemetry, orders: Orders
) -> None:
    """Clocks differ between machines: the skew has a counter, which starts at 0."""
    orders.handle_event(OrderPlaced(None))
    (skew,) = recorded.points(catalog.PROJECTION_CLOCK_SKEW)
    assert skew.value == 0
    orders.handle_event(OrderPlaced(time.time() + 3600))
    (lag,) = recorded.points(catalog.PROJECTION_LAG)
    assert (lag.count, lag.value) == (1, 0)
    assert recorded.value(catalog.PROJECTION_CLOCK_SKEW, projection_name="orders") == 1


def test_lag_is_taken_after_apply_and_only_if_applied(
    recorded: RecordedTelemetry, orders: Orders
) -> None:
    """A failed event has an outcome and no lag: readers never saw it."""
    with pytest.raises(KeyError):
        orders.handle_event(OrderPlaced(time.time(), failure=KeyError("x")))
    assert recorded.points(catalog.PROJECTION_LAG) == []
    recorded.assert_projected("orders", "OrderPlaced", "error")
    assert attributes(recorded.spans()[0])["cqrs.projection.status"] == "error"


def test_apply_must_be_overridden(recorded: RecordedTelemetry) -> None:
    """As in the seed; the text names the class."""
    handler = InstrumentedProjectionHandler("orders", telemetry=recorded.telemetry)
    with pytest.raises(NotImplementedError, match="InstrumentedProjectionHandler must override"):
        handler.handle_event(OrderPlaced())


@pytest.mark.parametrize(
    "form",
    ["span context", "context", "carrier", "bytes", "bytes as keys", "pairs", "pairs of bytes",
     "lists"],
)  # fmt: skip
def test_the_cause_is_linked_in_every_form(
    recorded: RecordedTelemetry, orders: Orders, cause: trace.Span, form: str
) -> None:
    """A SpanContext, a Context and event metadata all become one link, not a parent."""
    context = trace.set_span_in_context(cause)
    with trace.use_span(cause):
        carrier = inject_context(dict[str, str]())
    source: dict[str, Any] = {
        "span context": cause.get_span_context(),
        "context": context,
        "carrier": carrier,
        # As clients of Kafka, of AMQP and ASGI servers give headers.
        "bytes": {key: value.encode() for key, value in carrier.items()},
        "bytes as keys": {key.encode(): value.encode() for key, value in carrier.items()},
        "pairs": list(carrier.items()),
        "pairs of bytes": [("x", None), *((key, v.encode()) for key, v in carrier.items())],
        "lists": {key: [value.encode()] for key, value in carrier.items()},
    }
    orders.handle_event(OrderPlaced(), source[form])
    (span,) = recorded.spans("projection.orders")
    assert [link.context.span_id for link in span.links] == [cause.get_span_context().span_id]
    assert span.parent is None
    assert context_of(span).trace_id != cause.get_span_context().trace_id


@pytest.mark.parametrize("source", [None, {}, {"traceparent": "rubbish"}, {"traceparent": 5}])
def test_no_usable_cause_is_no_link(
    recorded: RecordedTelemetry, orders: Orders, source: Any
) -> None:
    """Old events carry no context; that is normal and silent."""
    orders.handle_event(OrderPlaced(), source)
    assert recorded.spans()[0].links == ()
    assert recorded.value(catalog.TELEMETRY_FAULTS) == 0


@pytest.mark.parametrize("limit", [3600, timedelta(hours=1)])
@pytest.mark.parametrize(("age", "child"), [(10, True), (7200, False)])
def test_a_young_event_becomes_a_child(
    recorded: RecordedTelemetry, cause: trace.Span, limit: Any, age: float, child: bool
) -> None:
    """child_if_younger_than decides by the event's age; a replay never grows old traces."""
    orders = Orders("orders", [], telemetry=recorded.telemetry, child_if_younger_than=limit)
    orders.handle_event(OrderPlaced(time.time() - age), cause.get_span_context())
    (span,) = recorded.spans("projection.orders")
    assert (span.parent is not None) is child
    assert len(span.links) == (0 if child else 1)
    if child:
        assert context_of(span).trace_id == cause.get_span_context().trace_id


def test_an_event_of_unknown_age_keeps_its_link(
    recorded: RecordedTelemetry, cause: trace.Span
) -> None:
    """What cannot be dated is linked: the safe choice."""
    orders = Orders("orders", [], telemetry=recorded.telemetry, child_if_younger_than=60)
    orders.handle_event(OrderPlaced("no date"), cause.get_span_context())
    orders.handle_event(OrderPlaced(None), cause.get_span_context())
    assert [len(span.links) for span in recorded.spans("projection.orders")] == [1, 1]


def test_a_batch_is_one_span_with_links_and_metrics_per_event(
    recorded: RecordedTelemetry, orders: Orders, cause: trace.Span
) -> None:
    """Each event of a batch has its own lag and outcome; the span carries size and links."""
    now = time.time()
    events = [OrderPlaced(now), OrderPlaced(now - 60), OrderPlaced(None)]
    assert orders.handle_events(iter(events), [cause.get_span_context(), None, {}]) is None
    assert orders.read_store == events
    (span,) = recorded.spans("projection.orders")
    assert len(span.links) == 1
    found = attributes(span)
    # What the collector samples by, and what runbooks ask for: the largest of the batch.
    assert 60_000 <= found.pop("cqrs.projection.lag_ms") < 120_000
    assert found == {
        "cqrs.side": "projection",
        "cqrs.projection.name": "orders",
        "cqrs.projection.batch_size": 3,
        "cqrs.projection.status": "applied",
    }
    recorded.assert_projected("orders", "OrderPlaced", count=3)
    assert recorded.count(catalog.PROJECTION_LAG) == 2
    assert recorded.count(catalog.PROJECTION_DURATION) == 3


def test_a_batch_stops_at_a_failure(recorded: RecordedTelemetry, orders: Orders) -> None:
    """Events before the failure are applied and counted, those after it are not touched."""
    failure = KeyError("x")
    with pytest.raises(KeyError) as caught:
        orders.handle_events([OrderPlaced(), OrderPlaced(failure=failure), OrderPlaced()])
    assert caught.value is failure
    assert len(orders.read_store) == 1
    recorded.assert_projected("orders", "OrderPlaced")
    recorded.assert_projected("orders", "OrderPlaced", "error")
    (span,) = recorded.spans()
    assert span.status.status_code is StatusCode.ERROR
    assert attributes(span)["error.type"] == "KeyError"
    assert [event.name for event in span.events] == ["exception"]


def test_a_rejection_does_not_fail_a_batchs_span(
    recorded: RecordedTelemetry, orders: Orders, out_of_stock: type[Exception]
) -> None:
    """Span and metrics agree on what a rejection is."""
    with pytest.raises(out_of_stock):
        orders.handle_events([OrderPlaced(failure=out_of_stock())])
    (span,) = recorded.spans()
    assert span.status.status_code is StatusCode.UNSET
    assert span.events == ()
    recorded.assert_projected("orders", "OrderPlaced", "rejected")


async def test_async_apply(recorded: RecordedTelemetry) -> None:
    """With an async apply, events and batches are awaited."""

    class AsyncOrders(InstrumentedProjectionHandler):
        async def apply(self, event: Any) -> None:
            self.read_store.append(event)

    orders = AsyncOrders("orders", [], telemetry=recorded.telemetry)
    await orders.handle_event(OrderPlaced())
    await orders.handle_events([OrderPlaced(), OrderPlaced()])
    assert len(orders.read_store) == 3
    recorded.assert_projected("orders", "OrderPlaced", count=3)
    assert len(recorded.spans()) == 2


def test_instrument_projection_wraps_a_callable(recorded: RecordedTelemetry) -> None:
    """One line over a handler that is not of ours."""
    handle: Any = recorded.telemetry.instrument_projection("orders", lambda event: event)
    event = OrderPlaced()
    assert handle(event) is event
    recorded.assert_projected("orders", "OrderPlaced")


def test_aggregate_id_hook(recorded: RecordedTelemetry) -> None:
    """Events with another field for the id say so with one function."""
    orders = Orders(
        "orders", [], telemetry=recorded.telemetry, aggregate_id=lambda e: f"order-{e.aggregate_id}"
    )
    orders.handle_event(OrderPlaced())
    assert attributes(recorded.spans()[0])["cqrs.event.aggregate_id"] == "order-o-1"


async def test_a_batch_awaits_an_apply_that_does_not_look_async(
    recorded: RecordedTelemetry,
) -> None:
    """Every event is applied in order inside the one span, and a failure stops the batch."""

    class Decorated(InstrumentedProjectionHandler):
        def apply(self, event: Any) -> Any:
            async def work() -> None:
                if event.failure:
                    raise event.failure
                self.read_store.append(event)

            return work()

    orders = Decorated("orders", [], telemetry=recorded.telemetry)
    events = [OrderPlaced(), OrderPlaced(), OrderPlaced(failure=KeyError("x")), OrderPlaced()]
    with pytest.raises(KeyError):
        await orders.handle_events(events)
    assert orders.read_store == events[:2]
    recorded.assert_projected("orders", "OrderPlaced", count=2)
    recorded.assert_projected("orders", "OrderPlaced", "error")
    (span,) = recorded.spans()
    assert attributes(span)["cqrs.projection.batch_size"] == 4


async def test_an_empty_batch_records_nothing(recorded: RecordedTelemetry, orders: Orders) -> None:
    """Who polls and finds nothing makes no spans; async projections may await it all the same."""

    class AsyncOrders(InstrumentedProjectionHandler):
        async def apply(self, event: Any) -> None:
            raise AssertionError

    assert orders.handle_events([]) is None
    assert await AsyncOrders("orders", telemetry=recorded.telemetry).handle_events(iter(())) is None
    assert recorded.spans() == []
    assert recorded.points(catalog.PROJECTION_TOTAL) == []


def test_a_batch_links_to_the_first_128_causes(
    recorded: RecordedTelemetry, orders: Orders, cause: trace.Span
) -> None:
    """As many as OpenTelemetry keeps; the events without a cause do not use them up."""
    contexts = [None, *[cause.get_span_context()] * 200]
    orders.handle_events([OrderPlaced()] * 201, contexts)
    assert len(recorded.spans("projection.orders")[0].links) == 128
