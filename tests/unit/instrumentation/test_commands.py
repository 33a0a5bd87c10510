"""Commands: the seed's bus, its spans, metrics and domain events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from cqrs_telemetry import InstrumentedCommandBus, NoHandlerError, catalog
from cqrs_telemetry.testing import RecordedTelemetry


@dataclass
class PlaceOrder:
    """A command."""

    aggregate_id: Any = "o-1"


class OrderPlaced:
    """A domain event."""


class StockReserved:
    """Another domain event."""


@dataclass
class Result:
    """What a handler returns."""

    events: Any = field(default_factory=list)


class Handler:
    """An object with ``handle``, as in the seed."""

    def __init__(self, *events: Any) -> None:
        self.result = Result(list(events))

    def handle(self, command: Any) -> Result:
        """Return the prepared result."""
        return self.result


def test_the_seeds_example_records_span_counters_and_duration(recorded: RecordedTelemetry) -> None:
    """Dispatch returns the handler's own result and records everything that the seed prints."""
    handler = Handler(OrderPlaced(), OrderPlaced(), StockReserved())
    bus = InstrumentedCommandBus({"PlaceOrder": handler}, telemetry=recorded.telemetry)
    assert bus.dispatch(PlaceOrder()) is handler.result
    (span,) = recorded.spans()
    assert span.name == "command.PlaceOrder"
    assert span.kind is SpanKind.INTERNAL
    assert span.instrumentation_scope is not None
    assert span.instrumentation_scope.name == catalog.WRITE_SCOPE
    assert dict(span.attributes or {}) == {
        "cqrs.side": "write",
        "cqrs.command.type": "PlaceOrder",
        "cqrs.aggregate.id": "o-1",
        "cqrs.events.count": 3,
    }
    assert span.status.status_code is StatusCode.UNSET
    assert [(e.name, dict(e.attributes or {})) for e in span.events] == [
        ("domain_event_produced", {"event.type": name})
        for name in ("OrderPlaced", "OrderPlaced", "StockReserved")
    ]
    recorded.assert_command("PlaceOrder")
    assert recorded.count(catalog.COMMAND_DURATION, command_status="success") == 1
    assert recorded.value(catalog.EVENTS_PRODUCED, event_type="OrderPlaced") == 2
    assert recorded.value(catalog.EVENTS_PRODUCED, command_type="PlaceOrder") == 3
    assert recorded.value(catalog.COMMAND_ACTIVE) == 0


@pytest.mark.parametrize("key", ["PlaceOrder", PlaceOrder])
@pytest.mark.parametrize("handler", [Handler(), Handler().handle])
def test_handlers_are_keyed_by_name_or_class_and_called_either_way(
    recorded: RecordedTelemetry, key: Any, handler: Any
) -> None:
    """Objects with handle and plain callables both work, under a class or its name."""
    bus = InstrumentedCommandBus({key: handler}, telemetry=recorded.telemetry)
    assert isinstance(bus.dispatch(PlaceOrder()), Result)
    recorded.assert_command("PlaceOrder")


def test_handlers_added_later_are_found(recorded: RecordedTelemetry) -> None:
    """The mapping is the caller's and is read at each dispatch."""
    handlers: dict[str, Any] = {}
    bus = InstrumentedCommandBus(handlers, telemetry=recorded.telemetry)
    handlers["PlaceOrder"] = Handler()
    bus.dispatch(PlaceOrder())
    recorded.assert_command("PlaceOrder")


def test_no_handler_raises_a_value_error_that_is_counted(recorded: RecordedTelemetry) -> None:
    """A command without a handler is an error like any other, with the seed's texts."""
    bus = InstrumentedCommandBus({}, telemetry=recorded.telemetry)
    with pytest.raises(ValueError, match=r"^No handler for PlaceOrder$") as caught:
        bus.dispatch(PlaceOrder())
    assert type(caught.value) is NoHandlerError
    recorded.assert_command("PlaceOrder", "error")
    assert recorded.value(catalog.COMMAND_TOTAL, error_type="NoHandlerError") == 1
    (span,) = recorded.spans()
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "No handler found"


def test_a_key_that_is_no_class_is_refused_by_name() -> None:
    """A handler that could never be found is an error of the setup, not of a dispatch."""
    with pytest.raises(TypeError, match="class or class name, not 7"):
        InstrumentedCommandBus({7: Handler()})


