"""What shoppers, clerks and analysts do: an endless plan that a seed determines entirely.

Answers do not change the plan, so two runs with one seed send the same messages in the same order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from random import Random
from uuid import UUID

from ..commands import (
    AddProduct,
    CancelOrder,
    Command,
    ConfirmOrder,
    PlaceOrder,
    RestockProduct,
    ShipOrder,
)
from ..queries import (
    BusiestOrders,
    GetOrder,
    ListOrders,
    OrderHistory,
    Query,
    SearchOrders,
    StockLevels,
)

Step = tuple[Command | Query, ...]  # messages that are sent at the same time
Journey = Iterator[Step]

PRODUCTS = tuple(f"product-{n:02}" for n in range(1, 21))
CUSTOMERS = tuple(f"customer-{n:03}" for n in range(1, 201))
AT_ONCE = 20  # journeys under way, so that the steps of one are apart in time


def plan(seed: int) -> Iterator[Step]:
    """Yield steps for ever: first the catalogue, then journeys in turns."""
    random = Random(seed)  # noqa: S311 - repeatable on purpose
    for sku in PRODUCTS:
        yield (AddProduct(sku, price=random.randrange(100, 20_000), quantity=200),)
    under_way = deque(_start(random) for _ in range(AT_ONCE))
    while True:
        journey = under_way.popleft()
        step = next(journey, None)
        if step is None:
            under_way.append(_start(random))
        else:
            under_way.append(journey)
            yield step


def _start(random: Random) -> Journey:
    (journey,) = random.choices(list(_JOURNEYS), weights=list(_JOURNEYS.values()))
    return journey(random)


def _order(random: Random) -> PlaceOrder:
    skus = random.sample(PRODUCTS, k=random.choice((1, 1, 2, 3)))
    return PlaceOrder(
        customer=random.choice(CUSTOMERS),
        lines={sku: random.randrange(1, 4) for sku in skus},
        order_id=UUID(int=random.getrandbits(128), version=4),
    )


def _buy(random: Random) -> Journey:
    order = _order(random)
    yield order, GetOrder(order.order_id)  # which the driver sends when the order is placed
    yield (ConfirmOrder(order.order_id),)
    yield (ListOrders(),)
    yield (ShipOrder(order.order_id),)
    yield (OrderHistory(order.order_id),)


def _ship_too_early(random: Random) -> Journey:
    order = _order(random)
    yield (order,)
    yield (ShipOrder(order.order_id),)  # rejected: nobody has confirmed it
    yield (CancelOrder(order.order_id, reason="tired of waiting"),)


def _change_mind_at_once(random: Random) -> Journey:
    order = _order(random)
    yield (order,)
    yield ConfirmOrder(order.order_id), CancelOrder(order.order_id)  # one of them loses
    yield (GetOrder(order.order_id),)


def _click_twice(random: Random) -> Journey:
    order = _order(random)
    yield order, order  # there can be only one of that id


def _want_too_much(random: Random) -> Journey:
    order = _order(random)
    lines = dict.fromkeys(order.lines, 100000)
    yield (PlaceOrder(order.customer, lines, order.order_id),)  # rejected: out of stock
    yield (GetOrder(order.order_id),)  # nothing there


def _browse(random: Random) -> Journey:
    yield (ListOrders(),)
    yield (ListOrders(offset=20),)
    yield (SearchOrders(random.choice(CUSTOMERS)),)
    yield (SearchOrders("nobody of that name"),)  # empty
    yield (StockLevels(),)


def _restock(random: Random) -> Journey:
    yield (StockLevels(),)
    for sku in random.sample(PRODUCTS, k=4):
        deliveries = [random.randrange(20, 60) for _ in range(3)]
        yield tuple(RestockProduct(sku, quantity) for quantity in deliveries)  # these conflict


def _export(_: Random) -> Journey:
    yield (SearchOrders("customer"),)  # large, and no larger with more orders


def _report(_: Random) -> Journey:
    yield (BusiestOrders(),)  # slow


_JOURNEYS: dict[Callable[[Random], Journey], int] = {
    _buy: 40,
    _ship_too_early: 8,
    _change_mind_at_once: 8,
    _click_twice: 3,
    _want_too_much: 6,
    _browse: 20,
    _restock: 6,
    _export: 5,
    _report: 7,
}
