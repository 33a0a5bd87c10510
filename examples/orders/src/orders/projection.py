"""Projections: how domain events become rows, and the process that applies them.

The position in the events is kept in the same transaction as the rows, so that each event counts
exactly once, whenever the process stops.
"""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import click
from eventsourcing.persistence import Tracking
from eventsourcing.projection import Projection, ProjectionRunner
from eventsourcing.sqlite import SQLiteFactory
from eventsourcing.utils import Environment, get_topic

from cqrs_telemetry import CqrsTelemetry, InstrumentedProjectionHandler

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

    def __init__(self, view: View, *, telemetry: CqrsTelemetry | None = None) -> None:
        InstrumentedProjectionHandler.__init__(self, self.name, view, telemetry=telemetry)
        Projection.__init__(self, view)
        self._tracking: Tracking | None = None

    # The library declares a singledispatchmethod, which a plain method may replace.
    def process_event(  # pyright: ignore[reportIncompatibleVariableOverride]
        self, domain_event: TracedEvent, tracking: Tracking
    ) -> None:
        """Handle an event of the subscription; the runner calls this from one thread only."""
        self._tracking = tracking
        self.handle_event(domain_event, domain_event.metadata)

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


def run_projection(projection: type[ViewProjection], data: Path) -> ProjectionRunner[Shop, View]:
    """Start a projection in threads of its own, where it left off.

    The caller enters the runner and leaves it, which raises what ended the projection.
    """
    return ProjectionRunner(
        application_class=Shop,
        projection_class=projection,
        view_class=projection.view_class,
        env=_settings(projection, data),
    )


def keep_projecting(projection: type[ViewProjection], data: Path, stop: threading.Event) -> None:
    """Run a projection until ``stop``; one that fails is tried again where it left off.

    An event that cannot be applied holds up its own projection, not the others of the process.
    """
    while not stop.is_set():
        try:
            with run_projection(projection, data) as runner:
                while not stop.is_set() and not runner.is_interrupted.wait(STOP_PERIOD):
                    pass
        except Exception as error:
            click.echo(f"{projection.name} failed, will try again: {error!r}", err=True)
        stop.wait(RETRY_PAUSE)


def _settings(projection: type[ViewProjection], data: Path) -> dict[str, str]:
    database = f"{projection.name.upper()}_{SQLiteFactory.SQLITE_DBNAME}"
    return {**environment(data), database: str(view_path(data, projection.name))}
