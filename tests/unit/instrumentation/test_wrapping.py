"""One line over a bus that exists: functions, methods, decorators, sync and async."""

from __future__ import annotations

import asyncio
import copy
import functools
import inspect
import types
from dataclasses import dataclass
from typing import Any
from unittest.mock import AsyncMock

import pytest

from cqrs_telemetry import catalog
from cqrs_telemetry.testing import RecordedTelemetry


@dataclass
class PlaceOrder:
    """A command."""

    aggregate_id: str = "o-1"


class Bus:
    """A bus that is not ours."""

    def dispatch(self, command: Any, *, dry_run: bool = False) -> Any:
        """The bus's own documentation."""
        return (self, command, dry_run)

    async def dispatch_async(self, command: Any) -> Any:
        """The same, awaited."""
        return command


def test_a_bound_method(recorded: RecordedTelemetry) -> None:
    """``bus.dispatch = telemetry.instrument_commands(bus.dispatch)`` only adds records."""
    bus: Any = Bus()
    original = bus.dispatch
    bus.dispatch = recorded.telemetry.instrument_commands(bus.dispatch)
    command = PlaceOrder()
    assert bus.dispatch(command, dry_run=True) == (bus, command, True)
    recorded.assert_command("PlaceOrder")
    assert (recorded.spans()[0].attributes or {})["cqrs.aggregate.id"] == "o-1"
    assert inspect.signature(bus.dispatch) == inspect.signature(original)
    assert bus.dispatch.__doc__ == original.__doc__
    assert bus.dispatch.__name__ == "dispatch"


def test_a_decorator_on_a_method(recorded: RecordedTelemetry) -> None:
    """In the class the first argument is self, and the command comes after it."""

    class Decorated:
        @recorded.telemetry.instrument_commands
        def dispatch(self, command: Any) -> Any:
            return (self, command)

    bus, command = Decorated(), PlaceOrder()
    assert bus.dispatch(command) == (bus, command)
    assert Decorated().dispatch(command=command)[1] is command
    recorded.assert_command("PlaceOrder", count=2)


@pytest.mark.parametrize("by_keyword", [False, True])
def test_a_function(recorded: RecordedTelemetry, by_keyword: bool) -> None:
    """Positionally or by keyword the message is the first parameter."""
    handle: Any = recorded.telemetry.instrument_queries(lambda query, limit=5: [query] * limit)
    command = PlaceOrder()
    rows = handle(query=command) if by_keyword else handle(command)
    assert rows == [command] * 5
    recorded.assert_query("PlaceOrder")
    assert recorded.value(catalog.QUERY_RESULT_SIZE) == 5


async def test_async_callables(recorded: RecordedTelemetry) -> None:
    """Async functions stay async functions; partials of them and async __call__ work too."""

    class Callable:
        async def __call__(self, command: Any) -> Any:
            return command

    bus, command = Bus(), PlaceOrder()
    wrapped = recorded.telemetry.instrument_commands(bus.dispatch_async)
    assert inspect.iscoroutinefunction(wrapped)
    assert await wrapped(command) is command
    assert await wrapped(command=command) is command
    partial = recorded.telemetry.instrument_commands(functools.partial(Bus.dispatch_async, bus))
    assert await partial(command) is command
    assert await recorded.telemetry.instrument_commands(Callable())(command) is command
    recorded.assert_command("PlaceOrder", count=4)
    assert recorded.value(catalog.COMMAND_ACTIVE) == 0


def test_wrong_arguments_are_the_functions_own_error(recorded: RecordedTelemetry) -> None:
    """The TypeError names the user's function; a missing command is not counted as one."""
    dispatch: Any = recorded.telemetry.instrument_commands(Bus().dispatch)
    with pytest.raises(TypeError, match=r"Bus.dispatch\(\) missing 1 required positional"):
        dispatch()
    assert recorded.value(catalog.COMMAND_TOTAL) == 0
    with pytest.raises(TypeError, match=r"Bus.dispatch\(\) got an unexpected keyword"):
        dispatch(PlaceOrder(), other=1)
    recorded.assert_command("PlaceOrder", "error")


async def test_wrong_arguments_of_an_async_function(recorded: RecordedTelemetry) -> None:
    """The same TypeError, when it is awaited."""
    dispatch: Any = recorded.telemetry.instrument_commands(Bus().dispatch_async)
    with pytest.raises(TypeError, match="missing 1 required positional"):
        await dispatch()


def test_a_callable_without_a_signature(recorded: RecordedTelemetry) -> None:
    """Some callables written in C have none; the first argument is the message."""
    read: Any = vars
    with pytest.raises(ValueError, match="signature"):
        inspect.signature(read)
    wrapped = recorded.telemetry.instrument_commands(read)
    command = PlaceOrder()
    assert wrapped(command) is command.__dict__
    recorded.assert_command("PlaceOrder")


