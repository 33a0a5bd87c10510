"""What callers see of instrumented calls: the kind of callable, and the very objects returned."""

from __future__ import annotations

import asyncio
import copy
import functools
import gc
import inspect
import pickle
import types
import weakref
from collections.abc import AsyncIterator, Callable
from typing import Any
from unittest.mock import AsyncMock

import pytest
from opentelemetry import trace

from cqrs_telemetry import (
    InstrumentedCommandBus,
    InstrumentedProjectionHandler,
    InstrumentedQueryBus,
    catalog,
)
from cqrs_telemetry.testing import RecordedTelemetry


class Ship:
    """A command, a query and an event."""


def plain(_message: Any) -> str:
    """A handler that is not async."""
    return "plain"


async def coroutine(_message: Any) -> str:
    """A handler that is."""
    await asyncio.sleep(0)
    return "awaited"


class Handler:
    """A handler object that is async."""

    async def handle(self, message: Any) -> str:
        """As the function does."""
        return await coroutine(message)


ASYNC_HANDLERS = {
    "function": coroutine,
    "object": Handler(),
    "method": Handler().handle,
    "partial": functools.partial(coroutine),
}
Make = Callable[[dict[Any, Any]], Callable[[Any], Any]]


@pytest.fixture(params=["dispatch", "execute"])
def make(request: pytest.FixtureRequest, recorded: RecordedTelemetry) -> Make:
    """Makes a bus of either side with some handlers, and gives the method that takes a message."""

    def make_bus(handlers: dict[Any, Any]) -> Callable[[Any], Any]:
        bus: Any = {"dispatch": InstrumentedCommandBus, "execute": InstrumentedQueryBus}
        method: Callable[[Any], Any] = getattr(
            bus[request.param](handlers, telemetry=recorded.telemetry), request.param
        )
        return method

    return make_bus


@pytest.mark.parametrize("handler", ASYNC_HANDLERS.values(), ids=ASYNC_HANDLERS)
async def test_a_bus_of_async_handlers_is_async_for_inspect(
    make: Make, recorded: RecordedTelemetry, handler: Any
) -> None:
    """Starlette's BackgroundTask runs it in the loop, not in a thread where nobody awaits it."""
    method = make({Ship: handler})
    assert inspect.iscoroutinefunction(method)
    assert list(inspect.signature(method).parameters) in (["command"], ["query"])
    assert method.__name__ in {"dispatch", "execute"}
    assert await method(Ship()) == "awaited"
    assert len(recorded.spans()) == 1
    with pytest.raises(ValueError, match="No handler"):
        await method(3)


async def test_a_bus_with_any_other_handler_is_not_async_for_inspect(make: Make) -> None:
    """Nor is one without handlers: those that come later may be of any kind."""
    assert not inspect.iscoroutinefunction(make({}))
    method = make({Ship: coroutine, "Other": plain})
    assert not inspect.iscoroutinefunction(method)
    assert await method(Ship()) == "awaited"


async def test_handlers_added_to_an_async_bus_are_awaited_too(
    make: Make, recorded: RecordedTelemetry
) -> None:
    """Callers of a coroutine function await it, whatever the handler is like."""
    handlers: dict[Any, Any] = {"Other": coroutine}
    method = make(handlers)
    for handler in (plain, AsyncMock(plain, return_value="plain")):
        handlers[Ship] = handler
        assert await method(Ship()) == "plain"
    assert len(recorded.spans()) == 2


async def test_a_subclass_keeps_its_own_dispatch(recorded: RecordedTelemetry) -> None:
    """What is overridden stays so."""

    class Bus(InstrumentedCommandBus):
        def dispatch(self, command: Any) -> Any:
            return ("own", super().dispatch(command))

    own, pending = Bus({Ship: coroutine}, telemetry=recorded.telemetry).dispatch(Ship())
    assert (own, await pending) == ("own", "awaited")
    recorded.assert_command("Ship")


async def test_a_copy_of_a_bus_dispatches_by_itself(recorded: RecordedTelemetry) -> None:
    """A copy of an async bus has handlers of its own."""
    bus = InstrumentedCommandBus({Ship: coroutine}, telemetry=recorded.telemetry)
    other = copy.copy(bus)
    assert inspect.iscoroutinefunction(other.dispatch)
    other.handlers = {Ship: plain}
    assert await other.dispatch(Ship()) == "plain"
    assert await bus.dispatch(Ship()) == "awaited"
    assert "dispatch" not in bus.__getstate__()


