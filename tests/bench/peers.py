"""What the benchmark compares: one command, one query and one event, done in five ways.

contract  the pattern as printed, see seed.py
by hand   a span, a histogram and a counter, as one would write them on a good day
ours      cqrs_telemetry
floor     the calls into OpenTelemetry that ours makes, and nothing else
none      the handler alone
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import seed
from opentelemetry.context import attach, detach, get_current
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import (
    Link,
    Span,
    SpanContext,
    SpanKind,
    TraceFlags,
    TracerProvider,
    set_span_in_context,
)

from cqrs_telemetry import (
    CqrsTelemetry,
    InstrumentedCommandBus,
    InstrumentedProjectionHandler,
    InstrumentedQueryBus,
    catalog,
)
from cqrs_telemetry.catalog import Metric

PEERS = ("contract", "by hand", "ours", "floor", "none")
CAUSE = SpanContext(1, 1, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))

Operation = Callable[[], Any]
Record = Callable[[Span, Any], None]


class OrderPlaced:
    """A domain event."""

    aggregate_id = "order-1"
    timestamp = time.time()


class PlaceOrder:
    """A command."""

    aggregate_id = "order-1"


class ListOrders:
    """A query."""


@dataclass(frozen=True)
class Placed:
    """What the command's handler returns."""

    events: tuple[Any, ...] = (OrderPlaced(),)


class Place:
    """The command's handler."""

    result = Placed()

    def handle(self, command: PlaceOrder) -> Placed:
        """Place."""
        return self.result


class List:
    """The query's handler."""

    rows = [1] * 20

    def handle(self, query: ListOrders) -> list[int]:
        """List."""
        return self.rows


class Orders(InstrumentedProjectionHandler):
    """Our projection."""

    def apply(self, event: Any) -> None:
        """Update the read model."""


class Calls:
    """Bare OpenTelemetry, on scopes of its own."""

    def __init__(self, tracers: TracerProvider, meters: MeterProvider) -> None:
        self._tracer = tracers.get_tracer("bench")
        self._meter = meters.get_meter("bench")

    def histogram(self, metric: Metric, owner: str) -> Any:
        """A histogram with a metric's buckets."""
        return self._meter.create_histogram(
            f"bench.{owner}.{metric.name}",
            metric.unit,
            explicit_bucket_boundaries_advisory=metric.bounds,
        )

    def by_hand(
        self, name: str, span_attributes: dict[str, Any], metric: Metric, handle: Operation
    ) -> Operation:
        """Span, duration and count, without what sides, events, sizes and lag add."""
        duration = self.histogram(metric, "hand")
        counter = self._meter.create_counter(f"bench.hand.{name}")
        outcome = {"type": name, "status": "success"}

        def operation() -> Any:
            with self._tracer.start_as_current_span(name, attributes=span_attributes):
                start = time.perf_counter()
                result = handle()
                duration.record((time.perf_counter() - start) * 1000, outcome)
                counter.add(1, outcome)
                return result

        return operation

    def floor(
        self,
        name: str,
        span_attributes: dict[str, Any],
        metrics: dict[Metric, dict[str, str]],
        describe: Callable[[Span], None],
        links: list[Link] | None = None,
    ) -> Operation:
        """One span that is current, what describes it, and a value in each histogram."""
        histograms = [(self.histogram(m, "floor"), points) for m, points in metrics.items()]

        def operation() -> None:
            parent = get_current()
            span = self._tracer.start_span(name, parent, SpanKind.INTERNAL, span_attributes, links)
            context = set_span_in_context(span, parent)
            token = attach(context)
            if span.is_recording():
                describe(span)
            for histogram, points in histograms:
                histogram.record(0.01, points, context)
            detach(token)
            span.end()

        return operation


def _points(metric: Metric, *values: str) -> dict[str, str]:
    return dict(zip((attribute.key for attribute in metric.attributes), values, strict=False))


def peers(
    tracers: TracerProvider, meters: MeterProvider, telemetry: CqrsTelemetry
) -> dict[str, dict[str, Operation]]:
    """For each path the operation of each peer."""
    bare = Calls(tracers, meters)
    return {
        "command": _commands(tracers, meters, telemetry, bare),
        "query": _queries(tracers, meters, telemetry, bare),
        "projection": _projections(tracers, meters, telemetry, bare),
    }


