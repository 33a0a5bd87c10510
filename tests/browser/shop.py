"""A service that handles one message of every kind and outcome: ``shop.py PORT PORT``.

Two of its types have names that a careless page would run, or put into a query.
On the second port is a histogram with exemplars, which only OpenMetrics and OTLP carry.
"""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from functools import partial
from operator import ne
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from prometheus_client import Histogram, start_http_server

from cqrs_telemetry import Backlog, CqrsTelemetry
from cqrs_telemetry.eventsourcing import instrument_application
from cqrs_telemetry.prometheus import serve_metrics

SCRIPT = "<img src=x onerror=alert(1)>"
QUOTE = 'evil"}\n{x="1'
PLAIN = "PlaceOrder"
WORK = "shop_work_milliseconds"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class RefusedError(Exception):
    """The domain says no."""


def handle(telemetry: CqrsTelemetry, name: str) -> None:
    """A command, a query and an event called ``name``, with every outcome."""
    event = type(name, (), {"timestamp": time.time() - 0.2})()
    for failure in (None, None, RefusedError(), LookupError()):
        with suppress(RefusedError, LookupError), telemetry.command(name) as command:
            if failure:
                raise failure
            command.produced([event])
        with suppress(RefusedError, LookupError), telemetry.query(name) as query:
            if failure:
                raise failure
            query.returned(["order"] * 7)
        with suppress(RefusedError, LookupError), telemetry.projection("orders", event):
            if failure:
                raise failure


class Order(Aggregate):
    """What commands load and save."""

    @event("Shipped")
    def ship(self) -> None:
        """Change nothing."""


def main() -> None:
    """Handle messages until ended, one projection live and another one being rebuilt."""
    serve_metrics(int(sys.argv[1]))
    start_http_server(int(sys.argv[2]), addr="127.0.0.1")
    work = Histogram(WORK, "Time of some work.", buckets=[10, 100, 1000])
    telemetry = CqrsTelemetry(rejections=[RefusedError])
    orders = instrument_application(Application[UUID](), telemetry)
    order = Order()
    orders.save(order)
    telemetry.watch_projection("orders", lambda: Backlog(3, time.time() - 0.4))
    rebuild = telemetry.rebuilding("stock", target=100_000)
    rebuild.__enter__()
    while True:
        for name in (PLAIN, "ShipOrder", SCRIPT, QUOTE):
            handle(telemetry, name)
            telemetry.wait_until_seen(name, "orders", partial(ne, QUOTE, name), timeout=0.01)
            with telemetry.projection("stock", type(name, (), {"timestamp": time.time()})()):
                pass
        order = orders.repository.get(order.id)
        order.ship()
        orders.save(order)
        work.observe(400, {"trace_id": TRACE})
        work.observe(5)
        time.sleep(0.05)


if __name__ == "__main__":
    main()