def test_a_lazy_mapping_of_handlers_is_not_read_before_a_message_comes(make: Make) -> None:
    """Containers make a handler when it is asked for, which may need what is not there yet."""

    class Lazy(types.SimpleNamespace):
        def __iter__(self) -> Any:
            return iter(["Ship"])

        def get(self, key: Any, default: Any = None) -> Any:
            return plain if key == "Ship" else default

        def values(self) -> Any:
            raise AssertionError("too early")

    lazy: Any = Lazy()
    assert make(lazy)(Ship()) == "plain"

    class Proxy:
        def __getattr__(self, name: str) -> Any:
            raise LookupError("not ready")

    assert not inspect.iscoroutinefunction(make({Ship: Proxy()}))


class Async(InstrumentedProjectionHandler):
    """A projection with an async apply."""

    applied: Any = None

    async def apply(self, event: Any) -> None:
        """Apply it a moment later."""
        await asyncio.sleep(0)
        self.applied = event


class AsyncRows(Async):
    """One whose apply yields."""

    async def apply(self, event: Any) -> Any:
        """Apply it after two steps."""
        yield 1
        await asyncio.sleep(0)
        yield 2
        self.applied = event


class Sync(Async):
    """One that is not async although its base is."""

    def apply(self, event: Any) -> Any:
        """Apply it."""
        self.applied = event


class Own(Async):
    """One that has its own way in."""

    def handle_event(self, event: Any, *_: Any, **__: Any) -> Any:
        """As the base does."""
        return super().handle_event(event)


@pytest.mark.parametrize(
    ("projection", "is_async"), [(Async, True), (AsyncRows, True), (Sync, False), (Own, False)]
)
async def test_a_projection_is_async_where_apply_is(
    recorded: RecordedTelemetry, projection: type[Async], is_async: bool
) -> None:
    """For inspect, for single events and for batches; a method that is overridden stays so."""
    handler, event = projection("orders", telemetry=recorded.telemetry), Ship()
    assert inspect.iscoroutinefunction(handler.handle_event) is is_async
    assert inspect.iscoroutinefunction(handler.handle_events) is (projection is not Sync)
    assert list(inspect.signature(projection.handle_events).parameters)[:2] == ["self", "events"]
    pending = handler.handle_event(event)
    if inspect.isawaitable(pending):
        await pending
    assert handler.applied is event
    batch = [Ship(), Ship()]
    pending = handler.handle_events(batch)
    if inspect.isawaitable(pending):
        await pending
    assert handler.applied is batch[1]
    recorded.assert_projected("orders", "Ship", count=3)


class Rows:
    """An awaitable that can be iterated as well, as streams of databases are."""

    def __await__(self) -> Any:
        return coroutine(self).__await__()

    def __aiter__(self) -> AsyncIterator[int]:
        return self

    async def __anext__(self) -> int:
        raise StopAsyncIteration


class Connection:
    """An awaitable that is an asynchronous context manager, as connections are."""

    def __await__(self) -> Any:
        return coroutine(self).__await__()

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, *_: Any) -> None:
        return None


class Builder:
    """An awaitable query that more can be asked of."""

    queries = 0

    def __await__(self) -> Any:
        return coroutine(self).__await__()

    def limit(self, _count: int) -> Builder:
        """Fewer rows."""
        return self

    def __len__(self) -> int:
        Builder.queries += 1
        return 3

    def __getattr__(self, name: str) -> Any:
        Builder.queries += 1
        return []


class Job:
    """An awaitable with an attribute."""

    def __init__(self) -> None:
        self.id = 7

    def __await__(self) -> Any:
        return coroutine(self).__await__()


@pytest.mark.parametrize("cls", [Rows, Connection, Builder, Job])
async def test_what_is_awaitable_and_more_comes_back_itself(
    make: Make, recorded: RecordedTelemetry, cls: type
) -> None:
    """The caller may want the other use; nothing is asked of it, which might run a query."""
    result = cls()
    method = make({Ship: lambda _: result})
    for _ in range(2):
        assert method(Ship()) is result
    assert await result == "awaited"
    assert Builder.queries == 0
    assert len(recorded.spans()) == 2
    assert recorded.value(catalog.QUERY_ACTIVE) == recorded.value(catalog.COMMAND_ACTIVE) == 0
    assert recorded.value(catalog.TELEMETRY_FAULTS) == 0


