"""What the benchmark compares: one command, one query and one event, done in several ways.

contract     the pattern as printed, see seed.py
by hand      a span, a histogram and a counter, as one would write them on a good day
client       prometheus_client's own timer and counter: metrics without a span
autometrics  that library's decorator, likewise without a span, where it is installed
ours         cqrs_telemetry
floor        the calls into OpenTelemetry that ours makes around the handler, and nothing else
none         the handler alone

Each has tracer and meter providers of its own, and runs its handlers either sync or async.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import prometheus_client
import seed
from opentelemetry.context import attach, detach, get_current
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import (
    INVALID_SPAN,
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

CAUSE = SpanContext(1, 1, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))

Operation = Callable[[], Any]
Providers = tuple[TracerProvider | None, MeterProvider | None]


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


class Handler:
    """Returns what it has."""

    def __init__(self, result: Any) -> None:
        self.result = result

    def handle(self, message: Any) -> Any:
        """Handle, or apply."""
        return self.result


class AsyncHandler(Handler):
    """The same as a coroutine."""

    async def handle(self, message: Any) -> Any:
        """Handle, or apply."""
        return self.result


def driven(call: Callable[[], Awaitable[Any]]) -> Operation:
    """Run a coroutine that never waits, without an event loop, whose cost is nobody's."""

    def operation() -> Any:
        coroutine: Any = call()
        try:
            coroutine.send(None)
        except StopIteration as end:
            return end.value
        raise RuntimeError("the coroutine waits")

    return operation


@dataclass(frozen=True)
class Kind:
    """A path: its message, and what OpenTelemetry is told of it."""

    name: str
    message: Any
    result: Any
    span: dict[str, Any]
    duration: Metric
    points: dict[Metric, dict[str, str]]
    describe: Callable[[Span], None]
    links: tuple[Link, ...] = ()


def _points(metric: Metric, *values: str) -> dict[str, str]:
    return dict(zip((attribute.key for attribute in metric.attributes), values, strict=False))


def _describe_command(span: Span) -> None:
    span.add_event(catalog.SPAN_EVENT_PRODUCED, {catalog.EVENT_TYPE.key: "OrderPlaced"})
    span.set_attribute(catalog.SPAN_EVENTS_COUNT.key, 1)


_PROJECTED = (catalog.PROJECTION, "orders", "OrderPlaced")
COMMAND = Kind(
    "command",
    PlaceOrder(),
    Placed(),
    {
        catalog.SIDE.key: catalog.WRITE,
        catalog.SPAN_COMMAND_TYPE.key: "PlaceOrder",
        catalog.SPAN_AGGREGATE_ID.key: "order-1",
    },
    catalog.COMMAND_DURATION,
    {
        catalog.COMMAND_DURATION: _points(
            catalog.COMMAND_DURATION, catalog.WRITE, "PlaceOrder", catalog.SUCCESS
        )
    },
    _describe_command,
)
QUERY = Kind(
    "query",
    ListOrders(),
    [1] * 20,
    {catalog.SIDE.key: catalog.READ, catalog.SPAN_QUERY_TYPE.key: "ListOrders"},
    catalog.QUERY_DURATION,
    {
        catalog.QUERY_DURATION: _points(
            catalog.QUERY_DURATION, catalog.READ, "ListOrders", catalog.SUCCESS
        ),
        catalog.QUERY_RESULT_SIZE: _points(catalog.QUERY_RESULT_SIZE, catalog.READ, "ListOrders"),
    },
    lambda span: span.set_attribute(catalog.SPAN_RESULT_COUNT.key, 20),
)
PROJECTION = Kind(
    "projection",
    OrderPlaced(),
    None,
    {
        catalog.SIDE.key: catalog.PROJECTION,
        catalog.SPAN_PROJECTION_NAME.key: "orders",
        catalog.SPAN_EVENT_TYPE.key: "OrderPlaced",
        catalog.SPAN_EVENT_AGGREGATE_ID.key: "order-1",
    },
    catalog.PROJECTION_DURATION,
    {
        catalog.PROJECTION_DURATION: _points(
            catalog.PROJECTION_DURATION, *_PROJECTED, catalog.SUCCESS, catalog.LIVE
        ),
        catalog.PROJECTION_LAG: _points(catalog.PROJECTION_LAG, *_PROJECTED),
    },
    lambda span: span.set_attributes(
        {
            catalog.SPAN_PROJECTION_STATUS.key: catalog.SPAN_PROJECTION_STATUS.values[0],
            catalog.SPAN_PROJECTION_LAG.key: 0.01,
        }
    ),
    (Link(CAUSE),),
)
KINDS = (COMMAND, QUERY, PROJECTION)


def _called(
    kind: Kind, handler: Handler, buses: tuple[Any, Any], projection: type[Any]
) -> Callable[[], Any]:
    """A bus or projection, ours or the contract's, given its message."""
    message = kind.message
    if kind is PROJECTION:
        apply = {"apply": lambda _self, event: handler.handle(event)}
        if isinstance(handler, AsyncHandler):

            async def apply_later(_self: Any, event: Any) -> Any:
                return await handler.handle(event)

            apply = {"apply": apply_later}
        handle_event = type("Orders", (projection,), apply)("orders", None).handle_event
        return lambda: handle_event(message, CAUSE)
    commands, queries = buses
    handlers = {type(message).__name__: handler}
    run = commands(handlers).dispatch if kind is COMMAND else queries(handlers).execute
    return lambda: run(message)


def contract(kind: Kind, handler: Handler, providers: Providers) -> Callable[[], Any]:
    """The pattern as printed."""
    paths: list[Any] = [seed.write_path, seed.read_path, seed.projection_path]
    if isinstance(handler, AsyncHandler):
        paths = [seed.asynchronous(path) for path in paths]
    commands, queries, projection = (path(*_api(providers)) for path in paths)
    return _called(kind, handler, (commands, queries), projection)


