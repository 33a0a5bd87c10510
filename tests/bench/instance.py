"""One instance's ``/metrics`` with a number of message types: ours and the contract's.

Of the types, two fifths each are commands and queries and a fifth are events that one projection
applies; every command produces one type of event. All have succeeded; every fifth has failed too.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import seed
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.trace import NoOpTracerProvider
from prometheus_client import CollectorRegistry

from cqrs_telemetry import (
    Backlog,
    CqrsTelemetry,
    InstrumentedCommandBus,
    InstrumentedProjectionHandler,
    InstrumentedQueryBus,
)

PROJECTION = "order_list"


@dataclass(frozen=True)
class Instance:
    """A registry, and what keeps it filled."""

    registry: CollectorRegistry
    kept: tuple[Any, ...]


class FailureError(Exception):
    """What every other message raises."""


class Handler:
    """Succeeds at first, then fails."""

    def __init__(self, result: Any) -> None:
        self._results = [result]

    def handle(self, _message: Any) -> Any:
        """Give the result once."""
        if not self._results:
            raise FailureError
        return self._results.pop()

    apply = handle


def message_types(count: int) -> tuple[list[type], list[type], list[type]]:
    """Classes of commands, queries and events, at least one of each."""
    commands = max(1, round(count * 0.4))
    events = max(1, count - 2 * commands)
    shape = {"aggregate_id": "order-1", "timestamp": time.time()}

    def make(kind: str, many: int) -> list[type]:
        return [type(f"{kind}Number{number:04}", (), shape) for number in range(many)]

    return make("Command", commands), make("Query", commands), make("Event", events)


def provider() -> tuple[CollectorRegistry, MeterProvider]:
    """A meter provider with the stock exporter."""
    registry = CollectorRegistry()
    return registry, MeterProvider(
        [PrometheusMetricReader(registry=registry)], shutdown_on_exit=False
    )


def _run(call: Callable[[Any], Any], messages: list[type]) -> None:
    for message in [*messages, *messages[::5]]:
        with suppress(FailureError):
            call(message())


def ours(count: int) -> Instance:
    """An instance with cqrs_telemetry, its projection watched."""
    registry, meters = provider()
    telemetry = CqrsTelemetry(
        tracer_provider=NoOpTracerProvider(), meter_provider=meters, max_types=max(200, count)
    )
    commands, queries, events = message_types(count)
    kept = _buses(
        commands,
        queries,
        events,
        lambda handlers: InstrumentedCommandBus(handlers, telemetry=telemetry).dispatch,
        lambda handlers: InstrumentedQueryBus(handlers, telemetry=telemetry).execute,
    )
    applied = _projection(InstrumentedProjectionHandler, events, telemetry=telemetry)
    watch = telemetry.watch_projection(PROJECTION, lambda: Backlog(3, time.time() - 1))
    return Instance(registry, (kept, applied, watch, meters))


def contract(count: int) -> Instance:
    """An instance with the contract's code."""
    registry, meters = provider()
    tracers = NoOpTracerProvider()
    commands, queries, events = message_types(count)
    kept = _buses(
        commands,
        queries,
        events,
        lambda handlers: seed.write_path(tracers, meters)(handlers).dispatch,
        lambda handlers: seed.read_path(tracers, meters)(handlers).execute,
    )
    applied = _projection(seed.projection_path(tracers, meters), events, read_store=None)
    return Instance(registry, (kept, applied, meters))


def _buses(
    commands: list[type],
    queries: list[type],
    events: list[type],
    command_bus: Callable[[Any], Callable[[Any], Any]],
    query_bus: Callable[[Any], Callable[[Any], Any]],
) -> tuple[Any, ...]:
    produced = {
        command.__name__: type("Produced", (), {"events": [events[number % len(events)]()]})
        for number, command in enumerate(commands)
    }
    dispatch = command_bus({name: Handler(result) for name, result in produced.items()})
    execute = query_bus({query.__name__: Handler([1, 2, 3]) for query in queries})
    _run(dispatch, commands)
    _run(execute, queries)
    return dispatch, execute


def _projection(base: Any, events: list[type], **arguments: Any) -> Any:
    handlers = {event.__name__: Handler(None) for event in events}

    class Projection(base):  # type: ignore[misc]
        def apply(self, event: Any) -> None:
            handlers[type(event).__name__].handle(event)

    projection = Projection(PROJECTION, **arguments)
    _run(projection.handle_event, events)
    return projection
