"""The shop: orders that are placed, confirmed, shipped or cancelled, and products with a stock."""

from __future__ import annotations

from dataclasses import field
from typing import ClassVar, Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.domain import Aggregate, event

from cqrs_telemetry import inject_context

OrderStatus = Literal["placed", "confirmed", "shipped", "cancelled"]


class ShopError(Exception):
    """The shop said no: an expected answer, which telemetry counts as a rejection."""


class NotFoundError(ShopError):
    """No such order or product."""


class ProductExistsError(ShopError):
    """The shop sells this product already."""


class OutOfStockError(ShopError):
    """Less in stock than asked for."""


class WrongStatusError(ShopError):
    """The order is past, or not yet at, the point where this can be done."""


class TracedEvent(Aggregate.Event):
    """An event that remembers which trace it was triggered in.

    The carrier is stored with the event, so that a projection in another process, perhaps much
    later, can link its span to the command's.
    """

    metadata: dict[str, str] = field(default_factory=lambda: inject_context({}), kw_only=True)

    @property
    def aggregate_id(self) -> str:
        """The aggregate's id, under the name that telemetry looks for."""
        return str(self.originator_id)


class Product(Aggregate):
    """Something that the shop sells, known by its stock keeping unit."""

    class Event(TracedEvent):
        """Base of the product's events."""

    class ProductAdded(Event, Aggregate.Created):
        """The shop sells it from now on."""

        sku: str
        price: int
        quantity: int

    class StockEvent(Event):
        """Base of the events that change how much there is."""

        quantity: int

        @property
        def change(self) -> int:
            """What to add to the stock."""
            return self.quantity

        def apply(self, aggregate: Product) -> None:
            """Change the stock."""
            aggregate.quantity += self.change

    class ProductRestocked(StockEvent):
        """More of it arrived."""

    class StockReleased(StockEvent):
        """A cancelled order gave its part back."""

        order_id: UUID

    class StockReserved(StockEvent):
        """Part of the stock belongs to an order now."""

        order_id: UUID

        @property
        def change(self) -> int:
            """What to add to the stock."""
            return -self.quantity

    @staticmethod
    def create_id(sku: str) -> UUID:
        """One id per stock keeping unit."""
        return uuid5(NAMESPACE_URL, f"product/{sku}")

    @event(ProductAdded)
    def __init__(self, sku: str, price: int, quantity: int) -> None:
        self.sku = sku
        self.price = price  # cents
        self.quantity = quantity

    def restock(self, quantity: int) -> None:
        """Take in what arrived."""
        self.trigger_event(self.ProductRestocked, quantity=quantity)

    def reserve(self, order_id: UUID, quantity: int) -> None:
        """Set part of the stock aside for an order.

        Raises:
            OutOfStockError: There is less than that.
        """
        if quantity > self.quantity:
            raise OutOfStockError(f"{quantity} of {self.sku} wanted, {self.quantity} in stock")
        self.trigger_event(self.StockReserved, order_id=order_id, quantity=quantity)

    def release(self, order_id: UUID, quantity: int) -> None:
        """Put back what a cancelled order had set aside."""
        self.trigger_event(self.StockReleased, order_id=order_id, quantity=quantity)


class Order(Aggregate):
    """What a customer wants, and how far it has come."""

    class Event(TracedEvent):
        """Base of the order's events."""

    class OrderPlaced(Event, Aggregate.Created):
        """A customer wants this."""

        customer: str
        lines: dict[str, int]
        total: int

    class StatusEvent(Event):
        """Base of the events that take an order further."""

        status: ClassVar[OrderStatus]

        def apply(self, aggregate: Order) -> None:
            """Change the status."""
            aggregate.status = self.status

    class OrderConfirmed(StatusEvent):
        """The customer has paid."""

        status = "confirmed"

    class OrderShipped(StatusEvent):
        """It is on its way."""

        status = "shipped"

    class OrderCancelled(StatusEvent):
        """Nobody wants it any more."""

        status = "cancelled"
        reason: str

    def __init__(self, customer: str, lines: dict[str, int], total: int) -> None:
        self.customer = customer
        self.lines = lines  # quantity by stock keeping unit
        self.total = total  # cents
        self.status: OrderStatus = "placed"

    @classmethod
    def place(cls, order_id: UUID, customer: str, lines: dict[str, int], total: int) -> Order:
        """Start an order; who places it names it, so that placing it twice is a conflict."""
        order: Order = cls._create(
            cls.OrderPlaced, id=order_id, customer=customer, lines=lines, total=total
        )
        return order

    def confirm(self) -> None:
        """Accept a placed order."""
        self._require("confirm", "placed")
        self.trigger_event(self.OrderConfirmed)

    def ship(self) -> None:
        """Hand a confirmed order to the carrier."""
        self._require("ship", "confirmed")
        self.trigger_event(self.OrderShipped)

    def cancel(self, reason: str) -> None:
        """Give up an order that has not left yet."""
        self._require("cancel", "placed", "confirmed")
        self.trigger_event(self.OrderCancelled, reason=reason)

    def _require(self, action: str, *statuses: OrderStatus) -> None:
        if self.status not in statuses:
            raise WrongStatusError(
                f"cannot {action} order {self.id}: it is {self.status}, not {' or '.join(statuses)}"
            )
