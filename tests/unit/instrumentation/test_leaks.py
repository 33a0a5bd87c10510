"""What is counted and recorded does not keep alive what was handled."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cqrs_telemetry import (
    InstrumentedCommandBus,
    InstrumentedProjectionHandler,
    InstrumentedQueryBus,
    catalog,
)
from cqrs_telemetry.testing import RecordedTelemetry

EACH = 100
request: contextvars.ContextVar[Any] = contextvars.ContextVar("request")


class Message:
    """A command, query or event that refers to whatever handles it."""

    held: Any = None


def rows(_query: Any) -> Iterator[int]:
    """Rows."""
    yield from range(9)


async def stream(_query: Any) -> Any:
    """Rows, asynchronous."""
    for row in range(9):
        yield row


async def wait_for_reply(message: Any) -> None:
    """Wait for a future that the message carries."""
    await message.held


class Projection(InstrumentedProjectionHandler):
    """Waits for what its events carry."""

    async def apply(self, event: Any) -> None:
        """Wait."""
        await event.held


def make_task(handle: Callable[[Any], Any]) -> weakref.ref[Any]:
    """A message under way in a task that waits for ever, and that only its future knows."""
    message = Message()
    message.held = asyncio.get_running_loop().create_future()
    asyncio.ensure_future(handle(message))  # noqa: RUF006 - that nobody holds it is the point
    return weakref.ref(message)


def make_task_of_a_request(handle: Callable[[Any], Any]) -> weakref.ref[Any]:
    """The same; a request in a context variable holds the future."""
    message, requested = Message(), Message()
    message.held = requested.held = asyncio.get_running_loop().create_future()
    context = contextvars.copy_context()
    context.run(request.set, requested)
    context.run(asyncio.ensure_future, handle(message))
    return weakref.ref(requested)


async def collected(made: list[weakref.ref[Any]]) -> int:
    """How many are still there when tasks have run and garbage is collected."""
    for _ in range(3):
        await asyncio.sleep(0)
    gc.collect()
    return sum(ref() is not None for ref in made)


@pytest.mark.parametrize("make", [make_task, make_task_of_a_request])
@pytest.mark.parametrize("side", ["commands", "lazy commands", "queries", "projections"])
async def test_what_waits_for_ever_is_collected(
    recorded: RecordedTelemetry, make: Callable[..., weakref.ref[Any]], side: str
) -> None:
    """Tasks that nobody can continue go as without instrumentation, and are no more in flight."""
    telemetry = recorded.telemetry
    handle: dict[str, Callable[[Any], Any]] = {
        "commands": InstrumentedCommandBus({Message: wait_for_reply}, telemetry=telemetry).dispatch,
        "lazy commands": InstrumentedCommandBus(
            {Message: lambda message: wait_for_reply(message)}, telemetry=telemetry
        ).dispatch,
        "queries": InstrumentedQueryBus({Message: wait_for_reply}, telemetry=telemetry).execute,
        "projections": Projection("orders", telemetry=telemetry).handle_event,
    }
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda *_: None)  # asyncio's own complaint, of a pending task
    made = [make(handle[side]) for _ in range(EACH)]
    assert await collected(made) == 0
    total = {"queries": catalog.QUERY_TOTAL, "projections": catalog.PROJECTION_TOTAL}
    assert recorded.value(total.get(side, catalog.COMMAND_TOTAL)) == EACH
    assert recorded.value(catalog.COMMAND_ACTIVE) == recorded.value(catalog.QUERY_ACTIVE) == 0


@pytest.mark.parametrize("handler", [rows, stream])
async def test_rows_that_their_query_keeps_are_collected(
    recorded: RecordedTelemetry, handler: Any
) -> None:
    """A query that holds its half-read result goes with it."""
    bus = InstrumentedQueryBus({Message: handler}, telemetry=recorded.telemetry)

    async def make() -> weakref.ref[Any]:
        query = Message()
        query.held = bus.execute(query)
        _ = await anext(query.held) if handler is stream else next(query.held)
        return weakref.ref(query)

    made = [await make() for _ in range(EACH)]
    assert await collected(made) == 0
    assert recorded.value(catalog.QUERY_ACTIVE) == 0
    recorded.assert_query("Message", count=EACH)


def test_classes_made_at_run_time_are_collected(recorded: RecordedTelemetry) -> None:
    """Classes of messages, results, events and errors live no longer for having been recorded."""

    def make(number: int) -> list[weakref.ref[type]]:
        names = ("Message", "Result", "Event", "Error")
        message, result, event, error = (
            type(name, (Exception,) if name == "Error" else (), {}) for name in names
        )
        produced = type("Produced", (), {"events": [event()]})

        def fail(_message: Any) -> None:
            raise error

        commands = InstrumentedCommandBus({message: lambda c: produced()}, telemetry=telemetry)
        queries = InstrumentedQueryBus({message: lambda q: result()}, telemetry=telemetry)
        failing = InstrumentedQueryBus({message: fail}, telemetry=telemetry)
        commands.dispatch(message())
        queries.execute(message())
        with pytest.raises(error):
            failing.execute(message())
        assert wrapped(message()) is None
        with telemetry.projection(f"projection{number % 3}", event()):
            pass
        return [weakref.ref(cls) for cls in (message, result, event, error, produced)]

    telemetry = recorded.telemetry
    wrapped = telemetry.instrument_commands(lambda command: None)
    made = [ref for number in range(EACH) for ref in make(number)]
    gc.collect()
    assert [ref() for ref in made if ref() is not None] == []
    recorded.assert_command("Message", count=2 * EACH)


def test_ends_that_nobody_collects_do_not_pile_up(recorded: RecordedTelemetry) -> None:
    """Where every operation is dropped and metrics are not collected, later ones report earlier."""
    bus = InstrumentedQueryBus({Message: rows}, telemetry=recorded.telemetry)
    for _ in range(10 * EACH):
        bus.execute(Message())
    assert len(recorded.telemetry.queries.waiting) <= 1
