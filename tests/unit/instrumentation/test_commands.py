"""Commands: the contract's bus, its outcomes, and what each of them records."""

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

    aggregate_id: Any = "order-1"


class OrderPlaced:
    """An event."""


class StockReserved:
    """Another event."""


@dataclass
class Result:
    """What handlers return."""

    events: Any = field(default_factory=list)


class Handler:
    """A handler with ``handle`` that returns or raises what it was given."""

    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome

    def handle(self, command: Any) -> Any:
        """Return or raise."""
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


def test_success_is_recorded_as_the_contract_prints(recorded: RecordedTelemetry) -> None:
    """One span with the contract's name and attributes, one duration, one count."""
    result = Result([OrderPlaced(), StockReserved()])
    bus = InstrumentedCommandBus({"PlaceOrder": Handler(result)}, telemetry=recorded.telemetry)
    assert bus.dispatch(PlaceOrder()) is result
    (span,) = recorded.spans("command.PlaceOrder")
    assert span.kind is SpanKind.INTERNAL
    assert span.status.status_code is StatusCode.UNSET
    assert span.attributes == {
        "cqrs.side": "write",
        "cqrs.command.type": "PlaceOrder",
        "cqrs.aggregate.id": "order-1",
        "cqrs.events.count": 2,
    }
    assert [(e.name, dict(e.attributes or {})) for e in span.events] == [
        ("domain_event_produced", {"event.type": "OrderPlaced"}),
        ("domain_event_produced", {"event.type": "StockReserved"}),
    ]
    recorded.assert_command("PlaceOrder")
    assert recorded.count(catalog.COMMAND_DURATION, command_status="success") == 1
    assert recorded.value(catalog.EVENTS_PRODUCED, event_type="StockReserved") == 1


@pytest.mark.parametrize("key", ["PlaceOrder", PlaceOrder])
@pytest.mark.parametrize("wrap", [Handler, lambda result: lambda command: result])
def test_handlers_by_name_or_class_object_or_callable(
    recorded: RecordedTelemetry, key: Any, wrap: Any
) -> None:
    """Handlers are found by class name and by class, with ``handle`` or as callables."""
    bus = InstrumentedCommandBus({key: wrap("done")}, telemetry=recorded.telemetry)
    assert bus.dispatch(PlaceOrder()) == "done"
    recorded.assert_command("PlaceOrder")


def test_handler_added_later_is_found(recorded: RecordedTelemetry) -> None:
    """The mapping is looked at on each dispatch, as the contract's bus does."""
    handlers: dict[Any, Any] = {}
    bus = InstrumentedCommandBus(handlers, telemetry=recorded.telemetry)
    handlers["PlaceOrder"] = Handler("done")
    assert bus.dispatch(PlaceOrder()) == "done"


def test_error_marks_the_span_and_carries_its_type(recorded: RecordedTelemetry) -> None:
    """An unexpected exception passes through as it is, recorded once, same type everywhere."""
    error = RuntimeError("no disk")
    bus = InstrumentedCommandBus({"PlaceOrder": Handler(error)}, telemetry=recorded.telemetry)
    with pytest.raises(RuntimeError) as caught:
        bus.dispatch(PlaceOrder())
    assert caught.value is error
    (span,) = recorded.spans()
    assert span.status.status_code is StatusCode.ERROR
    assert [event.name for event in span.events] == ["exception"]
    assert (span.attributes or {})["error.type"] == "RuntimeError"
    assert (span.attributes or {})["cqrs.command.status"] == "error"
    assert recorded.value(catalog.COMMAND_TOTAL, error_type="RuntimeError") == 1
    recorded.assert_command("PlaceOrder", "error")


def test_rejection_is_not_an_error(
    recorded: RecordedTelemetry, out_of_stock: type[Exception]
) -> None:
    """A declared domain exception counts as rejected and leaves the span's status unset."""
    handler = Handler(out_of_stock("none left"))
    bus = InstrumentedCommandBus({"PlaceOrder": handler}, telemetry=recorded.telemetry)
    with pytest.raises(out_of_stock):
        bus.dispatch(PlaceOrder())
    (span,) = recorded.spans()
    assert span.status.status_code is StatusCode.UNSET
    assert not span.events
    recorded.assert_command("PlaceOrder", "rejected")
    recorded.assert_command("PlaceOrder", "error", count=0)
    assert recorded.value(catalog.COMMAND_TOTAL, error_type="OutOfStock") == 1


def test_rejection_as_a_value(recorded: RecordedTelemetry) -> None:
    """A handler that answers no by a value says so to the operation."""
    with recorded.telemetry.command("PlaceOrder") as operation:
        operation.reject("OutOfStock")
    recorded.assert_command("PlaceOrder", "rejected")
    assert recorded.value(catalog.COMMAND_TOTAL, error_type="OutOfStock") == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)])