async def test_a_task_comes_back_itself_and_is_measured_to_its_end(
    recorded: RecordedTelemetry,
) -> None:
    """So that the caller can cancel it, name it or add callbacks."""
    tasks: list[asyncio.Task[Any]] = []

    def handle(query: Any) -> Any:
        tasks.append(asyncio.create_task(coroutine(query)))
        return tasks[-1]

    bus = InstrumentedQueryBus({Ship: handle}, telemetry=recorded.telemetry)
    found = bus.execute(Ship())
    assert found is tasks[0]
    assert trace.get_current_span() is trace.INVALID_SPAN
    assert recorded.value(catalog.QUERY_ACTIVE) == 1
    assert await found == "awaited"
    await asyncio.sleep(0)
    assert recorded.value(catalog.QUERY_ACTIVE) == 0
    recorded.assert_query("Ship")


async def test_how_a_future_ends_is_the_outcome(recorded: RecordedTelemetry) -> None:
    """With a result, an exception, cancelled, and dropped while it waits."""
    futures: list[asyncio.Future[Any]] = []
    bus = InstrumentedQueryBus({Ship: lambda _: futures[-1]}, telemetry=recorded.telemetry)

    def execute() -> asyncio.Future[Any]:
        futures.append(asyncio.get_running_loop().create_future())
        assert bus.execute(Ship()) is futures[-1]
        return futures[-1]

    execute().set_result([1, 2, 3])
    execute().set_exception(LookupError("gone"))
    execute().cancel()
    await asyncio.sleep(0)
    assert isinstance(futures[1].exception(), LookupError)
    execute()
    futures.clear()
    gc.collect()
    for status, count in (("success", 1), ("error", 1), ("cancelled", 2)):
        recorded.assert_query("Ship", status, count=count)
    assert recorded.value(catalog.QUERY_RESULT_SIZE) == 3
    assert recorded.value(catalog.QUERY_ACTIVE) == 0


async def test_asyncio_still_tells_of_a_failure_that_nobody_retrieves(make: Make) -> None:
    """Looking at how a task ended does not count as retrieving its exception."""
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context))

    async def fail() -> None:
        raise LookupError("gone")

    method = make({Ship: lambda _: asyncio.ensure_future(fail())})
    method(Ship())
    for _ in range(3):
        await asyncio.sleep(0)
    gc.collect()
    assert [str(each["exception"]) for each in told] == ["gone"]


async def test_a_coroutine_that_is_a_generator_is_awaited(make: Make) -> None:
    """``types.coroutine`` makes generators that are awaited, not iterated."""

    @types.coroutine
    def old(_message: Any) -> Any:
        yield from asyncio.sleep(0).__await__()
        return "old"

    pending = make({Ship: old})(Ship())
    assert inspect.isawaitable(pending)
    assert await pending == "old"


class Raising(type):
    """A metaclass whose attributes raise."""

    def __getattribute__(cls, name: str) -> Any:
        if name in {"__await__", "__dict__", "__mro__"}:
            raise LookupError(name)
        return super().__getattribute__(name)


def test_a_result_that_cannot_be_examined_comes_back_itself(make: Make) -> None:
    """What a metaclass raises does not reach the caller."""

    class Strange(metaclass=Raising):
        pass

    result = Strange()
    assert make({Ship: lambda _: result})(Ship()) is result


def test_classes_of_results_are_not_kept(make: Make) -> None:
    """Neither of those that are awaitable and more, nor of others."""
    classes = [type("Made", (Rows,), {}), type("Made", (), {})]
    kept = [weakref.ref(each) for each in classes]
    for each in classes:
        make({Ship: lambda _, each=each: each()})(Ship())
    del each
    classes.clear()
    gc.collect()
    assert [each() for each in kept] == [None, None]


async def test_a_pickled_state_of_an_async_bus_is_complete(recorded: RecordedTelemetry) -> None:
    """What is restored answers as the handlers do."""
    bus = InstrumentedCommandBus({Ship: coroutine}, telemetry=recorded.telemetry)
    state = {key: value for key, value in bus.__getstate__().items() if key == "handlers"}
    restored = InstrumentedCommandBus.__new__(InstrumentedCommandBus)
    restored.__setstate__({**bus.__getstate__(), **pickle.loads(pickle.dumps(state))})  # noqa: S301
    assert inspect.iscoroutinefunction(restored.dispatch)
    assert await restored.dispatch(Ship()) == "awaited"
