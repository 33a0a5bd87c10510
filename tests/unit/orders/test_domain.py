"""The shop's decisions, on real SQLite files."""

from __future__ import annotations

from uuid import uuid4

import pytest
from eventsourcing.persistence import IntegrityError

from orders import domain
from orders.commands import (
    AddProduct,
    CancelOrder,
    ConfirmOrder,
    PlaceOrder,
    RestockProduct,
    ShipOrder,
)


@pytest.fixture
def order(dispatch):
    """A placed order over 2 of 10 pieces."""
    dispatch(AddProduct("lamp", price=1_500, quantity=10))
    order = PlaceOrder("ada", {"lamp": 2})
    dispatch(order)
    return order


def test_placing_reserves_stock_and_adds_up_the_total(shop, order):
    """An order takes its quantities from stock and costs their prices."""
    assert shop.product("lamp").quantity == 8
    assert shop.order(order.order_id).total == 3_000


def test_placing_tells_of_every_event_by_its_class(dispatch, order):
    """The result names the events that were stored, of all aggregates that the command touched."""
    recorded = dispatch(PlaceOrder("ada", {"lamp": 1}))
    assert [type(e).__name__ for e in recorded.events] == ["OrderPlaced", "StockReserved"]


def test_out_of_stock_leaves_nothing_behind(shop, dispatch, order):
    """An order that one of its products cannot fulfil reserves none of the others."""
    dispatch(AddProduct("rug", price=9_900, quantity=1))
    with pytest.raises(domain.OutOfStockError, match="2 of rug wanted, 1 in stock"):
        dispatch(PlaceOrder("ada", {"lamp": 1, "rug": 2}))
    assert shop.product("lamp").quantity == 8


def test_shipping_needs_confirmation(dispatch, order):
    """An order ships after it was confirmed, not before."""
    with pytest.raises(domain.WrongStatusError, match="it is placed, not confirmed"):
        dispatch(ShipOrder(order.order_id))
    dispatch(ConfirmOrder(order.order_id))
    dispatch(ShipOrder(order.order_id))


def test_cancelling_gives_stock_back_once(shop, dispatch, order):
    """A cancelled order returns what it reserved; it cannot be cancelled again."""
    dispatch(CancelOrder(order.order_id))
    with pytest.raises(domain.WrongStatusError, match="it is cancelled, not placed or confirmed"):
        dispatch(CancelOrder(order.order_id))
    assert shop.product("lamp").quantity == 10


def test_what_does_not_exist_is_named(dispatch):
    """Unknown orders and products are rejections that name them."""
    with pytest.raises(domain.NotFoundError, match="no product ghost"):
        dispatch(RestockProduct("ghost", 1))
    missing = uuid4()
    with pytest.raises(domain.NotFoundError, match=f"no order {missing}"):
        dispatch(ConfirmOrder(missing))


def test_a_product_is_added_once(dispatch, order):
    """Adding what the shop sells already is a rejection, not a conflict."""
    with pytest.raises(domain.ProductExistsError, match="lamp"):
        dispatch(AddProduct("lamp", price=1, quantity=1))


def test_placing_an_order_twice_is_a_conflict(shop, dispatch, order):
    """The second of two commands that write the same version loses, and changes nothing."""
    with pytest.raises(IntegrityError):
        dispatch(order)
    assert shop.product("lamp").quantity == 8


def test_long_histories_are_replayed_from_a_snapshot(shop, dispatch, order):
    """A product's stock is right after more events than lie between two snapshots."""
    for _ in range(120):
        dispatch(RestockProduct("lamp", 1))
    assert shop.product("lamp").quantity == 128
    product_id = domain.Product.create_id("lamp")
    interval = shop.snapshotting_intervals[domain.Product]
    versions = [s.originator_version for s in shop.snapshots.get(product_id)]
    assert versions == list(range(interval, 121, interval))
