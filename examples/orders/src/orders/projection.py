"""Projections: how domain events become rows, and the process that applies them.

The position in the events is kept in the same transaction as the rows, so that each event counts
exactly once, whenever the process stops.
"""

from __future__ import annotations

import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar, cast

import click
from eventsourcing.persistence import Tracking
from eventsourcing.projection import BaseProjectionRunner, Projection
from eventsourcing.sqlite import SQLiteFactory
from eventsourcing.utils import Environment, get_topic

from cqrs_telemetry import CqrsTelemetry, InstrumentedProjectionHandler

from . import rebuild
from .application import Shop, environment
from .domain import Order, Product, TracedEvent
from .read_model import OrdersView, Statement, StockView, View, view_path

STOP_PERIOD = 0.2  # seconds between two looks at whether to stop
RETRY_PAUSE = 0.5  # seconds before a projection that failed is tried again


def _topics(*events: type[TracedEvent]) -> tuple[str, ...]:
    return tuple(map(get_topic, events))


class ViewProjection(InstrumentedProjectionHandler, Projection[Any]):
    """Applies one kind of events to one view, telling telemetry of each."""

    name = ""  # each subclass has its own
    view_class: type[View]
    # Of all in this process; the runner makes them and passes nothing but the view.
    child_if_younger_than: ClassVar[float | None] = None

    def __init__(self, view: View, *, telemetry: CqrsTelemetry | None = None) -> None:
        InstrumentedProjectionHandler.__init__(
            self,
            self.name,
            view,
            telemetry=telemetry,
            child_if_younger_than=self.child_if_younger_than,
        )
        Projection.__init__(self, view)
        self.telemetry = telemetry or CqrsTelemetry()
        self.applied = 0  # events, by this object
        self.pause = 0.0  # seconds before each event, to go easy on the database
        self._tracking: Tracking | None = None

    # The library declares a singledispatchmethod, which a plain method may replace.
    def process_event(  # pyright: ignore[reportIncompatibleVariableOverride]
        self, domain_event: TracedEvent, tracking: Tracking
    ) -> None:
        """Handle an event of the subscription; the runner calls this from one thread only."""
        if self.pause:
            time.sleep(self.pause)
        self._tracking = tracking
        self.handle_event(domain_event, domain_event.metadata)
        self.applied += 1

    def apply(self, event: TracedEvent) -> None:
        """Change the view and its position together."""
        assert self._tracking is not None  # noqa: S101 - process_event has just set it
        self.view.record(self._tracking, event, self.statements(event))

    @abstractmethod
    def statements(self, event: TracedEvent) -> Iterable[Statement]:
        """What to execute for an event."""


class OrdersProjection(ViewProjection):
    """Keeps the list of orders."""

    name = "orders"
    view_class = OrdersView
    topics = _topics(
        Order.OrderPlaced, Order.OrderConfirmed, Order.OrderShipped, Order.OrderCancelled
    )

    def statements(self, event: TracedEvent) -> Iterable[Statement]:
        """Insert a placed order with its lines; change the status of another."""
        order_id, when = event.aggregate_id, event.timestamp.timestamp()
        if isinstance(event, Order.StatusEvent):
            yield (
                "UPDATE orders SET status = :status, changed_at = :at WHERE order_id = :order_id",
                {"status": event.status, "at": when, "order_id": order_id},
            )
        elif isinstance(event, Order.OrderPlaced):
            yield (
                "INSERT INTO orders VALUES (:order_id, :customer, 'placed', :total, :at, :at)",
                {
                    "order_id": order_id,
                    "customer": event.customer,
                    "total": event.total,
                    "at": when,
                },
            )
            for sku, quantity in event.lines.items():
                yield (
                    "INSERT INTO order_lines VALUES (:order_id, :sku, :quantity)",
                    {"order_id": order_id, "sku": sku, "quantity": quantity},
                )
        else:
            raise TypeError(f"no rows for {type(event).__name__}")