@pytest.mark.parametrize(
    "name",
    ["operation", "function", "message", "arguments", "args", "kwargs", "begin", "find", "what"],
)
async def test_keyword_arguments_go_through_whatever_their_names(
    recorded: RecordedTelemetry, name: str
) -> None:
    """None of them is ours."""

    def dispatch(command: Any, **options: Any) -> Any:
        return (command, options)

    async def dispatch_async(command: Any, **options: Any) -> Any:
        return (command, options)

    command, options = PlaceOrder(), {name: "x", "self": "y"}
    wrap: Any = recorded.telemetry.instrument_commands
    assert wrap(dispatch)(command, **options) == (command, options)
    assert await wrap(dispatch_async)(command, **options) == (command, options)
    recorded.assert_command("PlaceOrder", count=2)


class Dispatching:
    """A bus whose dispatch is of every kind that a class can hold."""

    @functools.singledispatchmethod
    def single(self, command: Any) -> Any:
        """For all other commands."""
        raise NotImplementedError

    @single.register
    def _(self, command: PlaceOrder) -> Any:
        return (self, command)

    @staticmethod
    def static(command: Any) -> Any:
        """Without the bus."""
        return (Dispatching, command)

    @classmethod
    def of_class(cls, command: Any) -> Any:
        """With the class."""
        return (cls, command)

    partial = functools.partialmethod(Bus.dispatch, dry_run=True)

    @functools.wraps(Bus.dispatch)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        """As a decorator leaves it that says nothing of its arguments."""
        return args, kwargs


@pytest.mark.parametrize("name", ["single", "static", "of_class", "partial", "decorated"])
def test_whatever_an_instance_gives_can_be_wrapped(recorded: RecordedTelemetry, name: str) -> None:
    """Also by singledispatchmethod, whose method looks as if it were not bound."""
    bus: Any = Dispatching()
    command = PlaceOrder()
    expected = getattr(bus, name)(command)
    setattr(bus, name, recorded.telemetry.instrument_commands(getattr(bus, name)))
    assert getattr(bus, name)(command) == expected
    recorded.assert_command("PlaceOrder")
    if name != "decorated":  # which takes any arguments
        with pytest.raises((TypeError, IndexError)):  # the latter by singledispatchmethod
            getattr(bus, name)()
    assert recorded.value(catalog.COMMAND_TOTAL) == 1


def test_decorators_in_any_order(recorded: RecordedTelemetry) -> None:
    """``staticmethod`` and ``classmethod`` objects stay what they are."""
    wrap: Any = recorded.telemetry.instrument_commands

    class Decorated:
        static = wrap(Dispatching.__dict__["static"])
        of_class = wrap(Dispatching.__dict__["of_class"])
        decorated = wrap(Dispatching.decorated)

    command, bus = PlaceOrder(), Decorated()
    assert isinstance(Decorated.__dict__["static"], staticmethod)
    assert isinstance(Decorated.__dict__["of_class"], classmethod)
    assert bus.static(command) == Decorated.static(command) == (Dispatching, command)
    assert bus.of_class(command) == (Decorated, command)
    assert bus.decorated(command) == ((bus, command), {})
    assert bus.decorated(command=command) == ((bus,), {"command": command})
    recorded.assert_command("PlaceOrder", count=5)


@dataclass(frozen=True)
class PayOrder:
    """A command that can be hashed."""


def test_what_a_class_binds_although_it_is_no_function(recorded: RecordedTelemetry) -> None:
    """A cached method gets its instance, and keeps what the cache offers."""
    wrap: Any = recorded.telemetry.instrument_commands

    class Cached:
        dispatch = wrap(functools.lru_cache(Bus.dispatch))

    bus, command = Cached(), PayOrder()
    assert bus.dispatch(command) is bus.dispatch(command)
    assert Cached.dispatch(bus, command) == (bus, command, False)
    assert Cached.dispatch.cache_info().currsize == 1
    recorded.assert_command("PayOrder", count=3)


@pytest.mark.parametrize("name", ["single", "partial"])
@pytest.mark.parametrize(
    "method", ["instrument_commands", "instrument_queries", "instrument_projection"]
)
def test_what_cannot_be_called_is_refused_with_the_remedy(
    recorded: RecordedTelemetry, name: str, method: str
) -> None:
    """At wrapping time, where a method in its class is none yet."""
    found = Dispatching.__dict__[name]
    wrap: Any = getattr(recorded.telemetry, method)
    with pytest.raises(TypeError) as refused:
        wrap(*(["orders"] if method == "instrument_projection" else []), found)
    assert str(refused.value) == (
        f"{method} takes a callable, not a {type(found).__name__}: wrap what an instance gives"
        f" for it, as in bus.dispatch = telemetry.{method}(bus.dispatch)"
    )


def test_partials_find_the_message_among_what_is_left(recorded: RecordedTelemetry) -> None:
    """Arguments that a partial brings are no messages."""

    def handle(settings: dict[str, Any], command: Any, *, dry_run: bool) -> Any:
        return (settings, command, dry_run)

    command, settings = PlaceOrder(), {"a": 1}
    original = functools.partial(functools.partial(handle, settings), dry_run=True)
    wrapped: Any = recorded.telemetry.instrument_commands(original)
    assert isinstance(wrapped, functools.partial)
    assert inspect.signature(wrapped) == inspect.signature(original)
    assert wrapped(command) == wrapped(command=command) == (settings, command, True)
    recorded.assert_command("PlaceOrder", count=2)


