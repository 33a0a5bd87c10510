"""The commands and what handles them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import UUID, uuid4

from eventsourcing.persistence import IntegrityError
from pydantic import Field

from .application import Shop
from .domain import Order, Product, ProductExistsError
from .messages import Cents, Message, Quantity, Sku, Text

ATTEMPTS = 3  # of a command that loses against others


@dataclass(frozen=True)
class AddProduct(Message):
    """Sell a product from now on."""

    sku: Sku
    price: Cents
    quantity: Quantity

    @property
    def aggregate_id(self) -> str:
        """What the command is about."""
        return self.sku


@dataclass(frozen=True)
class RestockProduct(Message):
    """Take in more of a product."""

    sku: Sku
    quantity: Quantity

    @property
    def aggregate_id(self) -> str:
        """What the command is about."""
        return self.sku


@dataclass(frozen=True)
class PlaceOrder(Message):
    """Order quantities by stock keeping unit; all of it or nothing."""

    customer: Text
    lines: Annotated[Mapping[Sku, Quantity], Field(min_length=1, max_length=50)]
    order_id: UUID = field(default_factory=uuid4)

    @property
    def aggregate_id(self) -> str:
        """What the command is about."""
        return str(self.order_id)


@dataclass(frozen=True)
class _AboutOrder(Message):
    order_id: UUID

    @property
    def aggregate_id(self) -> str:
        """What the command is about."""
        return str(self.order_id)


@dataclass(frozen=True)
class ConfirmOrder(_AboutOrder):
    """Accept a placed order."""


@dataclass(frozen=True)
class ShipOrder(_AboutOrder):
    """Send a confirmed order."""


@dataclass(frozen=True)
class CancelOrder(_AboutOrder):
    """Give up an order that has not left."""

    reason: Text = "changed mind"


Command = AddProduct | RestockProduct | PlaceOrder | ConfirmOrder | ShipOrder | CancelOrder


@dataclass(frozen=True)
class Recorded:
    """What a command did: the domain events that the store holds now."""

    events: tuple[Any, ...]
    position: int  # of the event of the aggregate that the command is about


def command_handlers(shop: Shop) -> dict[type, Callable[[Any], Recorded]]:
    """A handler for each type of command.

    A handler reads aggregates, lets them decide and saves them at once, so that a command takes
    effect in full or not at all. Of two commands that change one aggregate at the same time, one
    loses: nothing of it was saved, and it decides anew on what the other left. After ``ATTEMPTS``
    it ends in eventsourcing's ``IntegrityError``, and the caller may ask again.
    """

    def save(*aggregates: Order | Product) -> Recorded:
        recordings = shop.save(*aggregates)
        events = tuple(recording.domain_event for recording in recordings)
        return Recorded(events, recordings[0].notification.id)

    def add_product(command: AddProduct) -> Recorded:
        try:
            return save(Product(command.sku, command.price, command.quantity))
        except IntegrityError:
            raise ProductExistsError(f"{command.sku} is sold already; restock it") from None

    def restock_product(command: RestockProduct) -> Recorded:
        product = shop.product(command.sku)
        product.restock(command.quantity)
        return save(product)

    def place_order(command: PlaceOrder) -> Recorded:
        products = {sku: shop.product(sku) for sku in command.lines}
        for sku, quantity in command.lines.items():
            products[sku].reserve(command.order_id, quantity)
        total = sum(products[sku].price * quantity for sku, quantity in command.lines.items())
        order = Order.place(command.order_id, command.customer, dict(command.lines), total)
        return save(order, *products.values())

    def confirm_order(command: ConfirmOrder) -> Recorded:
        order = shop.order(command.order_id)
        order.confirm()
        return save(order)

    def ship_order(command: ShipOrder) -> Recorded:
        order = shop.order(command.order_id)
        order.ship()
        return save(order)

    def cancel_order(command: CancelOrder) -> Recorded:
        order = shop.order(command.order_id)
        order.cancel(command.reason)
        products = [shop.product(sku) for sku in order.lines]
        for product in products:
            product.release(order.id, order.lines[product.sku])
        return save(order, *products)

    return {
        AddProduct: add_product,
        RestockProduct: _retried(restock_product),
        PlaceOrder: _retried(place_order),
        ConfirmOrder: _retried(confirm_order),
        ShipOrder: _retried(ship_order),
        CancelOrder: _retried(cancel_order),
    }


def _retried(handle: Callable[[Any], Recorded]) -> Callable[[Any], Recorded]:
    def handle_again(command: Any) -> Recorded:
        for _ in range(ATTEMPTS - 1):
            with suppress(IntegrityError):
                return handle(command)
        return handle(command)

    return handle_again
