"""Finalizers and signal handlers that interrupt the SDK while it holds a lock: no hang, no loss.

The SDK's locks are not reentrant. Here code interrupts an operation and a collection at every
single call that the SDK makes, as the garbage collector or a signal may.
"""

from __future__ import annotations

import gc
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from cqrs_telemetry import (
    CqrsTelemetry,
    InstrumentedCommandBus,
    InstrumentedProjectionHandler,
    InstrumentedQueryBus,
    catalog,
)
from cqrs_telemetry.testing import RecordedTelemetry
from waits import LIMIT

pytestmark = [
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


class Message:
    """A command, query or event."""


class Node:
    """Something that the garbage collector has to find: it refers to itself."""

    def __init__(self, held: Any) -> None:
        self.itself = self
        self.held = held


class Forever:
    """An awaitable that is never done."""

    def __await__(self) -> Any:
        yield


async def wait(_message: Any) -> None:
    """A handler that is never done."""
    await Forever()


async def wait_and_fail(_message: Any) -> None:
    """The same, and its cleanup fails."""
    try:
        await Forever()
    finally:
        raise LookupError


def rows(_message: Any) -> Iterator[int]:
    """A handler that returns rows."""
    yield from range(9)


async def stream(_message: Any) -> Any:
    """The same, asynchronous."""
    for row in range(9):
        yield row


class Projection(InstrumentedProjectionHandler):
    """Applies nothing."""

    def apply(self, event: Any) -> None:
        """Do nothing."""


class Dispatcher:
    """Something whose finalizer sends a command."""

    def __init__(self, send: Callable[[], Any]) -> None:
        self.send = send

    def __del__(self) -> None:
        self.send()


def half_run(awaitable: Any) -> Any:
    """A coroutine after its first step."""
    awaitable.__await__().send(None) if not hasattr(awaitable, "send") else awaitable.send(None)
    return awaitable


def delegate(generator: Any) -> Iterator[Any]:
    """A generator whose end closes another."""
    yield from generator


class Service:
    """Telemetry on an SDK whose spans are exported by a thread, one by one."""

    def __init__(self) -> None:
        self.spans = InMemorySpanExporter()
        self.tracers = TracerProvider(shutdown_on_exit=False)
        self.tracers.add_span_processor(BatchSpanProcessor(self.spans, max_export_batch_size=1))
        self.recorded = RecordedTelemetry()
        self.telemetry = CqrsTelemetry(
            tracer_provider=self.tracers, meter_provider=self.recorded.meter_provider
        )
        self.projection = Projection("orders", telemetry=self.telemetry)

    def send(self, handler: Any = lambda command: None) -> Any:
        """Dispatch a command."""
        return InstrumentedCommandBus({Message: handler}, telemetry=self.telemetry).dispatch(
            Message()
        )

    def ask(self, handler: Any) -> Any:
        """Execute a query."""
        return InstrumentedQueryBus({Message: handler}, telemetry=self.telemetry).execute(Message())

    def fail(self) -> None:
        """Dispatch a command that fails."""
        with pytest.raises(LookupError), self.telemetry.command("Message"):
            raise LookupError

    def collect(self) -> None:
        """What a scrape does."""
        self.recorded.points(catalog.COMMAND_TOTAL)

    def operate(self) -> None:
        """One operation of each side."""
        self.send()
        self.ask(lambda query: [1])
        self.projection.handle_event(Message())

    def ended(self) -> tuple[float, ...]:
        """Operations that have ended: as counted, as timed and as traced."""
        totals = (catalog.COMMAND_TOTAL, catalog.QUERY_TOTAL, catalog.PROJECTION_TOTAL)
        durations = (catalog.COMMAND_DURATION, catalog.QUERY_DURATION, catalog.PROJECTION_DURATION)
        return (
            sum(self.recorded.value(metric) for metric in totals),
            sum(self.recorded.count(metric) for metric in durations),
        )


# What interrupts: what a finalizer or signal handler may do. Each ends one operation.
INTERRUPTS: dict[str, Callable[[Service], Any]] = {
    "an awaitable that nobody awaits": lambda s: Node(s.send(lambda c: wait(c))),
    "a coroutine half run": lambda s: Node(half_run(s.send(wait))),
    "a coroutine half run, whose cleanup fails": lambda s: Node(half_run(s.send(wait_and_fail))),
    "rows that nobody reads": lambda s: Node(s.ask(rows)),
    "rows half read": lambda s: Node([r := s.ask(rows), next(r)]),
    "rows half read by another generator": lambda s: Node([r := delegate(s.ask(rows)), next(r)]),
    "asynchronous rows that nobody reads": lambda s: Node(s.ask(stream)),
    "a coroutine that waits for a row": lambda s: Node(half_run(s.ask(stream_slowly).asend(None))),
    "a finalizer that sends a command": lambda s: Node(Dispatcher(s.send)),
    "a command": lambda s: s.send(),
    "a command that fails": lambda s: s.fail(),
    "a projected event": lambda s: s.projection.handle_event(Message()),
    "a query with rows": lambda s: s.ask(lambda q: [1, 2]),
}


async def stream_slowly(_message: Any) -> Any:
    """Rows that never come."""
    await Forever()
    yield 1


def is_sdk(frame: FrameType | None) -> bool:
    """Whether a frame runs code of the SDK, or code that it has called."""
    while frame is not None:
        if frame.f_globals["__name__"].startswith("opentelemetry.sdk"):
            return True
        frame = frame.f_back
    return False


def interrupt_every_call(run: Callable[[], None], interrupt: Callable[[], None]) -> int:
    """Run, interrupted at every call inside the SDK; how many these were."""
    interrupted = 0

    def hook(frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal interrupted
        if event in ("call", "c_call") and is_sdk(frame):
            sys.setprofile(None)
            interrupt()
            interrupted += 1
            sys.setprofile(hook)

    sys.setprofile(hook)
    try:
        run()
    finally:
        sys.setprofile(None)
    return interrupted


def finish(work: Callable[[], Any]) -> Any:
    """Do it in a thread, and fail with its stack when it hangs."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(work()), daemon=True)
    thread.start()
    thread.join(LIMIT)
    if thread.is_alive():
        stack = traceback.format_stack(sys._current_frames()[thread.ident or 0])
        pytest.fail(f"hangs after {LIMIT:g} s:\n" + "".join(stack[-12:]), pytrace=False)
    assert results, "it raised; see the thread's exception"
    return results[0]


@pytest.mark.parametrize("name", INTERRUPTS)
@pytest.mark.parametrize("run", [Service.operate, Service.collect], ids=["record", "collect"])
def test_nothing_hangs_and_nothing_is_lost(name: str, run: Callable[[Service], None]) -> None:
    """Whatever ends an operation inside the SDK, both go on, and every operation is reported."""
    service = Service()
    service.operate()

    def interrupt() -> None:
        INTERRUPTS[name](service)
        gc.collect(0)  # where it is; all generations take a hundred times longer

    def work() -> int:
        return interrupt_every_call(lambda: run(service), interrupt)

    interrupted = finish(work)
    assert interrupted > 20
    operated = 2 if run is Service.operate else 1
    expected = 3 * operated + interrupted
    assert service.ended() == (expected, expected)
    assert service.recorded.value(catalog.COMMAND_ACTIVE) == 0
    assert service.recorded.value(catalog.QUERY_ACTIVE) == 0
    service.tracers.shutdown()
    spans = service.spans.get_finished_spans()
    assert len({span.context.span_id for span in spans if span.context}) == len(spans)
    assert len(spans) >= 3 * operated
