"""The operation under way, as code inside of handlers finds it."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry.context import attach, detach, get_current, set_value
from opentelemetry.trace import NoOpTracerProvider, StatusCode, get_current_span

from cqrs_telemetry import (
    CommandOperation,
    CqrsTelemetry,
    InstrumentedCommandBus,
    InstrumentedProjectionHandler,
    InstrumentedQueryBus,
    ProjectionOperation,
    QueryOperation,
    catalog,
    current_operation,
)
from cqrs_telemetry.testing import RecordedTelemetry
from waits import LIMIT


class PlaceOrder:
    """A command."""


class ListOrders:
    """A query."""


class OrderPlaced:
    """An event."""


@pytest.fixture(params=["with spans", "without spans"])
def telemetry(request: pytest.FixtureRequest, recorded: RecordedTelemetry) -> CqrsTelemetry:
    """Metrics are recorded, and spans or not."""
    if request.param == "with spans":
        return recorded.telemetry
    return CqrsTelemetry(
        tracer_provider=NoOpTracerProvider(), meter_provider=recorded.meter_provider
    )


def commit(*events: Any) -> None:
    """A unit of work: reports what was stored."""
    operation = current_operation()
    assert isinstance(operation, CommandOperation)
    operation.produced(events)


def nothing_is_current() -> bool:
    """Whether no operation is under way."""
    return current_operation() is None


def test_events_are_reported_from_inside(
    recorded: RecordedTelemetry, telemetry: CqrsTelemetry
) -> None:
    """However deep, and whatever the handler returns."""
    bus = InstrumentedCommandBus({PlaceOrder: lambda c: commit(OrderPlaced())}, telemetry=telemetry)
    bus.dispatch(PlaceOrder())
    assert recorded.value(catalog.EVENTS_PRODUCED, event_type="OrderPlaced") == 1
    assert nothing_is_current()


def test_a_rejection_is_reported_from_inside(
    recorded: RecordedTelemetry, telemetry: CqrsTelemetry
) -> None:
    """A handler that answers instead of raising."""

    def refuse(_: Any) -> str:
        operation = current_operation()
        assert operation is not None
        operation.reject("SoldOut")
        return "sold out"

    bus = InstrumentedCommandBus({PlaceOrder: refuse}, telemetry=telemetry)
    assert bus.dispatch(PlaceOrder()) == "sold out"
    assert recorded.value(catalog.COMMAND_TOTAL, error_type="SoldOut") == 1


def test_the_innermost_is_the_current_one(
    recorded: RecordedTelemetry, telemetry: CqrsTelemetry
) -> None:
    """And the one around it again when it has ended, well or not."""
    seen = []

    def look(kind: type) -> None:
        seen.append(type(current_operation()) is kind)

    def fail(_: Any) -> None:
        look(QueryOperation)
        raise KeyError

    queries = InstrumentedQueryBus(
        {ListOrders: lambda q: look(QueryOperation), "Fail": fail}, telemetry=telemetry
    )

    def handle(_: Any) -> None:
        look(CommandOperation)
        queries.execute(ListOrders())
        with pytest.raises(KeyError):
            queries.execute(type("Fail", (), {})())
        with telemetry.projection("orders", "OrderPlaced"):
            look(ProjectionOperation)
        look(CommandOperation)

    InstrumentedCommandBus({PlaceOrder: handle}, telemetry=telemetry).dispatch(PlaceOrder())
    assert seen == [True] * 5
    assert nothing_is_current()


class Projection(InstrumentedProjectionHandler):
    """Refuses what it is given; fails on a failure."""

    def apply(self, event: Any) -> None:
        """Say so."""
        operation = current_operation()
        assert operation is not None
        operation.reject("Unwanted")
        if isinstance(event, Exception):
            raise event


def test_an_event_of_a_batch_is_the_current_one(
    recorded: RecordedTelemetry, telemetry: CqrsTelemetry
) -> None:
    """What is reported counts for it, not for the batch."""
    Projection("orders", telemetry=telemetry).handle_events([OrderPlaced(), OrderPlaced()])
    recorded.assert_projected("orders", "OrderPlaced", "rejected", count=2)
    assert [s.status.status_code for s in recorded.spans()] in ([], [StatusCode.UNSET])


def test_an_exception_is_still_described_once(recorded: RecordedTelemetry) -> None:
    """By the command inside of an event of a batch, not by the batch as well."""

    class Applies(InstrumentedProjectionHandler):
        def apply(self, event: Any) -> None:
            with recorded.telemetry.command("Inside"):
                raise KeyError

    with pytest.raises(KeyError):
        Applies("orders", telemetry=recorded.telemetry).handle_events([OrderPlaced()])
    assert {s.name: len(s.events) for s in recorded.spans()} == {
        "command.Inside": 1, "projection.orders": 0,
    }  # fmt: skip


async def test_tasks_and_threads(recorded: RecordedTelemetry, telemetry: CqrsTelemetry) -> None:
    """Tasks that run at once have each their own; threads begin without one."""

    async def handle(command: Any) -> None:
        mine = current_operation()
        assert mine is not None
        others.append(mine)
        await asyncio.sleep(0)
        assert current_operation() is mine
        assert await asyncio.create_task(inner()) is mine
        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.append(current_operation()))
        thread.start()
        thread.join(LIMIT)
        assert found == [None]

    async def inner() -> Any:
        return current_operation()

    others: list[Any] = []
    bus = InstrumentedCommandBus({PlaceOrder: handle}, telemetry=telemetry)
    await asyncio.gather(*(bus.dispatch(PlaceOrder()) for _ in range(5)))
    assert len(set(map(id, others))) == 5
    recorded.assert_command("PlaceOrder", count=5)


async def test_what_outlives_its_operation_has_none(
    recorded: RecordedTelemetry, telemetry: CqrsTelemetry
) -> None:
    """A task that the handler started goes on after the end."""
    tasks = []

    async def handle(_: Any) -> None:
        tasks.append(asyncio.create_task(later()))

    async def later() -> Any:
        await ended.wait()
        return current_operation()

    ended = asyncio.Event()
    await InstrumentedCommandBus({PlaceOrder: handle}, telemetry=telemetry).dispatch(PlaceOrder())
    ended.set()
    assert await tasks[0] is None


def test_generators(recorded: RecordedTelemetry, telemetry: CqrsTelemetry) -> None:
    """Their operation is current in their code, and not in their consumer's."""

    def rows(_: Any) -> Iterator[Any]:
        for _ in range(2):
            yield type(current_operation())

    bus = InstrumentedQueryBus({ListOrders: rows}, telemetry=telemetry)
    for row in bus.execute(ListOrders()):
        assert row is QueryOperation
        assert nothing_is_current()
    recorded.assert_query("ListOrders")


