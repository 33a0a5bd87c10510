"""Generators on every side: an operation lasts as long, and is never current between rows."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import inspect
import time
import weakref
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from opentelemetry import trace

from cqrs_telemetry import (
    InstrumentedCommandBus,
    InstrumentedProjectionHandler,
    InstrumentedQueryBus,
    catalog,
)
from cqrs_telemetry.testing import RecordedTelemetry


class ListOrders:
    """A query."""


def bus(recorded: RecordedTelemetry, result: Any) -> InstrumentedQueryBus:
    """A bus whose only handler returns ``result``."""
    return InstrumentedQueryBus({"ListOrders": lambda _: result}, telemetry=recorded.telemetry)


def rows(count: int, failure: Exception | None = None) -> Iterator[Any]:
    """Rows that tell which span is current while they are made."""
    for _ in range(count):
        yield trace.get_current_span().get_span_context().span_id
    if failure:
        raise failure


def test_generator_is_counted_as_consumed(recorded: RecordedTelemetry) -> None:
    """The operation lasts until the last row, and its span is current only in the generator."""
    result = bus(recorded, rows(3)).execute(ListOrders())
    assert recorded.value(catalog.QUERY_ACTIVE) == 1
    assert recorded.spans() == []
    seen = []
    for row in result:
        assert trace.get_current_span() is trace.INVALID_SPAN
        seen.append(row)
    (span,) = recorded.spans()
    assert span.context is not None
    assert seen == [span.context.span_id] * 3
    assert recorded.value(catalog.QUERY_RESULT_SIZE) == 3
    assert recorded.value(catalog.QUERY_ACTIVE) == 0
    recorded.assert_query("ListOrders")


def test_generator_closed_early_counts_what_was_taken(recorded: RecordedTelemetry) -> None:
    """A consumer that has enough is a success with the rows so far."""
    result = bus(recorded, rows(9)).execute(ListOrders())
    next(result)
    next(result)
    result.close()
    assert recorded.value(catalog.QUERY_RESULT_SIZE) == 2
    recorded.assert_query("ListOrders")


def test_generator_that_nobody_starts_ends(recorded: RecordedTelemetry) -> None:
    """A forgotten generator does not stay in flight."""
    bus(recorded, rows(9)).execute(ListOrders())
    gc.collect()
    assert recorded.value(catalog.QUERY_ACTIVE) == 0
    assert recorded.value(catalog.QUERY_RESULT_SIZE) == 0
    recorded.assert_query("ListOrders")


def test_generator_that_fails_is_an_error(recorded: RecordedTelemetry) -> None:
    """A failure between rows reaches the consumer and is counted."""
    result = bus(recorded, rows(1, LookupError("gone"))).execute(ListOrders())
    with pytest.raises(LookupError, match="gone"):
        list(result)
    recorded.assert_query("ListOrders", "error")
    assert recorded.value(catalog.QUERY_ACTIVE) == 0


def test_generator_still_takes_send_and_throw(recorded: RecordedTelemetry) -> None:
    """The wrapper is a generator in full."""

    def echo() -> Any:
        got = yield "ready"
        try:
            yield got
        except KeyError:
            yield "caught"

    result = bus(recorded, echo()).execute(ListOrders())
    assert [next(result), result.send("hello"), result.throw(KeyError())] == [
        "ready",
        "hello",
        "caught",
    ]
    assert list(result) == []
    assert recorded.value(catalog.QUERY_RESULT_SIZE) == 3


async def test_async_generator_is_counted_as_consumed(recorded: RecordedTelemetry) -> None:
    """The same for an asynchronous generator."""

    async def stream() -> Any:
        for row in rows(3):
            yield row

    result = bus(recorded, stream()).execute(ListOrders())
    seen = [row async for row in result]
    (span,) = recorded.spans()
    assert span.context is not None
    assert seen == [span.context.span_id] * 3
    assert recorded.value(catalog.QUERY_RESULT_SIZE) == 3
    assert recorded.value(catalog.QUERY_ACTIVE) == 0


async def test_async_generator_closed_early(recorded: RecordedTelemetry) -> None:
    """Aclose ends the operation as a success with the rows so far."""

    async def stream() -> Any:
        while True:
            yield 1

    result = bus(recorded, stream()).execute(ListOrders())
    await anext(result)
    await result.aclose()
    assert recorded.value(catalog.QUERY_RESULT_SIZE) == 1
    recorded.assert_query("ListOrders")


def test_generator_through_the_context_manager(recorded: RecordedTelemetry) -> None:
    """``returned`` gives back the generator to consume; the operation ends with it."""
    with recorded.telemetry.query("ListOrders") as operation:
        result = operation.returned(rows(2))
    assert recorded.spans() == []
    assert len(list(result)) == 2
    assert recorded.value(catalog.QUERY_RESULT_SIZE) == 2


def test_yield_from_passes_through(recorded: RecordedTelemetry) -> None:
    """Delegation, as in a handler that wraps another's rows, keeps values and the return value."""

    def inner() -> Any:
        yield 1
        return "end"

    def outer() -> Any:
        got = yield from bus(recorded, inner()).execute(ListOrders())
        yield got

    assert list(outer()) == [1, "end"]
    assert recorded.value(catalog.QUERY_RESULT_SIZE) == 1


