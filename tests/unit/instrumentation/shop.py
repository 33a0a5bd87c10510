"""The write side and a projection of the eventsourcing library, on whatever database."""

from __future__ import annotations

from typing import Any

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import Tracking
from eventsourcing.projection import Projection
from eventsourcing.utils import get_topic

from cqrs_telemetry import InstrumentedProjectionHandler


class Order(Aggregate):
    """An aggregate."""

    @event("Placed")
    def __init__(self) -> None:
        self.notes: list[str] = []

    @event("Noted")
    def note(self, text: str) -> None:
        """Change it."""
        self.notes.append(text)


PLACED = get_topic(Order.Placed)  # type: ignore[attr-defined]  # the decorator makes it
NOTED = get_topic(Order.Noted)  # type: ignore[attr-defined]


class Shop(Application[Any]):
    """The write side."""

    is_snapshotting_enabled = True

    def place(self) -> Any:
        """A new order; its recording."""
        order = Order()
        return self.save(order)[-1].notification

    def note(self, order_id: Any, times: int = 1) -> None:
        """Change an order."""
        order: Order = self.repository.get(order_id)
        for _ in range(times):
            order.note("x")
        self.save(order)


class Orders(InstrumentedProjectionHandler, Projection[Any]):
    """A projection of new orders that may be poisoned."""

    name = "orders"
    topics = (PLACED,)
    telemetry: Any = None
    poison = False

    def __init__(self, view: Any) -> None:
        InstrumentedProjectionHandler.__init__(self, self.name, view, telemetry=self.telemetry)
        Projection.__init__(self, view)

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        """Take one event of the subscription."""
        self._tracking = tracking
        self.handle_event(domain_event)

    def apply(self, event: Any) -> None:
        """Keep the position, or fail."""
        if self.poison:
            raise KeyError("poison")
        self.view.insert_tracking(self._tracking)