class StockProjection(ViewProjection):
    """Keeps what is in stock."""

    name = "stock"
    view_class = StockView
    topics = _topics(
        Product.ProductAdded, Product.ProductRestocked, Product.StockReserved, Product.StockReleased
    )

    def statements(self, event: TracedEvent) -> Iterable[Statement]:
        """Insert a new product; change the quantity of another."""
        product_id = event.aggregate_id
        if isinstance(event, Product.StockEvent):
            yield (
                "UPDATE products SET quantity = quantity + :change WHERE product_id = :product_id",
                {"change": event.change, "product_id": product_id},
            )
        elif isinstance(event, Product.ProductAdded):
            yield (
                "INSERT INTO products VALUES (:product_id, :sku, :price, :quantity)",
                {
                    "product_id": product_id,
                    "sku": event.sku,
                    "price": event.price,
                    "quantity": event.quantity,
                },
            )
        else:
            raise TypeError(f"no rows for {type(event).__name__}")


PROJECTIONS: tuple[type[ViewProjection], ...] = (OrdersProjection, StockProjection)


def open_view(projection: type[ViewProjection], data: Path) -> View:
    """Open the projection's view for writing, and make its tables when there are none."""
    settings = Environment(projection.name, _settings(projection, data))
    return cast(View, SQLiteFactory(settings).tracking_recorder(projection.view_class))


def run_projection(handler: ViewProjection, data: Path) -> BaseProjectionRunner[Shop]:
    """Start to apply events in threads, where the handler's view left off.

    The caller enters the runner and leaves it, which raises what ended the projection. The handler
    is the caller's, so that it outlives a runner that failed.
    """
    return BaseProjectionRunner(
        projection=handler,
        application_class=Shop,
        tracking_recorder=handler.view,
        topics=handler.topics,
        env=_settings(type(handler), data),
    )


def keep_projecting(projection: type[ViewProjection], data: Path, stop: threading.Event) -> None:
    """Follow the events until ``stop``, and rebuild the view in between when that is asked for."""
    view = open_view(projection, data)
    handler = projection(view)
    try:
        while not stop.is_set():
            apply_until(lambda: rebuild.asked(data, handler.name) is not None, handler, data, stop)
            _rebuild(handler, data, stop)
    finally:
        view.datastore.close()


def apply_until(
    enough: Callable[[], bool], handler: ViewProjection, data: Path, stop: threading.Event
) -> None:
    """Apply events; what fails is tried again where it left off.

    An event that cannot be applied holds up its own projection, not the others of the process.
    """
    while not (stop.is_set() or enough()):
        try:
            with run_projection(handler, data) as runner:
                while not (stop.is_set() or enough() or has_ended(runner)):
                    pass
        except Exception as error:
            click.echo(f"{handler.name} failed, will try again: {error!r}", err=True)
            stop.wait(RETRY_PAUSE)


def has_ended(runner: BaseProjectionRunner[Shop]) -> bool:
    """Wait a little, and say whether the runner's thread has ended."""
    return runner.is_interrupted.wait(STOP_PERIOD)


def is_replayed(handler: ViewProjection, enough: int) -> bool:
    """Whether a rebuild is done: the handler has applied as many events as that takes."""
    return handler.applied >= enough


def _rebuild(handler: ViewProjection, data: Path, stop: threading.Event) -> None:
    """Do what was asked for, if anything: replay all events up to the present last one."""
    wanted = rebuild.asked(data, handler.name)
    if wanted is None:
        return
    with Shop(environment(data)) as shop, handler.telemetry.rebuilding(handler.name) as rebuilding:

        def replay(until: int | None) -> None:
            position = handler.view.max_tracking_id(shop.name)
            count = rebuild.count_events(shop.recorder, handler.topics, position, until or 0)
            rebuilding.target = (rebuilding.target or 0) + count
            enough = handler.applied + count
            apply_until(lambda: is_replayed(handler, enough), handler, data, stop)

        head = shop.recorder.max_notification_id()
        wanted = rebuild.begin(data, handler.name, handler.view, wanted, head)
        click.echo(f"{handler.name} is rebuilt up to event {wanted.until}")
        handler.pause = 1 / wanted.pace if wanted.pace else 0
        replay(wanted.until)
        handler.pause = 0
        # What happened meanwhile is as old as the rebuild is long, which is no lag.
        replay(shop.recorder.max_notification_id())
    if not stop.is_set():
        rebuild.finish(data, handler.name)
        click.echo(f"{handler.name} is rebuilt; events replayed: {rebuilding.applied}")


def _settings(projection: type[ViewProjection], data: Path) -> dict[str, str]:
    database = f"{projection.name.upper()}_{SQLiteFactory.SQLITE_DBNAME}"
    return {**environment(data), database: str(view_path(data, projection.name))}