def test_a_closed_generator_runs_its_cleanup_inside_the_span(recorded: RecordedTelemetry) -> None:
    """What a finally block does belongs to the query."""
    current = []

    def stream() -> Any:
        try:
            yield 1
        finally:
            current.append(trace.get_current_span().get_span_context().span_id)

    result = bus(recorded, stream()).execute(ListOrders())
    next(result)
    result.close()
    result.close()
    (span,) = recorded.spans()
    assert span.context is not None
    assert current == [span.context.span_id]


def test_a_generator_resumed_while_it_runs_leaves_no_context(recorded: RecordedTelemetry) -> None:
    """Python's own ValueError, and nothing stays current after it."""
    holder: list[Any] = []

    def stream() -> Any:
        yield next(holder[0])

    holder.append(bus(recorded, stream()).execute(ListOrders()))
    with pytest.raises(ValueError, match="already executing"):
        next(holder[0])
    assert trace.get_current_span() is trace.INVALID_SPAN
    assert recorded.value(catalog.QUERY_ACTIVE) == 0


def test_a_generator_consumed_in_another_context(recorded: RecordedTelemetry) -> None:
    """A framework may take rows in another context or thread than the query's."""
    result = bus(recorded, rows(3)).execute(ListOrders())
    for _ in range(3):
        contextvars.copy_context().run(next, result)
    contextvars.copy_context().run(result.close)
    assert recorded.value(catalog.QUERY_RESULT_SIZE) == 3


def test_an_error_before_the_first_row_leaves_the_generator_as_it_is(
    recorded: RecordedTelemetry,
) -> None:
    """When the block fails after ``returned``, the query has ended; rows still come."""
    kept: list[Any] = []

    def fail() -> None:
        with recorded.telemetry.query("ListOrders") as operation:
            kept.append(operation.returned(rows(2)))
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert len(list(kept[0])) == 2
    recorded.assert_query("ListOrders", "error")
    assert recorded.points(catalog.QUERY_RESULT_SIZE) == []


async def stream_rows() -> AsyncIterator[int]:
    """Rows that take a moment each."""
    for row in range(9):
        await asyncio.sleep(0)
        yield row


async def let_loop_close_generators() -> None:
    """The loop closes a dropped generator in a task, which it makes in its next round."""
    for _ in range(3):
        await asyncio.sleep(0)


async def test_an_async_generator_left_early(recorded: RecordedTelemetry) -> None:
    """Break out of ``async for``: the rows so far, a success, nothing in flight."""
    async for row in bus(recorded, stream_rows()).execute(ListOrders()):
        assert trace.get_current_span() is trace.INVALID_SPAN
        if row == 2:
            break
    gc.collect()
    await let_loop_close_generators()
    assert recorded.value(catalog.QUERY_RESULT_SIZE) == 3
    assert recorded.value(catalog.QUERY_ACTIVE) == 0
    recorded.assert_query("ListOrders")


async def test_an_async_generator_that_nobody_starts(recorded: RecordedTelemetry) -> None:
    """It ends when it is collected."""
    bus(recorded, stream_rows()).execute(ListOrders())
    gc.collect()
    assert recorded.value(catalog.QUERY_ACTIVE) == 0
    recorded.assert_query("ListOrders")


