"""The write side: the event-sourced application and its store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Event
from typing import ClassVar
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.persistence import ApplicationRecorder, Notification, Subscription
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteFactory
from eventsourcing.utils import get_topic

from .domain import NotFoundError, Order, Product


class PollingSubscription(Subscription[ApplicationRecorder]):
    """New events of a store that cannot notify, asked for again and again.

    SQLite has no LISTEN/NOTIFY, so eventsourcing offers no subscription for it. The pause grows
    while nothing happens and is short again once something has.
    """

    SELECT_LIMIT = 500
    SHORTEST_PAUSE = 0.005  # seconds
    LONGEST_PAUSE = 0.1

    def __init__(
        self, recorder: ApplicationRecorder, gt: int | None = None, topics: Sequence[str] = ()
    ) -> None:
        super().__init__(recorder, gt, topics)
        self.topics = topics
        self.stopped = Event()
        self._selected: Sequence[Notification] = ()
        self._next = 0

    def stop(self) -> None:
        """End the iteration, also from another thread."""
        super().stop()
        self.stopped.set()

    def __next__(self) -> Notification:
        if self._next == len(self._selected):
            self._selected, self._next = self.select_more(), 0
        if self.stopped.is_set():
            raise StopIteration
        notification = self._selected[self._next]
        self._next += 1
        self._last_notification_id = notification.id
        return notification

    def select_more(self) -> Sequence[Notification]:
        """Wait for events and return them; none once stopped."""
        pause = self.SHORTEST_PAUSE
        while not self.stopped.is_set():
            selected = self._recorder.select_notifications(
                start=self._last_notification_id,
                limit=self.SELECT_LIMIT,
                topics=self._topics,
                inclusive_of_start=False,
            )
            if selected:
                return selected
            self.stopped.wait(pause)
            pause = min(2 * pause, self.LONGEST_PAUSE)
        return ()


class SubscribableRecorder(SQLiteApplicationRecorder):
    """SQLite's recorder, with the subscription that eventsourcing's projection runner needs."""

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        """Events after position ``gt``, those to come included."""
        return PollingSubscription(self, gt, topics)


class Shop(Application[UUID]):
    """Keeps orders and products."""

    # Every order touches its products, whose histories would otherwise be replayed in full.
    snapshotting_intervals: ClassVar = {Product: 20}

    def order(self, order_id: UUID) -> Order:
        """Reconstruct an order from its events.

        Raises:
            NotFoundError: There is none of that id.
        """
        try:
            order: Order = self.repository.get(order_id)
        except AggregateNotFoundError:
            raise NotFoundError(f"no order {order_id}") from None
        return order

    def product(self, sku: str) -> Product:
        """Reconstruct a product from its events.

        Raises:
            NotFoundError: There is none of that stock keeping unit.
        """
        try:
            product: Product = self.repository.get(Product.create_id(sku))
        except AggregateNotFoundError:
            raise NotFoundError(f"no product {sku}") from None
        return product


def environment(data: Path) -> dict[str, str]:
    """Settings for eventsourcing, which prefers those that start with the application's name."""
    prefix = Shop.name.upper()
    return {
        "PERSISTENCE_MODULE": "eventsourcing.sqlite",
        f"{prefix}_{SQLiteFactory.SQLITE_DBNAME}": str(data / "events.sqlite"),
        f"{prefix}_{SQLiteFactory.APPLICATION_RECORDER_TOPIC}": get_topic(SubscribableRecorder),
    }
