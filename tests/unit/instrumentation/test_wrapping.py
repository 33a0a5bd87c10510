"""One line over a bus that exists: functions, methods, decorators, sync and async."""

from __future__ import annotations

import functools
import inspect
from dataclasses import dataclass
from typing import Any

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