async def test_an_async_generator_cancelled_between_rows(recorded: RecordedTelemetry) -> None:
    """A consumer cancelled while it waits for a row is the outcome cancelled."""

    async def stuck() -> Any:
        yield 1
        await asyncio.Event().wait()

    async def consume() -> None:
        async for _ in bus(recorded, stuck()).execute(ListOrders()):
            pass

    task = asyncio.ensure_future(consume())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    recorded.assert_query("ListOrders", "cancelled")
    assert recorded.value(catalog.QUERY_ACTIVE) == 0


async def test_an_async_generator_takes_asend_and_athrow(recorded: RecordedTelemetry) -> None:
    """The wrapper is an async generator in full; a failure midway is an error."""

    async def echo() -> Any:
        got = yield "ready"
        try:
            yield got
        except KeyError:
            yield "caught"

    result = bus(recorded, echo()).execute(ListOrders())
    assert await anext(result) == "ready"
    assert await result.asend("hello") == "hello"
    assert await result.athrow(KeyError()) == "caught"
    with pytest.raises(LookupError):
        await result.athrow(LookupError())
    recorded.assert_query("ListOrders", "error")


async def test_an_async_handler_may_return_a_generator(recorded: RecordedTelemetry) -> None:
    """Awaited first, iterated then: one operation for both."""

    async def handle(query: Any) -> Any:
        return rows(2)

    queries = InstrumentedQueryBus({"ListOrders": handle}, telemetry=recorded.telemetry)
    assert len(list(await queries.execute(ListOrders()))) == 2
    assert recorded.value(catalog.QUERY_RESULT_SIZE) == 2
    assert len(recorded.spans()) == 1


class OrderPlaced:
    """An event."""

    timestamp = time.time()


class OrderPaid:
    """Another one."""


def place(_command: Any) -> Any:
    """A handler that yields its events, and how far it is."""
    yield OrderPlaced()
    yield "50 %"
    yield 0.5
    yield None
    yield OrderPaid()


async def place_async(command: Any) -> Any:
    """The same, asynchronous."""
    for each in place(command):
        await asyncio.sleep(0)
        yield each


@pytest.mark.parametrize("handler", [place, place_async])
async def test_a_command_lasts_until_its_generator_ends(
    recorded: RecordedTelemetry, handler: Any
) -> None:
    """What it yields comes to the caller, and its events count; values are none."""
    commands = InstrumentedCommandBus({"PlaceOrder": handler}, telemetry=recorded.telemetry)
    result = commands.dispatch(type("PlaceOrder", (), {})())
    assert recorded.value(catalog.COMMAND_ACTIVE) == 1
    assert recorded.value(catalog.COMMAND_TOTAL) == 0
    found = list(result) if handler is place else [each async for each in result]
    assert len(found) == 5
    assert recorded.value(catalog.COMMAND_ACTIVE) == 0
    recorded.assert_command("PlaceOrder")
    for event_type in ("OrderPlaced", "OrderPaid"):
        assert recorded.value(catalog.EVENTS_PRODUCED, event_type=event_type) == 1
    assert recorded.value(catalog.EVENTS_PRODUCED) == 2
    (span,) = recorded.spans()
    assert (span.attributes or {})[catalog.SPAN_EVENTS_COUNT.key] == 2


@pytest.mark.parametrize("handler", [place, place_async])
async def test_a_command_whose_generator_is_closed_or_fails(
    recorded: RecordedTelemetry, handler: Any
) -> None:
    """Closed is a success with the events so far, an exception that comes in an error."""
    commands = InstrumentedCommandBus({"PlaceOrder": handler}, telemetry=recorded.telemetry)
    command = type("PlaceOrder", (), {})()
    closed, failed = commands.dispatch(command), commands.dispatch(command)
    if handler is place:
        next(closed), next(failed), closed.close()
        with pytest.raises(LookupError):
            failed.throw(LookupError())
    else:
        await anext(closed), await anext(failed), await closed.aclose()
        with pytest.raises(LookupError):
            await failed.athrow(LookupError())
    recorded.assert_command("PlaceOrder")
    recorded.assert_command("PlaceOrder", "error")
    assert recorded.value(catalog.EVENTS_PRODUCED) == 2
    assert recorded.value(catalog.COMMAND_ACTIVE) == 0


