"""The public surface as a type checker sees it: run by mypy and basedpyright, never by Python."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from typing import Any

from opentelemetry.context import Context
from opentelemetry.metrics import MeterProvider
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, TracerProvider
from typing_extensions import assert_type

from cqrs_telemetry import (
    CommandOperation,
    CqrsTelemetry,
    InstrumentedCommandBus,
    InstrumentedProjectionHandler,
    InstrumentedQueryBus,
    NoHandlerError,
    Operation,
    ProjectionOperation,
    QueryOperation,
    catalog,
    current_operation,
    extract_context,
    inject_context,
)
from cqrs_telemetry.prometheus import MetricsServer, serve_metrics
from cqrs_telemetry.testing import Point, RecordedTelemetry


class PlaceOrder:
    """A command."""


class OutOfStock(Exception):  # noqa: N818 - named as a domain would
    """A rejection."""


class OrderPlaced:
    """An event."""

    timestamp: float


class Orders(InstrumentedProjectionHandler):
    """A projection; apply may narrow what it returns."""

    def apply(self, event: OrderPlaced) -> None:
        """Apply."""


class AsyncOrders(InstrumentedProjectionHandler):
    """A projection whose apply is a coroutine function."""

    async def apply(self, event: OrderPlaced) -> None:
        """Apply."""


def construction(tracers: TracerProvider, meters: MeterProvider) -> None:
    """Every keyword of the entry point."""
    assert_type(CqrsTelemetry(), CqrsTelemetry)
    CqrsTelemetry(
        tracer_provider=tracers, meter_provider=meters, rejections=[OutOfStock], max_types=50
    )
    CqrsTelemetry(tracer_provider=None, meter_provider=None, rejections=(OutOfStock, KeyError))
    CqrsTelemetry(page_fields=["rows"], exclude=["Ping", PlaceOrder])
    CqrsTelemetry(message_type="kind", event_type=lambda event: event.topic)
    CqrsTelemetry(rejections=["OutOfStock"])  # type: ignore[list-item]  # classes, not names
    CqrsTelemetry(tracers)  # type: ignore[call-arg]  # keywords only


def buses(telemetry: CqrsTelemetry) -> None:
    """Handlers by name or class; results are the handler's, so of any type."""
    by_name: dict[str, Callable[[Any], Any]] = {"PlaceOrder": print}
    by_class: dict[type, object] = {PlaceOrder: print}
    assert_type(InstrumentedCommandBus(by_name).dispatch(PlaceOrder()), Any)
    assert_type(InstrumentedQueryBus(by_class, telemetry=telemetry).execute(PlaceOrder()), Any)
    assert_type(NoHandlerError("", "").description, str)


def context_managers(telemetry: CqrsTelemetry, rows: list[int]) -> None:
    """``with`` gives the operation of its side; results keep their type."""
    with telemetry.command(PlaceOrder, aggregate_id=5) as command:
        assert_type(command, CommandOperation)
        command.produced([OrderPlaced()])
        command.reject("OutOfStock")
    with telemetry.query("ListOrders") as query:
        assert_type(query, QueryOperation)
        assert_type(query.returned(rows), list[int])
    with telemetry.projection("orders", OrderPlaced(), child_if_younger_than=5) as projection:
        assert_type(projection, ProjectionOperation)


def generators(
    query: QueryOperation, rows: Iterator[int], stream: AsyncIterator[int]
) -> tuple[Iterator[int], AsyncIterator[int]]:
    """Iterators are iterators after they were wrapped."""
    return assert_type(query.returned(rows), Iterator[int]), query.returned(stream)


def wrapping(telemetry: CqrsTelemetry) -> None:
    """Wrappers keep the signature, sync and async, also as decorators."""

    def dispatch(command: PlaceOrder, *, dry_run: bool = False) -> int:
        return int(dry_run)

    wrapped = telemetry.instrument_commands(dispatch)
    assert_type(wrapped(PlaceOrder(), dry_run=True), int)
    wrapped("PlaceOrder")  # type: ignore[arg-type]  # the function's own signature is checked

    class Bus:
        @telemetry.instrument_queries
        async def execute(self, query: PlaceOrder) -> list[str]:
            return []

    async def ask() -> None:
        assert_type(await Bus().execute(PlaceOrder()), list[str])

    assert_type(telemetry.instrument_projection("orders", dispatch)(PlaceOrder()), int)

    @telemetry.instrument_commands(name="Count")
    def count(limit: int) -> int:
        return limit

    assert_type(count(3), int)
    assert_type(telemetry.instrument_queries(dispatch, name="Find")(PlaceOrder()), int)
    InstrumentedCommandBus({}, telemetry=telemetry, produced=lambda result: result.events)
    InstrumentedQueryBus({}, telemetry=telemetry, result_size=len)
    assert_type(telemetry.instrument_queries(result_size=len)(count)(3), int)
    assert_type(telemetry.instrument_projection("orders", timestamp=lambda e: e.at)(count)(3), int)
    assert_type(telemetry.instrument_send(count, is_query=bool)(3), int)
    assert_type(telemetry.instrument_send(is_query=bool)(count)(3), int)
    assert_type(current_operation(), Operation | None)
    telemetry.instrument_commands(name=7)  # type: ignore[call-overload]  # text


def projections(telemetry: CqrsTelemetry, span: SpanContext) -> None:
    """Every keyword, and each form of cause."""
    orders = Orders(
        "orders",
        {},
        telemetry=telemetry,
        timestamp=lambda event: event.recorded_at,
        aggregate_id=lambda event: event.id,
        child_if_younger_than=timedelta(seconds=30),
    )
    for cause in (span, Context(), {"traceparent": ""}, None):
        orders.handle_event(OrderPlaced(), cause)
    orders.handle_events([OrderPlaced()], [span, None, {}])
    orders.handle_event(OrderPlaced(), 5)  # type: ignore[arg-type]  # no cause


def carriers() -> None:
    """The carrier's own type comes back."""
    assert_type(inject_context(dict[str, str]()), dict[str, str])
    assert_type(extract_context({"traceparent": ""}), Context)
    assert_type(extract_context(None), Context)


def harness() -> None:
    """What users' tests ask."""
    recorded = RecordedTelemetry(rejections=[OutOfStock])
    assert_type(recorded.spans(), list[ReadableSpan])
    assert_type(recorded.points(catalog.COMMAND_TOTAL, command_type="X"), list[Point])
    assert_type(recorded.value(catalog.COMMAND_TOTAL), float)
    assert_type(recorded.count(catalog.COMMAND_DURATION), int)
    recorded.assert_command("X", "rejected", count=2)
    recorded.assert_command("X", "failed")  # type: ignore[arg-type]  # no such status


def server() -> None:
    """serve_metrics is a context manager with a port and a provider."""
    with serve_metrics(port=0, host="::1", resource_attributes={"service.name": "x"}) as running:
        assert_type(running, MetricsServer)
        assert_type(running.port, int)