def test_suppressed_operations_are_not_current(telemetry: CqrsTelemetry) -> None:
    """There is nothing to report to."""
    token = attach(set_value("suppress_instrumentation", True))
    try:
        with telemetry.command("X"):
            assert nothing_is_current()
    finally:
        detach(token)


def test_excluded_operations_are_not_current() -> None:
    """The one around them is, before and after; nothing is left, and nothing piles up."""
    recorded = RecordedTelemetry(exclude=[ListOrders])
    tracers = {"tracer_provider": NoOpTracerProvider()}
    for options in ({}, tracers):
        telemetry = (
            recorded.telemetry
            if not options
            else CqrsTelemetry(
                meter_provider=recorded.meter_provider, exclude=[ListOrders], **options
            )
        )
        with telemetry.command("Outer") as outer:
            for _ in range(3):
                with telemetry.query(ListOrders()):
                    assert current_operation() is outer
                assert current_operation() is outer
        assert nothing_is_current()
        before = get_current()
        with telemetry.query(ListOrders()) as excluded:
            assert nothing_is_current()
        assert get_current() is before
        assert excluded._context is None


async def wait(_: Any) -> None:
    """A handler that waits."""
    await asyncio.sleep(0)


async def stream(_: Any) -> Any:
    """One that yields, and then waits."""
    yield 1
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    "handler", [wait, lambda c: wait(c), stream], ids=["async", "lazy", "rows"]
)
def test_what_is_dropped_leaves_other_contexts_alone(
    telemetry: CqrsTelemetry, handler: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A finalizer ends operations wherever it runs, such as inside of another operation."""
    bus = InstrumentedCommandBus({PlaceOrder: handler}, telemetry=telemetry)
    made = bus.dispatch(PlaceOrder())
    context = contextvars.copy_context()
    if handler is stream:
        with pytest.raises(StopIteration):
            context.run(made.asend(None).send, None)
        made = made.asend(None)
    context.run(made.send, None)
    with telemetry.command("Other") as other:
        del made
        gc.collect()
        assert current_operation() is other
    assert nothing_is_current()
    assert caplog.records == []


async def test_what_is_awaited_elsewhere_gives_back_what_was_current(
    telemetry: CqrsTelemetry,
) -> None:
    """A plain handler that returns a coroutine, which another operation awaits."""

    async def later() -> Any:
        return type(current_operation())

    bus = InstrumentedCommandBus({PlaceOrder: lambda c: later()}, telemetry=telemetry)
    with telemetry.command("Outer") as outer:
        coroutine = bus.dispatch(PlaceOrder())
        with telemetry.query("Inner") as inner:
            assert await coroutine is CommandOperation
            assert current_operation() is inner
        assert current_operation() is outer


def test_suppression_inside_of_an_operation(telemetry: CqrsTelemetry) -> None:
    """Whoever suppresses does not want to report."""
    with telemetry.command("X") as operation:
        token = attach(set_value("suppress_instrumentation", True))
        try:
            assert nothing_is_current()
        finally:
            detach(token)
        assert current_operation() is operation


def test_who_does_not_ask_pays_nothing() -> None:
    """Without spans, operations are current only once the function has been imported."""
    program = """
import cqrs_telemetry
from cqrs_telemetry import CqrsTelemetry, _operation
with CqrsTelemetry().command("X") as operation:
    assert _operation.current_operation() is None
from cqrs_telemetry import current_operation
with CqrsTelemetry().command("X") as operation:
    assert current_operation() is cqrs_telemetry.current_operation() is operation
try:
    cqrs_telemetry.nonsense
except AttributeError as error:
    print(error)
"""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=LIMIT
    )
    assert (result.stdout, result.stderr) == (
        "module 'cqrs_telemetry' has no attribute 'nonsense'\n", "",
    )  # fmt: skip


# One callable for both sides


class Mediator:
    """As mediators of other libraries."""

    def send(self, message: Any) -> Any:
        """Answer a command or query."""
        return [message]


def is_query(message: Any) -> bool:
    """By class."""
    return isinstance(message, ListOrders)


@pytest.mark.parametrize("how", ["bound", "decorated"])
async def test_one_send_for_both_sides(recorded: RecordedTelemetry, how: str) -> None:
    """A classifier tells queries from commands; each is recorded on its side."""
    instrument: Callable[..., Any] = recorded.telemetry.instrument_send
    if how == "bound":
        send = instrument(Mediator().send, is_query=is_query)
    else:

        @instrument(is_query=is_query)
        def send(message: Any) -> Any:
            return [message]

    for message in (PlaceOrder(), ListOrders(), ListOrders()):
        assert send(message) == [message]
    recorded.assert_command("PlaceOrder")
    recorded.assert_query("ListOrders", count=2)
    assert recorded.value(catalog.QUERY_RESULT_SIZE) == 2

    @instrument(is_query=is_query, produced=lambda r: [OrderPlaced()], result_size=lambda r: 7)
    async def send_async(message: Any) -> Any:
        return message

    await send_async(PlaceOrder())
    await send_async(ListOrders())
    recorded.assert_command("PlaceOrder", count=2)
    assert recorded.value(catalog.QUERY_RESULT_SIZE) == 9
    assert recorded.value(catalog.EVENTS_PRODUCED, event_type="OrderPlaced") == 1


def test_a_classifier_that_fails(recorded: RecordedTelemetry) -> None:
    """A fault; the message counts as a command."""

    def fail(_: Any) -> Any:
        raise LookupError

    send = recorded.telemetry.instrument_send(Mediator().send, is_query=fail)
    assert len(send(PlaceOrder())) == 1
    recorded.assert_command("PlaceOrder")
    assert recorded.value(catalog.TELEMETRY_FAULTS, error_type="LookupError") == 1


class Clause:
    """An answer that is neither true nor false, as those of mappers and arrays are."""

    def __bool__(self) -> bool:
        raise LookupError


def test_a_classifier_without_an_answer(recorded: RecordedTelemetry) -> None:
    """The same."""
    send = recorded.telemetry.instrument_send(Mediator().send, is_query=lambda m: Clause())
    assert len(send(PlaceOrder())) == 1
    recorded.assert_command("PlaceOrder")
    assert recorded.value(catalog.TELEMETRY_FAULTS, error_type="LookupError") == 1


@pytest.mark.parametrize("wrong", [7, wait], ids=["number", "async"])
def test_what_cannot_classify_is_refused(recorded: RecordedTelemetry, wrong: Any) -> None:
    """When the callable is wrapped."""
    with pytest.raises(TypeError, match="is_query must be a function of a message, not"):
        recorded.telemetry.instrument_send(Mediator().send, is_query=wrong)


@pytest.mark.parametrize("name", [None, "", 7, wait], ids=["none", "empty", "number", "function"])
def test_a_projection_needs_a_name(recorded: RecordedTelemetry, name: Any) -> None:
    """A decorator without arguments would take the function for the name."""
    with pytest.raises(TypeError, match="takes a projection's name first, not"):
        recorded.telemetry.instrument_projection(name, lambda event: event)


# Projections that are wrapped


def test_a_wrapped_projection_takes_what_a_handler_does(recorded: RecordedTelemetry) -> None:
    """Timestamp, id and cause of an event, and whether it is an old one; also as a decorator."""
    telemetry = recorded.telemetry
    with telemetry.command("PlaceOrder"):
        cause = get_current_span().get_span_context()
    options: dict[str, Any] = {
        "timestamp": lambda event: event.at,
        "aggregate_id": lambda event: event.order,
        "event_context": lambda event: event.cause,
        "replayed": lambda event: event.old,
    }

    @telemetry.instrument_projection("decorated", **options)
    def apply(event: Any) -> Any:
        return event

    wrapped = telemetry.instrument_projection("wrapped", lambda event: event, **options)
    for name, handle in (("decorated", apply), ("wrapped", wrapped)):
        for old in (False, True):
            event = SimpleNamespace(at=time.time(), order="o-1", cause=cause, old=old)
            assert handle(event) is event
        assert recorded.count(catalog.PROJECTION_LAG, projection_name=name) == 1
        spans = recorded.spans(f"projection.{name}")
        assert [(s.attributes or {})["cqrs.event.aggregate_id"] for s in spans] == ["o-1", "o-1"]
        assert [[link.context for link in s.links] for s in spans] == [[cause], [cause]]
        assert recorded.value(catalog.PROJECTION_HANDLERS, projection_name=name) == 1
    assert recorded.value(catalog.TELEMETRY_FAULTS) == 0


def test_a_cause_that_cannot_be_taken(recorded: RecordedTelemetry) -> None:
    """A fault, and a span without a link."""
    apply = recorded.telemetry.instrument_projection(
        "orders", lambda event: event, event_context=lambda event: event.metadata
    )
    apply(SimpleNamespace(timestamp="2026-01-01T00:00:00Z"))
    assert recorded.value(catalog.TELEMETRY_FAULTS, error_type="AttributeError") == 1
    assert recorded.spans()[0].links == ()


def test_the_originator_stands_for_the_aggregate(recorded: RecordedTelemetry) -> None:
    """Events of the eventsourcing library have their aggregate's id under that name."""
    with recorded.telemetry.command(SimpleNamespace(originator_id="o-1")):
        pass
    with recorded.telemetry.command(SimpleNamespace(originator_id="o-1", aggregate_id="o-2")):
        pass
    ids = [(s.attributes or {})["cqrs.aggregate.id"] for s in recorded.spans()]
    assert ids == ["o-1", "o-2"]