class Applying(InstrumentedProjectionHandler):
    """A projection whose apply yields between steps, as for a test that looks at them."""

    failure: Exception | None = None

    def apply(self, event: Any) -> Any:
        """Apply in two steps."""
        yield "begun"
        if self.failure:
            raise self.failure
        self.read_store.append((event, trace.get_current_span().get_span_context().span_id))


class ApplyingAsync(Applying):
    """The same, asynchronous."""

    async def apply(self, event: Any) -> Any:
        """Apply in two steps."""
        for step in Applying.apply(self, event):
            await asyncio.sleep(0)
            yield step


class ApplyingLater(Applying):
    """One that only returns what it would yield."""

    def apply(self, event: Any) -> Any:
        """Apply in two steps."""
        return ApplyingAsync.apply(self, event)  # type: ignore[arg-type]  # of any self


async def finish(result: Any) -> None:
    """Await what may be an awaitable."""
    if inspect.isawaitable(result):
        await result


@pytest.mark.parametrize("projection", [Applying, ApplyingAsync, ApplyingLater])
async def test_an_apply_that_yields_is_run(
    recorded: RecordedTelemetry, projection: type[Applying]
) -> None:
    """Inside its operation, to its end; singly and in batches. A failure is the caller's."""
    orders = projection("orders", [], telemetry=recorded.telemetry)
    event = OrderPlaced()
    await finish(orders.handle_event(event))
    await finish(orders.handle_events([event]))
    (single, batch) = recorded.spans()
    assert single.context
    assert batch.context
    assert orders.read_store == [
        (event, single.context.span_id), (event, batch.context.span_id)
    ]  # fmt: skip
    orders.failure = LookupError("gone")
    with pytest.raises(LookupError, match="gone"):
        await finish(orders.handle_event(event))
    recorded.assert_projected("orders", "OrderPlaced", count=2)
    recorded.assert_projected("orders", "OrderPlaced", "error")
    assert recorded.value(catalog.TELEMETRY_FAULTS) == 0


def test_a_wrapped_projection_leaves_its_generator_to_the_caller(
    recorded: RecordedTelemetry,
) -> None:
    """Whoever calls it has always run it, and still does."""
    handle: Any = recorded.telemetry.instrument_projection("orders", place)
    assert len(list(handle(OrderPlaced()))) == 5
    recorded.assert_projected("orders", "OrderPlaced")


async def test_generators_come_back_as_generators(recorded: RecordedTelemetry) -> None:
    """For inspect and the event loop, with the names that they had."""
    made: list[tuple[Any, Any]] = [
        (rows(1), inspect.isgenerator), (stream_rows(), inspect.isasyncgen)
    ]  # fmt: skip
    for original, ask in made:
        result = bus(recorded, original).execute(ListOrders())
        assert ask(result)
        assert (result.__name__, result.__qualname__) == (original.__name__, original.__qualname__)


class GoneError(Exception):
    """A failure that can be referred to weakly."""


def fallible() -> Any:
    """A row, and one more for a failure."""
    with contextlib.suppress(GoneError):
        yield OrderPlaced()
    yield "caught"


async def fallible_async() -> Any:
    """The same, asynchronous."""
    with contextlib.suppress(GoneError):
        yield OrderPlaced()
    yield "caught"


@pytest.mark.parametrize("make", [fallible, fallible_async])
async def test_rows_and_exceptions_are_not_kept(recorded: RecordedTelemetry, make: Any) -> None:
    """What has passed through is freed when its user lets it go, without the garbage collector."""
    gc.disable()
    try:
        result = bus(recorded, make()).execute(ListOrders())
        row = weakref.ref(next(result) if make is fallible else await anext(result))
        assert row() is None
        failure = GoneError()
        gone = weakref.ref(failure)
        caught = result.throw(failure) if make is fallible else await result.athrow(failure)
        assert caught == "caught"
        del failure
        assert gone() is None
    finally:
        gc.enable()
