"""What tells that a projection is there and when it last did something."""

from __future__ import annotations

import gc
import time
from typing import Any

import pytest

from cqrs_telemetry import CqrsTelemetry, InstrumentedProjectionHandler, catalog
from cqrs_telemetry.testing import RecordedTelemetry


class OrderPlaced:
    """A domain event."""


class Orders(InstrumentedProjectionHandler):
    """A projection that raises what it is given to hold; equal to others and not hashable."""

    def apply(self, event: Any) -> None:
        """Raise, or not."""
        if self.read_store is not None:
            raise self.read_store

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Orders)

    __hash__ = None  # type: ignore[assignment]  # as a dataclass has it


def handlers(recorded: RecordedTelemetry, name: str = "orders") -> float:
    """How many handlers of a projection there are."""
    return recorded.value(catalog.PROJECTION_HANDLERS, projection_name=name)


def last(recorded: RecordedTelemetry, status: str) -> list[float]:
    """When an event last ended so; nothing when none did."""
    points = recorded.points(catalog.PROJECTION_LAST_EVENT, projection_status=status)
    return [point.value for point in points]


def test_handlers_count_from_construction_until_they_are_garbage(
    recorded: RecordedTelemetry,
) -> None:
    """A projection that has seen no event yet is there; one that went leaves 0, not silence."""
    first = Orders("orders", telemetry=recorded.telemetry)
    second = Orders("orders", telemetry=recorded.telemetry)
    assert handlers(recorded) == 2
    del first
    gc.collect()
    assert handlers(recorded) == 1
    del second
    gc.collect()
    assert [p.value for p in recorded.points(catalog.PROJECTION_HANDLERS)] == [0]


def test_a_wrapped_callable_is_a_handler(recorded: RecordedTelemetry) -> None:
    """Also one that is not of ours counts from the moment that it is wrapped, once."""
    handle = recorded.telemetry.instrument_projection("orders", lambda event: event)
    assert handlers(recorded) == 1
    handle(OrderPlaced())
    assert handlers(recorded) == 1
    del handle
    gc.collect()
    assert handlers(recorded) == 0


def test_with_blocks_are_one_handler_per_projection(recorded: RecordedTelemetry) -> None:
    """Where there is no object to count, the telemetry that the blocks belong to counts, once."""
    for name in ("orders", "orders", "stock"):
        with recorded.telemetry.projection(name, OrderPlaced()):
            pass
    assert (handlers(recorded), handlers(recorded, "stock")) == (1, 1)


def test_a_name_without_hash_is_a_fault_and_no_error(recorded: RecordedTelemetry) -> None:
    """What is no name never reaches the business code as an exception."""
    nonsense: Any = ["orders"]
    with recorded.telemetry.projection(nonsense, OrderPlaced()):
        pass
    Orders(nonsense, telemetry=recorded.telemetry)
    assert recorded.value(catalog.TELEMETRY_FAULTS, error_type="TypeError") >= 2


def test_the_last_event_by_outcome(recorded: RecordedTelemetry) -> None:
    """Unix time in seconds; what has not happened has no time; a failure leaves the success's."""
    orders = Orders("orders", telemetry=recorded.telemetry)
    assert last(recorded, "success") == last(recorded, "error") == []
    before = time.time()
    orders.handle_event(OrderPlaced())
    (success,) = last(recorded, "success")
    assert before <= success <= time.time()
    assert last(recorded, "error") == []
    orders.read_store = KeyError("poison")
    with pytest.raises(KeyError):
        orders.handle_events([OrderPlaced()])
    assert last(recorded, "success") == [success]
    assert last(recorded, "error")[0] >= success


def test_types_of_event_share_the_time_of_their_projection(recorded: RecordedTelemetry) -> None:
    """One series per projection and outcome, however many types of event there are."""
    for event in ("OrderPlaced", "OrderShipped"):
        with recorded.telemetry.projection("orders", event):
            pass
    assert len(last(recorded, "success")) == 1


def test_commands_and_queries_have_no_last_event(recorded: RecordedTelemetry) -> None:
    """The metric is the projections'."""
    telemetry: CqrsTelemetry = recorded.telemetry
    with telemetry.command("PlaceOrder"), telemetry.query("ListOrders"):
        pass
    assert recorded.points(catalog.PROJECTION_LAST_EVENT) == []
