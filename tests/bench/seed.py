"""The pattern that the contract prints, as a peer: a span, a histogram and a counter by hand."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from opentelemetry import trace
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import SpanKind, Status, StatusCode, TracerProvider


class CommandBus:
    """The contract's command bus."""

    def __init__(
        self, handlers: Mapping[str, Any], tracers: TracerProvider, meters: MeterProvider
    ) -> None:
        self.handlers = handlers
        self.tracer = tracers.get_tracer("seed.write")
        meter = meters.get_meter("seed.write")
        self.duration = meter.create_histogram("seed.command.duration", "ms")
        self.counter = meter.create_counter("seed.command.total", "1")
        self.events = meter.create_counter("seed.events.produced", "1")

    def dispatch(self, command: Any) -> Any:
        """Handle a command."""
        command_type = type(command).__name__
        with self.tracer.start_as_current_span(
            f"command.{command_type}",
            kind=SpanKind.INTERNAL,
            attributes={
                "cqrs.side": "write",
                "cqrs.command.type": command_type,
                "cqrs.aggregate.id": getattr(command, "aggregate_id", ""),
            },
        ) as span:
            start = time.time()
            handler = self.handlers.get(command_type)
            if not handler:
                span.set_status(Status(StatusCode.ERROR, "No handler found"))
                raise ValueError(f"No handler for {command_type}")
            try:
                result = handler.handle(command)
                event_count = len(result.events) if hasattr(result, "events") else 0
                span.set_attribute("cqrs.events.count", event_count)
                self.events.add(event_count, {"command.type": command_type})
                for event in getattr(result, "events", []):
                    span.add_event("domain_event_produced", {"event.type": type(event).__name__})
                elapsed = (time.time() - start) * 1000
                outcome = {"command.type": command_type, "command.status": "success"}
                self.duration.record(elapsed, outcome)
                self.counter.add(1, dict(outcome))
                return result
            except Exception as error:
                elapsed = (time.time() - start) * 1000
                outcome = {"command.type": command_type, "command.status": "error"}
                self.duration.record(elapsed, outcome)
                self.counter.add(1, dict(outcome))
                span.record_exception(error)
                span.set_status(Status(StatusCode.ERROR))
                raise


class QueryBus:
    """The contract's query bus."""

    def __init__(
        self, handlers: Mapping[str, Any], tracers: TracerProvider, meters: MeterProvider
    ) -> None:
        self.handlers = handlers
        self.tracer = tracers.get_tracer("seed.read")
        meter = meters.get_meter("seed.read")
        self.duration = meter.create_histogram("seed.query.duration", "ms")
        self.counter = meter.create_counter("seed.query.total", "1")
        self.result_size = meter.create_histogram("seed.query.result_size", "1")

    def execute(self, query: Any) -> Any:
        """Answer a query."""
        query_type = type(query).__name__
        with self.tracer.start_as_current_span(
            f"query.{query_type}",
            kind=SpanKind.INTERNAL,
            attributes={"cqrs.side": "read", "cqrs.query.type": query_type},
        ) as span:
            start = time.time()
            handler = self.handlers.get(query_type)
            if not handler:
                span.set_status(Status(StatusCode.ERROR, "No handler"))
                raise ValueError(f"No handler for {query_type}")
            try:
                result = handler.handle(query)
                if isinstance(result, list):
                    span.set_attribute("cqrs.query.result_count", len(result))
                    self.result_size.record(len(result), {"query.type": query_type})
                elapsed = (time.time() - start) * 1000
                outcome = {"query.type": query_type, "query.status": "success"}
                self.duration.record(elapsed, outcome)
                self.counter.add(1, dict(outcome))
                return result
            except Exception as error:
                elapsed = (time.time() - start) * 1000
                outcome = {"query.type": query_type, "query.status": "error"}
                self.duration.record(elapsed, outcome)
                self.counter.add(1, dict(outcome))
                span.record_exception(error)
                raise


class ProjectionHandler:
    """The contract's projection handler."""

    def __init__(self, name: str, tracers: TracerProvider, meters: MeterProvider) -> None:
        self.name = name
        self.tracer = tracers.get_tracer("seed.projection")
        meter = meters.get_meter("seed.projection")
        self.lag = meter.create_histogram("seed.projection.lag", "ms")

    def handle_event(self, event: Any, event_context: Any = None) -> None:
        """Apply an event."""
        links = [trace.Link(event_context)] if event_context else []
        with self.tracer.start_as_current_span(
            f"projection.{self.name}",
            links=links,
            attributes={
                "cqrs.side": "projection",
                "cqrs.projection.name": self.name,
                "cqrs.event.type": type(event).__name__,
                "cqrs.event.aggregate_id": event.aggregate_id,
            },
        ) as span:
            if hasattr(event, "timestamp"):
                lag_ms = (time.time() - event.timestamp) * 1000
                self.lag.record(
                    lag_ms, {"projection.name": self.name, "event.type": type(event).__name__}
                )
                span.set_attribute("cqrs.projection.lag_ms", lag_ms)
            self.apply(event)
            span.set_attribute("cqrs.projection.status", "applied")

    def apply(self, event: Any) -> None:
        """Update the read model."""