def test_base_exceptions_pass_through(recorded: RecordedTelemetry, error: BaseException) -> None:
    """What ends the process ends it, after being counted as an error."""
    bus = InstrumentedCommandBus({"PlaceOrder": Handler(error)}, telemetry=recorded.telemetry)
    with pytest.raises(type(error)) as caught:
        bus.dispatch(PlaceOrder())
    assert caught.value is error
    recorded.assert_command("PlaceOrder", "error")


def test_traceback_is_the_handlers(recorded: RecordedTelemetry) -> None:
    """The exception's traceback still ends in the handler."""
    bus = InstrumentedCommandBus(
        {"PlaceOrder": Handler(ValueError("x"))}, telemetry=recorded.telemetry
    )
    with pytest.raises(ValueError, match="x") as caught:
        bus.dispatch(PlaceOrder())
    assert caught.traceback[-1].name == "handle"


def test_missing_handler_is_counted(recorded: RecordedTelemetry) -> None:
    """The contract's ValueError and text; counted as an error of its own type."""
    bus = InstrumentedCommandBus({}, telemetry=recorded.telemetry)
    with pytest.raises(ValueError, match=r"^No handler for PlaceOrder$") as caught:
        bus.dispatch(PlaceOrder())
    assert isinstance(caught.value, NoHandlerError)
    (span,) = recorded.spans()
    assert span.status.description == "No handler found"
    assert recorded.value(catalog.COMMAND_TOTAL, error_type="NoHandlerError") == 1
    assert recorded.count(catalog.COMMAND_DURATION, command_status="error") == 1


def test_known_types_start_at_zero(recorded: RecordedTelemetry) -> None:
    """A bus shows its types before the first command, so that rate() sees the first."""
    InstrumentedCommandBus({PlaceOrder: Handler(None)}, telemetry=recorded.telemetry)
    points = recorded.points(catalog.COMMAND_TOTAL, command_type="PlaceOrder")
    assert {(p.attributes["command.status"], p.value) for p in points} == {
        ("success", 0),
        ("error", 0),
    }
    assert [p.value for p in recorded.points(catalog.COMMAND_ACTIVE)] == [0]


def test_active_counts_while_handling(recorded: RecordedTelemetry) -> None:
    """In flight is 1 inside the handler and 0 after it, whatever the outcome."""
    seen = []

    def handle(command: Any) -> None:
        seen.append(recorded.value(catalog.COMMAND_ACTIVE))
        raise RuntimeError

    bus = InstrumentedCommandBus({"PlaceOrder": handle}, telemetry=recorded.telemetry)
    with pytest.raises(RuntimeError):
        bus.dispatch(PlaceOrder())
    assert seen == [1]
    assert recorded.value(catalog.COMMAND_ACTIVE) == 0


def test_nested_dispatch_makes_a_child(recorded: RecordedTelemetry) -> None:
    """A command dispatched by a handler is a child span of its own type."""

    class ReserveStock:
        """A command that a handler dispatches."""

    bus: InstrumentedCommandBus

    def place(command: Any) -> None:
        bus.dispatch(ReserveStock())

    handlers = {"PlaceOrder": place, "ReserveStock": Handler(None)}
    bus = InstrumentedCommandBus(handlers, telemetry=recorded.telemetry)
    bus.dispatch(PlaceOrder())
    inner, outer = recorded.spans()
    assert inner.parent is not None
    assert outer.context is not None
    assert inner.parent.span_id == outer.context.span_id


def test_many_events_leave_a_small_span(recorded: RecordedTelemetry) -> None:
    """A bulk command counts all its events and traces a few."""
    result = Result([OrderPlaced() for _ in range(1000)])
    bus = InstrumentedCommandBus({"PlaceOrder": Handler(result)}, telemetry=recorded.telemetry)
    bus.dispatch(PlaceOrder())
    (span,) = recorded.spans()
    assert len(span.events) < 10
    assert (span.attributes or {})["cqrs.events.count"] == 1000
    assert recorded.value(catalog.EVENTS_PRODUCED) == 1000


def test_events_that_are_an_iterator_are_left_alone(recorded: RecordedTelemetry) -> None:
    """Counting an iterator would use it up, so it is not counted."""
    result = Result(iter([OrderPlaced()]))
    bus = InstrumentedCommandBus({"PlaceOrder": Handler(result)}, telemetry=recorded.telemetry)
    assert len(list(bus.dispatch(PlaceOrder()).events)) == 1
    assert recorded.value(catalog.EVENTS_PRODUCED) == 0


def test_any_aggregate_id_becomes_text(recorded: RecordedTelemetry) -> None:
    """Ids of any type are shown as text, and a missing one as the contract's empty string."""
    with recorded.telemetry.command(PlaceOrder(aggregate_id=7)):
        pass
    with recorded.telemetry.command("PlaceOrder", aggregate_id=8):
        pass
    with recorded.telemetry.command(PlaceOrder):
        pass
    ids = [(span.attributes or {})["cqrs.aggregate.id"] for span in recorded.spans()]
    assert ids == ["7", "8", ""]