def test_known_types_start_at_zero(recorded: RecordedTelemetry) -> None:
    """Success and error counters exist before the first command, so rate() sees the first one."""
    InstrumentedCommandBus({PlaceOrder: Handler(), "Ship": Handler()}, telemetry=recorded.telemetry)
    zeros = {
        (p.attributes["command.type"], p.attributes["command.status"])
        for p in recorded.points(catalog.COMMAND_TOTAL)
        if p.value == 0
    }
    types = ("PlaceOrder", "Ship")
    assert zeros == {(t, s) for t in types for s in ("success", "error")}


def test_many_events_leave_only_their_count_on_the_span(recorded: RecordedTelemetry) -> None:
    """A bulk command does not make a span of thousands of events; the metric counts them all."""
    handler = Handler(*[OrderPlaced() for _ in range(1000)])
    InstrumentedCommandBus({"PlaceOrder": handler}, telemetry=recorded.telemetry).dispatch(
        PlaceOrder()
    )
    (span,) = recorded.spans()
    assert len(span.events) == 4
    assert (span.attributes or {})["cqrs.events.count"] == 1000
    assert recorded.value(catalog.EVENTS_PRODUCED) == 1000


@pytest.mark.parametrize("events", [None, "text", b"bytes", {"key": "value"}, iter([1]), 5])
def test_what_is_no_collection_of_events_is_not_counted(
    recorded: RecordedTelemetry, events: Any
) -> None:
    """``result.events`` of any other kind is left alone; iterators are not used up."""
    handler = Handler()
    handler.result.events = events
    InstrumentedCommandBus({"PlaceOrder": handler}, telemetry=recorded.telemetry).dispatch(
        PlaceOrder()
    )
    assert recorded.value(catalog.EVENTS_PRODUCED) == 0
    assert recorded.value(catalog.TELEMETRY_FAULTS) == 0
    if not isinstance(events, int | None):
        assert list(events)


@pytest.mark.parametrize(
    ("given", "expected"), [("x", "x"), (5, "5"), (None, ""), ("", ""), (0, "0")]
)
def test_aggregate_id_is_text_on_the_span(
    recorded: RecordedTelemetry, given: Any, expected: str
) -> None:
    """Ids of any type become text; no id is the empty string, as in the seed."""
    with recorded.telemetry.command(PlaceOrder(given)):
        pass
    assert (recorded.spans()[0].attributes or {})["cqrs.aggregate.id"] == expected


@pytest.mark.parametrize("message", ["PlaceOrder", PlaceOrder, PlaceOrder()])
def test_context_manager_takes_name_class_or_instance(
    recorded: RecordedTelemetry, message: Any
) -> None:
    """Three ways to say which command it is; a given id wins."""
    with recorded.telemetry.command(message, aggregate_id="o-9") as operation:
        operation.produced([OrderPlaced()])
    recorded.assert_command("PlaceOrder")
    assert recorded.value(catalog.EVENTS_PRODUCED, event_type="OrderPlaced") == 1
    assert (recorded.spans()[0].attributes or {})["cqrs.aggregate.id"] == "o-9"


def test_active_counts_commands_under_way(recorded: RecordedTelemetry) -> None:
    """The up-down counter is 1 inside and 0 after, also after a failure."""
    inside = []

    def handle(command: PlaceOrder) -> None:
        inside.append(recorded.value(catalog.COMMAND_ACTIVE, command_type="PlaceOrder"))
        raise KeyError

    bus = InstrumentedCommandBus({PlaceOrder: handle}, telemetry=recorded.telemetry)
    with pytest.raises(KeyError):
        bus.dispatch(PlaceOrder())
    assert inside == [1]
    assert recorded.value(catalog.COMMAND_ACTIVE) == 0


def test_events_may_be_produced_in_several_goes(recorded: RecordedTelemetry) -> None:
    """The span's count is of the whole command."""
    with recorded.telemetry.command("Import") as operation:
        operation.produced([OrderPlaced()])
        operation.produced((OrderPlaced(), OrderPlaced()))
    assert (recorded.spans()[0].attributes or {})["cqrs.events.count"] == 3
    assert recorded.value(catalog.EVENTS_PRODUCED, event_type="OrderPlaced") == 3
