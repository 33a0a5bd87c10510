"""One trace on both sides of the store."""

from __future__ import annotations

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from cqrs_telemetry import CqrsTelemetry, InstrumentedCommandBus, catalog
from orders.commands import AddProduct, PlaceOrder, command_handlers


def test_projection_spans_link_to_the_command_span_across_the_store(shop, project):
    """Each event's projection span links to the span of the very command that produced it."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    telemetry = CqrsTelemetry(tracer_provider=provider)
    bus = InstrumentedCommandBus(command_handlers(shop), telemetry=telemetry)
    bus.dispatch(AddProduct("lamp", price=1, quantity=10))
    bus.dispatch(PlaceOrder("ada", {"lamp": 1}))
    project(telemetry)

    spans = exporter.get_finished_spans()
    commands = {
        span.attributes[catalog.SPAN_COMMAND_TYPE.key]: span.context
        for span in spans
        if span.attributes[catalog.SIDE.key] == catalog.WRITE
    }
    caused_by = {"Product.ProductAdded": "AddProduct", "Order.OrderPlaced": "PlaceOrder"}
    caused_by["Product.StockReserved"] = "PlaceOrder"
    projected = [s for s in spans if s.attributes[catalog.SIDE.key] == catalog.PROJECTION]
    linked = {
        span.attributes[catalog.SPAN_EVENT_TYPE.key]: [link.context.span_id for link in span.links]
        for span in projected
    }
    assert linked == {event: [commands[command].span_id] for event, command in caused_by.items()}
    for span in projected:
        command = commands[caused_by[span.attributes[catalog.SPAN_EVENT_TYPE.key]]]
        assert span.links[0].context.trace_id == command.trace_id
        assert span.context.trace_id != command.trace_id


def test_events_without_a_trace_are_projected_too(shop, dispatch, project, read_model):
    """Nothing depends on tracing: an event that carries no trace is applied like any other."""
    dispatch(AddProduct("lamp", price=1, quantity=10))
    project()
    assert read_model.select("stock", "SELECT sku FROM products") == [{"sku": "lamp"}]