def ours(kind: Kind, handler: Handler, providers: Providers) -> Callable[[], Any]:
    """This package."""
    telemetry = CqrsTelemetry(tracer_provider=providers[0], meter_provider=providers[1])

    class Projection(InstrumentedProjectionHandler):
        def __init__(self, name: str, store: Any) -> None:
            super().__init__(name, store, telemetry=telemetry)

    buses = (
        lambda handlers: InstrumentedCommandBus(handlers, telemetry=telemetry),
        lambda handlers: InstrumentedQueryBus(handlers, telemetry=telemetry),
    )
    return _called(kind, handler, buses, Projection)


def _api(providers: Providers) -> tuple[Any, Any]:
    from opentelemetry import metrics, trace

    tracers, meters = providers
    return tracers or trace.get_tracer_provider(), meters or metrics.get_meter_provider()


def _around(
    kind: Kind, handler: Handler, record: Callable[[], AbstractContextManager[Any]]
) -> Callable[[], Any]:
    """The handler inside a context manager."""
    message = kind.message
    if isinstance(handler, AsyncHandler):

        async def handle_later() -> Any:
            with record():
                return await handler.handle(message)

        return handle_later

    def handle() -> Any:
        with record():
            return handler.handle(message)

    return handle


def by_hand(kind: Kind, handler: Handler, providers: Providers) -> Callable[[], Any]:
    """Span, duration and count, without what sides, events, sizes and lag add."""
    tracers, meters = _api(providers)
    tracer, meter = tracers.get_tracer("bench"), meters.get_meter("bench")
    duration = meter.create_histogram(f"bench.{kind.name}.duration", "ms")
    counter = meter.create_counter(f"bench.{kind.name}")
    outcome = {"type": type(kind.message).__name__, "status": "success"}

    @contextmanager
    def record() -> Iterator[None]:
        with tracer.start_as_current_span(kind.name, attributes=kind.span):
            start = time.perf_counter()
            yield
            duration.record((time.perf_counter() - start) * 1000, outcome)
            counter.add(1, outcome)

    return _around(kind, handler, record)


def client(kind: Kind, handler: Handler, providers: Providers) -> Callable[[], Any]:
    """prometheus_client as its documentation shows it: no span, no OpenTelemetry."""
    registry = prometheus_client.CollectorRegistry()
    labels = (type(kind.message).__name__, "success")
    duration = prometheus_client.Histogram(
        f"bench_{kind.name}_duration_seconds", "Duration", ("type", "status"), registry=registry
    )
    counter = prometheus_client.Counter(
        f"bench_{kind.name}", "Total", ("type", "status"), registry=registry
    )

    @contextmanager
    def record() -> Iterator[None]:
        with duration.labels(*labels).time():
            yield
        counter.labels(*labels).inc()

    return _around(kind, handler, record)


def autometrics(kind: Kind, handler: Handler, providers: Providers) -> Callable[[], Any]:
    """The decorator, with its prometheus_client tracker."""
    from autometrics import autometrics as decorate
    from autometrics import init

    with suppress(RuntimeError):  # it has been set up already
        init(tracker="prometheus")
    message, handle = kind.message, decorate(handler.handle)
    return lambda: handle(message)


def floor(kind: Kind, handler: Handler, providers: Providers) -> Callable[[], Any]:
    """One span that is current, what describes it, and a value in each histogram."""
    tracers, meters = _api(providers)
    tracer, meter = tracers.get_tracer("bench"), meters.get_meter("bench")
    histograms = [
        (
            meter.create_histogram(m.name, m.unit, explicit_bucket_boundaries_advisory=m.bounds),
            points,
        )
        for m, points in kind.points.items()
    ]
    name, attributes, links, describe = kind.name, kind.span, list(kind.links), kind.describe
    message, handle = kind.message, handler.handle

    def begin() -> Any:
        parent = get_current()
        span = tracer.start_span(name, parent, SpanKind.INTERNAL, attributes, links)
        if span is INVALID_SPAN:
            return span, None, None
        context = set_span_in_context(span, parent)
        return span, context, attach(context)

    def end(span: Span, context: Any, token: Any) -> None:
        if span.is_recording():
            describe(span)
        for histogram, points in histograms:
            histogram.record(0.01, points, context)
        if token is not None:
            detach(token)
            span.end()

    if isinstance(handler, AsyncHandler):

        async def handle_later() -> Any:
            begun = begin()
            result = await handle(message)
            end(*begun)
            return result

        return handle_later

    def handle_now() -> Any:
        begun = begin()
        result = handle(message)
        end(*begun)
        return result

    return handle_now


def none(kind: Kind, handler: Handler, providers: Providers) -> Callable[[], Any]:
    """The handler alone."""
    message, handle = kind.message, handler.handle
    return lambda: handle(message)


PEERS: dict[str, Callable[[Kind, Handler, Providers], Callable[[], Any]]] = {
    "contract": contract,
    "by hand": by_hand,
    "client": client,
    **({"autometrics": autometrics} if find_spec("autometrics") else {}),
    "ours": ours,
    "floor": floor,
    "none": none,
}


def operations(
    kind: Kind, make: Callable[[], Providers], *, is_async: bool = False
) -> dict[str, Operation]:
    """One operation of each peer."""
    handler = AsyncHandler(kind.result) if is_async else Handler(kind.result)
    made = {name: peer(kind, handler, make()) for name, peer in PEERS.items()}
    return {name: driven(call) for name, call in made.items()} if is_async else made
