"""What each optional feature adds to an operation: ours with it beside ours without it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from peers import CAUSE, ListOrders, Operation, OrderPlaced, Placed, PlaceOrder

from cqrs_telemetry import (
    Backlog,
    CqrsTelemetry,
    InstrumentedCommandBus,
    InstrumentedProjectionHandler,
    inject_context,
)

BATCH = 10


@dataclass(frozen=True)
class Feature:
    """Operations without it and with it."""

    name: str
    without: Operation
    used: Operation


class Orders(InstrumentedProjectionHandler):
    """Applies nothing."""

    def apply(self, event: Any) -> None:
        """Do nothing."""


def telemetry(*, exemplars: bool = True) -> tuple[CqrsTelemetry, InMemoryMetricReader]:
    """Always-on tracing; exemplars as the SDK has them by default, or none."""
    reader = InMemoryMetricReader()
    chosen: dict[str, Any] = {} if exemplars else {"exemplar_filter": AlwaysOffExemplarFilter()}
    meters = MeterProvider([reader], shutdown_on_exit=False, **chosen)
    tracers = TracerProvider(shutdown_on_exit=False)
    return CqrsTelemetry(tracer_provider=tracers, meter_provider=meters), reader


def command(handle: Callable[[Any], Any], *, exemplars: bool = True) -> Operation:
    """A command with one event."""
    message, result = PlaceOrder(), Placed()

    def handler(command: Any) -> Any:
        handle(command)
        return result

    found, _ = telemetry(exemplars=exemplars)
    bus = InstrumentedCommandBus({"PlaceOrder": handler}, telemetry=found)
    return lambda: bus.dispatch(message)


def _nothing(_message: Any) -> None:
    """Do nothing."""


def _projected(source: Any, **options: Any) -> Operation:
    found, _ = telemetry()
    handler, event = Orders("orders", telemetry=found, **options), OrderPlaced()
    return lambda: handler.handle_event(event, source)


def _batches() -> tuple[Operation, Operation]:
    found, _ = telemetry()
    handler, event = Orders("orders", telemetry=found), OrderPlaced()
    events, sources = [event] * BATCH, [CAUSE] * BATCH

    def one_by_one() -> None:
        for each, source in zip(events, sources, strict=True):
            handler.handle_event(each, source)

    return one_by_one, lambda: handler.handle_events(events, sources)


def _collections() -> tuple[Operation, Operation]:
    """A collection of metrics in which nothing happened, without and with a watched projection."""
    _, without = telemetry()
    watched, reader = telemetry()
    watched.watch_projection("orders", lambda: Backlog(1, time.time()))
    return without.collect, reader.collect


def features() -> Iterator[Feature]:
    """Every feature that costs something when it is used."""
    carrier = {"traceparent": f"00-{1:032x}-{1:016x}-01"}
    yield Feature(
        "trace context written into an event (inject_context)",
        command(_nothing),
        command(lambda _: inject_context({})),
    )
    yield Feature(
        "exemplars of a command (the SDK's default)",
        command(_nothing, exemplars=False),
        command(_nothing),
    )
    yield Feature("link to the command, from a span context", _projected(None), _projected(CAUSE))
    yield Feature("link to the command, from a carrier", _projected(None), _projected(carrier))
    yield Feature(
        "child of the command when young (child_if_younger_than)",
        _projected(CAUSE),
        _projected(CAUSE, child_if_younger_than=1e9),
    )
    yield Feature(
        "events asked whether they are replayed (replayed=)",
        _projected(CAUSE),
        _projected(CAUSE, replayed=lambda _: False),
    )
    yield Feature(f"a batch of {BATCH} events in place of {BATCH} single ones", *_batches())
    waiting, _ = telemetry()
    yield Feature(
        "a wait for one's own write that is over at once",
        lambda: None,
        lambda: waiting.wait_until_seen(ListOrders, "orders", lambda: True),
    )
    yield Feature("a watched projection, per collection of metrics", *_collections())
