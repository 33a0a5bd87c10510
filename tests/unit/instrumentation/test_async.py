"""Asynchronous handlers: outcomes, contexts, cancellation."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import gc
import warnings
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import StatusCode

from cqrs_telemetry import InstrumentedCommandBus, catalog
from cqrs_telemetry.testing import RecordedTelemetry


class PlaceOrder:
    """A command."""


class Awaitable:
    """A result that is awaitable without being a coroutine."""

    def __await__(self) -> Any:
        yield from asyncio.sleep(0).__await__()
        return "done"


def bus(recorded: RecordedTelemetry, handler: Any) -> InstrumentedCommandBus:
    """A bus with one handler."""
    return InstrumentedCommandBus({"PlaceOrder": handler}, telemetry=recorded.telemetry)


async def wait(_command: Any) -> str:
    """A handler that takes its time."""
    await asyncio.sleep(0.001)
    return "done"


class Waits:
    """A handler object whose handle is a coroutine function."""

    async def handle(self, command: Any) -> str:
        """Wait."""
        return await wait(command)


@pytest.mark.parametrize(
    "handler",
    [wait, Waits(), lambda command: wait(command), lambda command: Awaitable()],
    ids=["function", "object", "returns a coroutine", "returns an awaitable"],
)
async def test_awaitable_handlers(recorded: RecordedTelemetry, handler: Any) -> None:
    """Every way to be asynchronous is awaited inside the operation."""
    assert await bus(recorded, handler).dispatch(PlaceOrder()) == "done"
    recorded.assert_command("PlaceOrder")
    assert recorded.value(catalog.COMMAND_ACTIVE) == 0
    assert len(recorded.spans("command.PlaceOrder")) == 1


@pytest.mark.parametrize("lazy", [False, True])
async def test_failure_while_awaiting(recorded: RecordedTelemetry, lazy: bool) -> None:
    """An exception out of the awaitable is the operation's."""

    async def fail(command: Any) -> None:
        await asyncio.sleep(0)
        raise LookupError

    handler = (lambda command: fail(command)) if lazy else fail
    with pytest.raises(LookupError):
        await bus(recorded, handler).dispatch(PlaceOrder())
    recorded.assert_command("PlaceOrder", "error")
    assert recorded.value(catalog.COMMAND_ACTIVE) == 0


async def test_concurrent_operations_keep_their_own_context(recorded: RecordedTelemetry) -> None:
    """In gathered tasks each handler sees its own span."""
    seen = []

    async def look(command: Any) -> None:
        before = trace.get_current_span()
        await asyncio.sleep(0.001)
        assert trace.get_current_span() is before
        seen.append(before.get_span_context().span_id)

    commands = bus(recorded, look)
    await asyncio.gather(*(commands.dispatch(PlaceOrder()) for _ in range(20)))
    assert len(set(seen)) == 20
    recorded.assert_command("PlaceOrder", count=20)


async def test_cancellation_is_an_outcome(recorded: RecordedTelemetry) -> None:
    """A cancelled task counts as cancelled, is no error of ours, and stays cancelled."""

    async def forever(command: Any) -> None:
        await asyncio.Event().wait()

    task = asyncio.ensure_future(bus(recorded, forever).dispatch(PlaceOrder()))
    await asyncio.sleep(0)
    assert recorded.value(catalog.COMMAND_ACTIVE) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    recorded.assert_command("PlaceOrder", "cancelled")
    assert recorded.value(catalog.COMMAND_ACTIVE) == 0
    (span,) = recorded.spans()
    assert span.status.status_code is StatusCode.UNSET
    assert (span.attributes or {})["error.type"] == "CancelledError"


def test_cancelled_future_is_an_outcome(recorded: RecordedTelemetry) -> None:
    """Waiting for a cancelled future of a thread pool is a cancellation too."""

    def handle(command: Any) -> None:
        raise concurrent.futures.CancelledError

    with pytest.raises(concurrent.futures.CancelledError):
        bus(recorded, handle).dispatch(PlaceOrder())
    recorded.assert_command("PlaceOrder", "cancelled")


async def test_coroutine_that_nobody_awaits_leaves_nothing_open(
    recorded: RecordedTelemetry,
) -> None:
    """A forgotten await counts nothing and keeps nothing in flight."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # Python's own, that it was not awaited
        bus(recorded, wait).dispatch(PlaceOrder())
        gc.collect()
    assert recorded.value(catalog.COMMAND_ACTIVE) == 0
    assert recorded.value(catalog.COMMAND_TOTAL) == 0
    assert recorded.spans() == []


async def test_span_is_current_while_awaiting_and_not_outside(
    recorded: RecordedTelemetry,
) -> None:
    """Between dispatch and await nothing is left current."""

    def handler(command: Any) -> Any:
        return wait(command)

    pending = bus(recorded, handler).dispatch(PlaceOrder())
    assert trace.get_current_span() is trace.INVALID_SPAN
    await pending
    assert trace.get_current_span() is trace.INVALID_SPAN


async def test_a_dropped_awaitable_ends_as_cancelled(recorded: RecordedTelemetry) -> None:
    """A callable that started its work and whose awaitable is dropped stays not in flight."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # Python's own, that it was not awaited
        bus(recorded, lambda command: Awaitable()).dispatch(PlaceOrder())
        gc.collect()
    assert recorded.value(catalog.COMMAND_ACTIVE) == 0
    recorded.assert_command("PlaceOrder", "cancelled")
    assert len(recorded.spans()) == 1


async def test_awaiting_in_another_task_leaves_both_contexts_clean(
    recorded: RecordedTelemetry,
) -> None:
    """Dispatch in one task, await in another: the span is current there and only there."""
    seen = []

    async def look(command: Any) -> None:
        seen.append(trace.get_current_span().get_span_context().span_id)

    pending = bus(recorded, lambda command: look(command)).dispatch(PlaceOrder())
    await asyncio.ensure_future(pending)
    (span,) = recorded.spans()
    assert span.context is not None
    assert seen == [span.context.span_id]


def test_a_handler_that_answers_any_attribute_is_called_plainly(
    recorded: RecordedTelemetry,
) -> None:
    """Proxies and mocks that invent ``__code__`` are not taken for coroutine functions."""

    class Proxy:
        def __getattr__(self, name: str) -> Any:
            if name == "handle":
                raise AttributeError(name)
            return lambda *args: None

        def __call__(self, command: Any) -> str:
            return "done"

    assert bus(recorded, Proxy()).dispatch(PlaceOrder()) == "done"


def test_a_coroutine_closed_elsewhere_leaves_that_context_alone(
    recorded: RecordedTelemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """A task that its loop forgot is collected by another: no complaint, no stray span."""

    class Forever:
        def __await__(self) -> Any:
            yield

    async def suspended(command: Any) -> None:
        await Forever()

    pending = bus(recorded, suspended).dispatch(PlaceOrder())
    contextvars.copy_context().run(pending.send, None)
    with recorded.telemetry.query("Elsewhere"):
        here = trace.get_current_span()
        pending.close()
        assert trace.get_current_span() is here
    recorded.assert_command("PlaceOrder", "cancelled")
    assert recorded.value(catalog.COMMAND_ACTIVE) == 0
    assert caplog.records == []
