"""A service under the garbage collector and signals, for test_stress.py: ``python stress.py KIND``.

Prints how many operations it ended once all of them are reported. Hangs when a finalizer or signal
handler meets a lock that its own thread holds.
"""

from __future__ import annotations

import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from cqrs_telemetry import CqrsTelemetry, InstrumentedCommandBus, InstrumentedQueryBus, catalog

ROUNDS, SCRAPES = 4000, 100
TYPES = [type(f"Job{number}", (), {}) for number in range(50)]


class Node:
    """Something that only the garbage collector finds."""

    def __init__(self, held: Any) -> None:
        self.itself = self
        self.held = held


async def work(_job: Any) -> None:
    """What is never awaited."""


def rows(_query: Any) -> Iterator[int]:
    """What is never read to its end."""
    yield from range(9)


class Forever:
    """What is never done."""

    def __await__(self) -> Any:
        yield


async def wait(_job: Any) -> None:
    """What begins and is never done."""
    await Forever()


class Service:
    """Buses, and the reader that a thread scrapes."""

    def __init__(self) -> None:
        self.reader = InMemoryMetricReader()
        provider = MeterProvider([self.reader], shutdown_on_exit=False)
        telemetry = CqrsTelemetry(meter_provider=provider)

        def bus(kind: Any, handler: Callable[[Any], Any]) -> Any:
            return kind(dict.fromkeys(TYPES, handler), telemetry=telemetry)

        self.commands = bus(InstrumentedCommandBus, lambda job: None)
        self.lazy = bus(InstrumentedCommandBus, lambda job: work(job))
        self.waiting = bus(InstrumentedCommandBus, wait)
        self.queries = bus(InstrumentedQueryBus, rows)
        self.scrapes = 0
        threading.Thread(target=self._scrape, daemon=True).start()

    def _scrape(self) -> None:
        while True:
            self.reader.get_metrics_data()
            self.scrapes += 1

    def total(self) -> int:
        """Operations that have ended, of both sides."""
        data: Any = self.reader.get_metrics_data()
        durations = (catalog.COMMAND_DURATION.name, catalog.QUERY_DURATION.name)
        return sum(
            point.count
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name in durations
            for point in metric.data.data_points
        )

    def drop_awaitable(self, job: Any) -> None:
        """A call whose awaitable nobody awaits."""
        Node(self.lazy.dispatch(job))

    def drop_half_run(self, job: Any) -> None:
        """A coroutine that nobody continues."""
        Node([pending := self.waiting.dispatch(job), pending.send(None)])

    def drop_rows(self, job: Any) -> None:
        """Rows that nobody reads to their end."""
        Node([found := self.queries.execute(job), next(found)])

    def send(self, job: Any) -> None:
        """A command like any other."""
        self.commands.dispatch(job)


KINDS = {
    "awaitables": Service.drop_awaitable,
    "coroutines": Service.drop_half_run,
    "rows": Service.drop_rows,
    "signals": Service.send,
}


def main(kind: str) -> None:
    """Run one kind to its end."""
    warnings.simplefilter("ignore")  # Python's own, that coroutines were not awaited
    service, act = Service(), KINDS[kind]
    handled = 0

    def handle(_number: int, _frame: Any) -> None:
        nonlocal handled
        service.send(TYPES[0]())
        handled += 1

    if kind == "signals":
        signal.signal(signal.SIGALRM, handle)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    done = 0
    while done < ROUNDS or service.scrapes < SCRAPES or (kind == "signals" and handled < SCRAPES):
        act(service, TYPES[done % len(TYPES)]())
        garbage = [[] for _ in range(100)]  # makes the garbage collector run, wherever it is
        del garbage
        done += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    import gc

    gc.collect()
    expected, found = done + handled, service.total()
    print("ok" if found == expected else f"{found} reported of {expected}", flush=True)
    sys.exit(found != expected)


if __name__ == "__main__":
    main(sys.argv[1])
