"""The queries and what answers them, from the read tables alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from cqrs_telemetry import CqrsTelemetry

from .messages import Limit, Message, Offset, Position, Text
from .read_model import ReadModel

SEARCHED = 10_000  # orders
WAIT_LIMIT = 0.5  # seconds for a view to show the caller's own write

Row = dict[str, Any]


@dataclass(frozen=True)
class OrderDetails:
    """One order as its page shows it; times are seconds since 1970."""

    order_id: str
    customer: str
    status: str
    total: int
    placed_at: float
    changed_at: float
    lines: dict[str, int]


@dataclass(frozen=True)
class GetOrder(Message):
    """One order with its lines; none when no such order is visible yet.

    Who names the position that a command's answer gave sees what the command did: the query waits
    for the projection, a little, and then answers with what is there.
    """

    order_id: UUID
    after: Position | None = None


@dataclass(frozen=True)
class ListOrders(Message):
    """A page of orders, newest first."""

    limit: Limit = 20
    offset: Offset = 0


@dataclass(frozen=True)
class SearchOrders(Message):
    """Orders of customers whose name contains a text, of the latest ``SEARCHED`` ones.

    A search of all would take longer with every order, as no index helps it.
    """

    text: Text
    limit: Limit = 1_000


@dataclass(frozen=True)
class OrderHistory(Message):
    """What happened to an order, one event after the other."""

    order_id: UUID


@dataclass(frozen=True)
class StockLevels(Message):
    """Products and their quantities."""


@dataclass(frozen=True)
class BusiestOrders(Message):
    """Orders around which most others were placed: the slow one.

    It compares each of the latest orders with each other one, as reports do that nobody has looked
    at since there were few orders.
    """

    latest: Annotated[int, Field(ge=1, le=5_000)] = 400
    limit: Limit = 10


Query = GetOrder | ListOrders | SearchOrders | OrderHistory | StockLevels | BusiestOrders


def query_handlers(
    read_model: ReadModel, telemetry: CqrsTelemetry
) -> dict[type, Callable[[Any], Any]]:
    """A handler for each type of query; ``telemetry`` records what they wait for."""

    def get_order(query: GetOrder) -> OrderDetails | None:
        if after := query.after:
            telemetry.wait_until_seen(
                query, "orders", lambda: read_model.position("orders") >= after, timeout=WAIT_LIMIT
            )
        order_id = str(query.order_id)
        orders = read_model.select(
            "orders", "SELECT * FROM orders WHERE order_id = :order_id", order_id=order_id
        )
        lines = read_model.select(
            "orders",
            "SELECT sku, quantity FROM order_lines WHERE order_id = :order_id",
            order_id=order_id,
        )
        if not orders:
            return None
        return OrderDetails(**orders[0], lines={row["sku"]: row["quantity"] for row in lines})

    def list_orders(query: ListOrders) -> list[Row]:
        return read_model.select(
            "orders",
            "SELECT * FROM orders ORDER BY placed_at DESC LIMIT :limit OFFSET :offset",
            limit=query.limit,
            offset=query.offset,
        )

    def search_orders(query: SearchOrders) -> list[Row]:
        return read_model.select(
            "orders",
            "SELECT * FROM (SELECT * FROM orders ORDER BY placed_at DESC LIMIT :searched)"
            " WHERE instr(customer, :text) LIMIT :limit",
            searched=SEARCHED,
            text=query.text,
            limit=query.limit,
        )

    def order_history(query: OrderHistory) -> Iterator[Row]:
        return read_model.stream(
            "orders",
            "SELECT position, event, occurred_at, projected_at FROM history"
            " WHERE subject = :order_id ORDER BY position",
            order_id=str(query.order_id),
        )

    def stock_levels(_: StockLevels) -> list[Row]:
        return read_model.select("stock", "SELECT sku, price, quantity FROM products ORDER BY sku")

    def busiest_orders(query: BusiestOrders) -> list[Row]:
        return read_model.select(
            "orders",
            """WITH latest AS MATERIALIZED (
                SELECT order_id, placed_at FROM orders ORDER BY placed_at DESC LIMIT :latest
            )
            SELECT one.order_id, sum(abs(one.placed_at - other.placed_at) < 5) AS neighbours
            FROM latest AS one JOIN latest AS other
            GROUP BY one.order_id ORDER BY neighbours DESC LIMIT :limit""",
            latest=query.latest,
            limit=query.limit,
        )

    return {
        GetOrder: get_order,
        ListOrders: list_orders,
        SearchOrders: search_orders,
        OrderHistory: order_history,
        StockLevels: stock_levels,
        BusiestOrders: busiest_orders,
    }