def _commands(tracers: Any, meters: Any, telemetry: Any, bare: Calls) -> dict[str, Operation]:
    command, handlers = PlaceOrder(), {"PlaceOrder": Place()}
    contract = seed.CommandBus(handlers, tracers, meters)
    ours = InstrumentedCommandBus(handlers, telemetry=telemetry)
    span = {
        catalog.SIDE.key: catalog.WRITE,
        catalog.SPAN_COMMAND_TYPE.key: "PlaceOrder",
        catalog.SPAN_AGGREGATE_ID.key: "order-1",
    }
    duration = catalog.COMMAND_DURATION

    def describe(span: Span) -> None:
        span.add_event(catalog.SPAN_EVENT_PRODUCED, {catalog.EVENT_TYPE.key: "OrderPlaced"})
        span.set_attribute(catalog.SPAN_EVENTS_COUNT.key, 1)

    def none() -> Any:
        return handlers["PlaceOrder"].handle(command)

    points = {duration: _points(duration, catalog.WRITE, "PlaceOrder", catalog.SUCCESS)}
    return {
        "contract": lambda: contract.dispatch(command),
        "by hand": bare.by_hand("command", span, duration, none),
        "ours": lambda: ours.dispatch(command),
        "floor": bare.floor("command", span, points, describe),
        "none": none,
    }


def _queries(tracers: Any, meters: Any, telemetry: Any, bare: Calls) -> dict[str, Operation]:
    query, handlers = ListOrders(), {"ListOrders": List()}
    contract = seed.QueryBus(handlers, tracers, meters)
    ours = InstrumentedQueryBus(handlers, telemetry=telemetry)
    span = {catalog.SIDE.key: catalog.READ, catalog.SPAN_QUERY_TYPE.key: "ListOrders"}
    duration, size = catalog.QUERY_DURATION, catalog.QUERY_RESULT_SIZE

    def none() -> Any:
        return handlers["ListOrders"].handle(query)

    points = {
        duration: _points(duration, catalog.READ, "ListOrders", catalog.SUCCESS),
        size: _points(size, catalog.READ, "ListOrders"),
    }
    return {
        "contract": lambda: contract.execute(query),
        "by hand": bare.by_hand("query", span, duration, none),
        "ours": lambda: ours.execute(query),
        "floor": bare.floor(
            "query", span, points, lambda s: s.set_attribute(catalog.SPAN_RESULT_COUNT.key, 20)
        ),
        "none": none,
    }


def _projections(tracers: Any, meters: Any, telemetry: Any, bare: Calls) -> dict[str, Operation]:
    event = OrderPlaced()
    contract = seed.ProjectionHandler("orders", tracers, meters)
    ours = Orders("orders", telemetry=telemetry)
    span = {
        catalog.SIDE.key: catalog.PROJECTION,
        catalog.SPAN_PROJECTION_NAME.key: "orders",
        catalog.SPAN_EVENT_TYPE.key: "OrderPlaced",
        catalog.SPAN_EVENT_AGGREGATE_ID.key: "order-1",
    }
    side = (catalog.PROJECTION, "orders", "OrderPlaced")
    duration, lag = catalog.PROJECTION_DURATION, catalog.PROJECTION_LAG
    described: dict[str, Any] = {
        catalog.SPAN_PROJECTION_STATUS.key: catalog.SPAN_PROJECTION_STATUS.values[0],
        catalog.SPAN_PROJECTION_LAG.key: 0.01,
    }
    points = {duration: _points(duration, *side, catalog.SUCCESS), lag: _points(lag, *side)}
    links = [Link(CAUSE)]
    return {
        "contract": lambda: contract.handle_event(event, CAUSE),
        "by hand": bare.by_hand("projection", span, duration, lambda: ours.apply(event)),
        "ours": lambda: ours.handle_event(event, CAUSE),
        "floor": bare.floor(
            "projection", span, points, lambda s: s.set_attributes(described), links
        ),
        "none": lambda: ours.apply(event),
    }
