"""Faults of the service: what it does wrong from the moment that one of these is called."""

from __future__ import annotations

import functools
import itertools
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider

from ..application import Shop
from ..commands import ConfirmOrder, PlaceOrder, Recorded, ShipOrder
from ..domain import Order, TracedEvent
from ..http_api import Buses
from ..queries import BusiestOrders, ListOrders, OrderHistory, Row, StockLevels
from ..read_model import NotProjectedError, ReadModel
from ..watching import ViewPosition
from .switch import Break

HANDLER_DELAY = 2.5  # seconds
QUERY_DELAY = 4.0
REPORTS_AT_ONCE = 3
SKEW = timedelta(hours=1)
HUGE = 2_000  # rows


class PaymentError(Exception):
    """A service that the shop depends on does not answer: nothing that its rules foresee."""


Handlers = dict[type, Callable[[Any], Any]]


def service_faults(shop: Shop, read_model: ReadModel, buses: Buses) -> dict[str, Break]:
    """Each fault by name; the buses look a handler up at each message, so it can be exchanged."""
    commands, queries = buses.command_handlers, buses.query_handlers
    return {
        "handler-errors": functools.partial(_exchange, commands, ShipOrder, _fail),
        "slow-handler": functools.partial(_delay, commands, ShipOrder, HANDLER_DELAY),
        "slow-query": functools.partial(_delay, queries, ListOrders, QUERY_DELAY),
        "query-errors": functools.partial(_exchange, queries, ListOrders, _fail),
        "query-hangs": functools.partial(_hang, buses),
        "lost-events": functools.partial(_forget_events, commands),
        "telemetry-faults": functools.partial(_hide_rows, queries),
        "telemetry-lost": _stop_reporting,
        "huge-results": functools.partial(
            _exchange, queries, ListOrders, functools.partial(_list_too_much, read_model)
        ),
        "snapshots-unread": functools.partial(_ignore_snapshots, shop),
        "probe-fails": _deny_positions,
        "poison-event": functools.partial(_store_poison, shop),
        "clock-skew": _skew_clock,
        "unknown-type": functools.partial(_forget_handlers, commands, queries),
        "type-name-explosion": functools.partial(_name_every_query, buses),
        "deadlock": functools.partial(_deadlock, commands),
    }


def _exchange(handlers: Handlers, message: type, handler: Callable[[Any], Any]) -> None:
    handlers[message] = handler


def _fail(_: Any) -> Any:
    raise PaymentError("no answer")


def _hang(buses: Buses) -> None:
    execute, free = buses.queries.execute, threading.Semaphore(REPORTS_AT_ONCE)

    def execute_few_reports(query: Any) -> Any:
        # Or all threads would hang within minutes, and commands with them.
        if isinstance(query, BusiestOrders) and not free.acquire(blocking=False):
            raise NotProjectedError("too many reports at once; ask again later")
        return execute(query)

    setattr(buses.queries, "execute", execute_few_reports)  # noqa: B010 - exchanged
    _exchange(buses.query_handlers, BusiestOrders, lambda _: threading.Event().wait())


def _forget_events(commands: Handlers) -> None:
    handle = commands[PlaceOrder]

    def handle_quietly(command: PlaceOrder) -> Recorded:
        recorded: Recorded = handle(command)
        return Recorded((), recorded.position)

    _exchange(commands, PlaceOrder, handle_quietly)


class _Unasked(type):
    """A metaclass: its classes raise when asked for an attribute that they do not have."""

    def __getattr__(cls, name: str) -> Any:
        raise RuntimeError(f"no access to {name}")


class _Unread(list[Row], metaclass=_Unasked):
    """Rows whose class cannot be inspected, as with some database drivers."""


def _hide_rows(queries: Handlers) -> None:
    handle = queries[StockLevels]
    _exchange(queries, StockLevels, lambda query: _Unread(handle(query)))


def _stop_reporting() -> None:
    provider = metrics.get_meter_provider()
    if isinstance(provider, MeterProvider):
        provider.shutdown()


def _delay(handlers: Handlers, message: type, seconds: float) -> None:
    handle = handlers[message]

    def handle_late(received: Any) -> Any:
        time.sleep(seconds)
        return handle(received)

    _exchange(handlers, message, handle_late)


def _list_too_much(read_model: ReadModel, _: ListOrders) -> list[Row]:
    return read_model.select(
        "orders", "SELECT one.* FROM orders AS one, orders AS other LIMIT :limit", limit=HUGE
    )


def _store_poison(shop: Shop) -> None:
    # A customer that is not text: fine in JSON, impossible in the view's column.
    customer: Any = {"name": "ada"}
    shop.save(Order.place(uuid4(), customer, {"product-01": 1}, 0))


def _ignore_snapshots(shop: Shop) -> None:
    # As when the class has changed so much that no snapshot of before fits any more.
    shop.repository.snapshot_store = None


def _deny_positions() -> None:
    def deny(*_: object) -> int | None:
        raise PermissionError("no access to positions")

    setattr(ViewPosition, "max_tracking_id", deny)  # noqa: B010 - exchanged


def _skew_clock() -> None:
    def ahead() -> datetime:
        return datetime.now(timezone.utc) + SKEW

    # The library asks the event's class for the time.
    setattr(TracedEvent, "create_timestamp", staticmethod(ahead))  # noqa: B010 - exchanged


def _forget_handlers(commands: Handlers, queries: Handlers) -> None:
    del commands[ShipOrder], queries[OrderHistory]


def _name_every_query(buses: Buses) -> None:
    execute, handlers, numbers = buses.queries.execute, buses.query_handlers, itertools.count(1)

    def execute_as_its_own_type(query: Any) -> Any:
        known = type(query)
        own = type(f"{known.__name__}{next(numbers)}", (known,), {})
        handlers[own] = handlers[known]
        try:
            return execute(own(**vars(query)))
        finally:
            del handlers[own]

    setattr(buses.queries, "execute", execute_as_its_own_type)  # noqa: B010 - exchanged


def _deadlock(commands: Handlers) -> None:
    orders, payments = threading.Lock(), threading.Lock()
    both = threading.Barrier(2)  # makes sure that they meet, which in life takes a busy day

    def behind(first: threading.Lock, then: threading.Lock, handle: Callable[[Any], Any]) -> Any:
        def handle_locked(command: Any) -> Any:
            with first:
                both.wait()
                with then:
                    return handle(command)

        return handle_locked

    for message, first, then in (
        (PlaceOrder, orders, payments),
        (ConfirmOrder, payments, orders),
    ):
        _exchange(commands, message, behind(first, then, commands[message]))
