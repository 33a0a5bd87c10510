"""The pattern that the contract prints, line for line, as a peer.

Statement by statement what is printed there, with ``import time`` inside the functions and both
literals of each outcome. Only what the article has at module level, tracers and instruments, is
made by a function here, so that each benchmark has its own.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from typing import Any

from opentelemetry import trace
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider


def write_path(tracers: TracerProvider, meters: MeterProvider) -> type[Any]:
    """The contract's command bus."""
    tracer = tracers.get_tracer("cqrs.write")
    meter = meters.get_meter("cqrs.write")
    command_duration = meter.create_histogram(
        "cqrs.command.duration", "ms", "Time to process a command"
    )
    command_counter = meter.create_counter("cqrs.command.total", "1", "Total commands processed")
    events_produced = meter.create_counter(
        "cqrs.events.produced", "1", "Total domain events produced"
    )

    class CommandBus:
        def __init__(self, handlers: Any) -> None:
            self.handlers = handlers

        def dispatch(self, command: Any) -> Any:
            command_type = type(command).__name__
            with tracer.start_as_current_span(
                f"command.{command_type}",
                kind=trace.SpanKind.INTERNAL,
                attributes={
                    "cqrs.side": "write",
                    "cqrs.command.type": command_type,
                    "cqrs.aggregate.id": getattr(command, "aggregate_id", ""),
                },
            ) as span:
                import time

                start = time.time()
                handler = self.handlers.get(command_type)
                if not handler:
                    span.set_status(trace.Status(trace.StatusCode.ERROR, "No handler found"))
                    raise ValueError(f"No handler for {command_type}")
                try:
                    result = handler.handle(command)
                    event_count = len(result.events) if hasattr(result, "events") else 0
                    span.set_attribute("cqrs.events.count", event_count)
                    events_produced.add(event_count, {"command.type": command_type})
                    for event in getattr(result, "events", []):
                        span.add_event(
                            "domain_event_produced", {"event.type": type(event).__name__}
                        )
                    elapsed = (time.time() - start) * 1000
                    command_duration.record(
                        elapsed, {"command.type": command_type, "command.status": "success"}
                    )
                    command_counter.add(
                        1, {"command.type": command_type, "command.status": "success"}
                    )
                    return result
                except Exception as e:
                    elapsed = (time.time() - start) * 1000
                    command_duration.record(
                        elapsed, {"command.type": command_type, "command.status": "error"}
                    )
                    command_counter.add(
                        1, {"command.type": command_type, "command.status": "error"}
                    )
                    span.record_exception(e)
                    span.set_status(trace.Status(trace.StatusCode.ERROR))
                    raise

    return CommandBus


def read_path(tracers: TracerProvider, meters: MeterProvider) -> type[Any]:
    """The contract's query bus."""
    query_tracer = tracers.get_tracer("cqrs.read")
    query_meter = meters.get_meter("cqrs.read")
    query_duration = query_meter.create_histogram(
        "cqrs.query.duration", "ms", "Time to execute a query"
    )
    query_counter = query_meter.create_counter("cqrs.query.total", "1", "Total queries executed")
    query_result_size = query_meter.create_histogram(
        "cqrs.query.result_size", "1", "Number of items returned by queries"
    )

    class QueryBus:
        def __init__(self, handlers: Any) -> None:
            self.handlers = handlers

        def execute(self, query: Any) -> Any:
            query_type = type(query).__name__
            with query_tracer.start_as_current_span(
                f"query.{query_type}",
                kind=trace.SpanKind.INTERNAL,
                attributes={"cqrs.side": "read", "cqrs.query.type": query_type},
            ) as span:
                import time

                start = time.time()
                handler = self.handlers.get(query_type)
                if not handler:
                    span.set_status(trace.Status(trace.StatusCode.ERROR, "No handler"))
                    raise ValueError(f"No handler for {query_type}")
                try:
                    result = handler.handle(query)
                    if isinstance(result, list):
                        span.set_attribute("cqrs.query.result_count", len(result))
                        query_result_size.record(len(result), {"query.type": query_type})
                    elapsed = (time.time() - start) * 1000
                    query_duration.record(
                        elapsed, {"query.type": query_type, "query.status": "success"}
                    )
                    query_counter.add(1, {"query.type": query_type, "query.status": "success"})
                    return result
                except Exception as e:
                    elapsed = (time.time() - start) * 1000
                    query_duration.record(
                        elapsed, {"query.type": query_type, "query.status": "error"}
                    )
                    query_counter.add(1, {"query.type": query_type, "query.status": "error"})
                    span.record_exception(e)
                    raise

    return QueryBus


def projection_path(tracers: TracerProvider, meters: MeterProvider) -> type[Any]:
    """The contract's projection handler."""
    projection_tracer = tracers.get_tracer("cqrs.projection")
    meter = meters.get_meter("cqrs.write")
    projection_lag = meter.create_histogram(
        "cqrs.projection.lag", "ms", "Time between event creation and projection update"
    )

    class ProjectionHandler:
        def __init__(self, projection_name: str, read_store: Any) -> None:
            self.projection_name = projection_name
            self.read_store = read_store

        def handle_event(self, event: Any, event_context: Any = None) -> None:
            links = []
            if event_context:
                links.append(trace.Link(event_context))
            with projection_tracer.start_as_current_span(
                f"projection.{self.projection_name}",
                links=links,
                attributes={
                    "cqrs.side": "projection",
                    "cqrs.projection.name": self.projection_name,
                    "cqrs.event.type": type(event).__name__,
                    "cqrs.event.aggregate_id": event.aggregate_id,
                },
            ) as span:
                import time

                if hasattr(event, "timestamp"):
                    lag_ms = (time.time() - event.timestamp) * 1000
                    projection_lag.record(
                        lag_ms,
                        {
                            "projection.name": self.projection_name,
                            "event.type": type(event).__name__,
                        },
                    )
                    span.set_attribute("cqrs.projection.lag_ms", lag_ms)
                self.apply(event)
                span.set_attribute("cqrs.projection.status", "applied")

        def apply(self, event: Any) -> None:
            raise NotImplementedError

    return ProjectionHandler


def asynchronous(path: Callable[..., type[Any]]) -> Callable[..., type[Any]]:
    """The same path for handlers that are coroutine functions, which the contract has not."""
    source = textwrap.dedent(inspect.getsource(path))
    for before, after in (
        ("def dispatch(", "async def dispatch("),
        ("def execute(", "async def execute("),
        ("def handle_event(", "async def handle_event("),
        ("def apply(", "async def apply("),
        ("handler.handle(", "await handler.handle("),
        ("self.apply(", "await self.apply("),
    ):
        source = source.replace(before, after)
    names: dict[str, Any] = dict(globals())
    exec(compile(source, __file__, "exec"), names)  # noqa: S102 - the text above
    made: Callable[..., type[Any]] = names[path.__name__]
    return made