class Counter:
    """An object that can be called, and more."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, *commands: Any) -> Any:
        """Count a call."""
        self.calls += 1
        return commands

    def reset(self) -> None:
        """Begin again."""
        self.calls = 0


def test_an_object_that_can_be_called_stays_one(recorded: RecordedTelemetry) -> None:
    """Its other attributes are there, and a class does not bind it as it would a function."""

    class Holder:
        dispatch = recorded.telemetry.instrument_commands(Counter())

    command, wrapped = PlaceOrder(), Holder.dispatch
    assert Holder().dispatch(command) == (command,)
    assert wrapped.calls == 1
    wrapped.reset()
    assert wrapped.calls == 0
    with pytest.raises(AttributeError, match="other"):
        _ = wrapped.other  # type: ignore[attr-defined]
    assert copy.copy(wrapped)(command) == (command,)
    recorded.assert_command("PlaceOrder", count=2)


def is_async_callable(function: Any) -> bool:
    """What Starlette asks to choose between the loop and a thread."""
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or (
        callable(function) and inspect.iscoroutinefunction(function.__call__)
    )


class AsyncCounter(Counter):
    """The same, async."""

    async def __call__(self, command: Any) -> Any:
        """A moment later."""
        return command


async def rows_async(_query: Any) -> Any:
    """An asynchronous generator function."""
    yield 1


def rows(_query: Any) -> Any:
    """A generator function."""
    yield 1


@pytest.mark.parametrize(
    "original",
    [
        Bus().dispatch, Bus().dispatch_async, Bus.dispatch_async, AsyncCounter(), Counter(), rows,
        rows_async, functools.partial(Bus.dispatch_async, Bus()), functools.partial(rows_async),
        Dispatching().single, Dispatching.of_class, AsyncMock(),
    ],
)  # fmt: skip
def test_inspect_answers_as_before(recorded: RecordedTelemetry, original: Any) -> None:
    """Frameworks decide by these how to call."""
    wrapped: Any = recorded.telemetry.instrument_queries(original)
    for ask in (
        inspect.iscoroutinefunction, inspect.isasyncgenfunction, inspect.isgeneratorfunction,
        inspect.ismethod, inspect.isfunction, inspect.isroutine, is_async_callable,
    ):  # fmt: skip
        assert ask(wrapped) == ask(original), ask


@pytest.mark.parametrize("spec", [None, Bus().dispatch_async], ids=["any", "of a method"])
async def test_async_mocks_can_be_wrapped(recorded: RecordedTelemetry, spec: Any) -> None:
    """Tests of services use them in place of buses; their assertions stay."""
    mock, command = AsyncMock(spec, return_value="done"), PlaceOrder()
    wrapped: Any = recorded.telemetry.instrument_commands(mock)
    assert await wrapped(command) == "done"
    wrapped.assert_awaited_once_with(command)
    recorded.assert_command("PlaceOrder")


async def test_generator_functions_begin_with_the_first_row(recorded: RecordedTelemetry) -> None:
    """As their bodies do; one that nobody starts leaves nothing."""
    wrapped, wrapped_async = (
        recorded.telemetry.instrument_queries(each) for each in (rows, rows_async)
    )
    query = PlaceOrder()
    wrapped(query)
    await wrapped_async(query).aclose()
    assert recorded.value(catalog.QUERY_TOTAL) == 0
    assert list(wrapped(query)) == [1]
    assert [row async for row in wrapped_async(_query=query)] == [1]
    recorded.assert_query("PlaceOrder", count=2)
    assert recorded.value(catalog.QUERY_RESULT_SIZE) == 2
    assert recorded.value(catalog.QUERY_ACTIVE) == 0
    with pytest.raises(TypeError, match="missing 1 required positional"):
        list(wrapped())
    recorded.assert_query("PlaceOrder", count=2)


async def test_generator_functions_without_their_message(recorded: RecordedTelemetry) -> None:
    """One that has a default need not be given; the functions' names stand for it."""

    def all_rows(query: Any = None) -> Any:
        yield query

    async def all_rows_async(query: Any = None) -> Any:
        yield query

    for wrap in (recorded.telemetry.instrument_queries, recorded.telemetry.instrument_commands):
        assert list(wrap(all_rows)()) == [None]
        assert [row async for row in wrap(all_rows_async)()] == [None]
    recorded.assert_query("all_rows")
    recorded.assert_command("all_rows_async")


async def test_a_generator_function_that_is_a_coroutine_is_awaited(
    recorded: RecordedTelemetry,
) -> None:
    """``types.coroutine`` makes these; what they yield is for the event loop and no row."""

    @types.coroutine
    def find(query: Any) -> Any:
        yield from asyncio.sleep(0).__await__()
        return [query, query]

    wrapped: Any = recorded.telemetry.instrument_queries(find)
    assert len(await wrapped(PlaceOrder())) == 2
    recorded.assert_query("PlaceOrder")
    assert recorded.value(catalog.QUERY_RESULT_SIZE) == 2
