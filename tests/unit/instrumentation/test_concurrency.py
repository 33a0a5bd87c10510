"""Threads and nesting: exact totals, spans that know their parents."""

from __future__ import annotations

import contextvars
import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext

from cqrs_telemetry import (
    CommandOperation,
    InstrumentedCommandBus,
    InstrumentedQueryBus,
    catalog,
)
from cqrs_telemetry.testing import RecordedTelemetry

THREADS, EACH = 8, 500


def test_totals_are_exact_over_threads(recorded: RecordedTelemetry) -> None:
    """No update is lost between threads, for types that all of them meet for the first time."""

    def work(worker: int) -> None:
        for i in range(EACH):
            with recorded.telemetry.command(f"C{i % 5}") as operation:
                operation.produced([worker, "x"])

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
    for name in range(5):
        recorded.assert_command(f"C{name}", count=THREADS * EACH // 5)
    assert recorded.value(catalog.EVENTS_PRODUCED) == 2 * THREADS * EACH
    assert recorded.count(catalog.COMMAND_DURATION) == THREADS * EACH
    assert recorded.value(catalog.COMMAND_ACTIVE) == 0
    assert all(span.parent is None for span in recorded.spans())


def test_limits_hold_over_threads() -> None:
    """Names race for the last places; no more than the limit get one."""
    recorded = RecordedTelemetry(max_types=10)

    def work(worker: int) -> None:
        for i in range(100):
            with recorded.telemetry.query(f"Q{worker}-{i}"):
                pass

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
    types = {p.attributes["query.type"] for p in recorded.points(catalog.QUERY_TOTAL)}
    assert len(types - {catalog.OTHER_TYPE}) == 10
    assert recorded.value(catalog.QUERY_TOTAL) == THREADS * 100


def context_of(span: ReadableSpan) -> SpanContext:
    """A finished span's own context."""
    context: SpanContext | None = span.context
    assert context is not None
    return context


class Outer:
    """A command whose handler sends another and asks a query."""


class Inner:
    """What it sends."""


def test_nested_messages_are_children(recorded: RecordedTelemetry) -> None:
    """A dispatch inside a handler is its child, counted by itself."""

    def outer(command: Any) -> Any:
        commands.dispatch(Inner())
        queries.execute(Inner())
        assert recorded.value(catalog.COMMAND_ACTIVE, command_type="Outer") == 1

    commands = InstrumentedCommandBus(
        {Outer: outer, Inner: lambda c: None}, telemetry=recorded.telemetry
    )
    queries = InstrumentedQueryBus({Inner: lambda q: None}, telemetry=recorded.telemetry)
    commands.dispatch(Outer())
    inner, query, root = recorded.spans()
    assert root.name == "command.Outer"
    for child in (inner, query):
        assert child.parent is not None
        assert child.parent.span_id == context_of(root).span_id
    recorded.assert_command("Outer")
    recorded.assert_command("Inner")


def test_a_failure_goes_up_through_nested_messages(recorded: RecordedTelemetry) -> None:
    """Each level counts the error that passed through it; the exception is one object."""
    failure = KeyError("x")

    def inner(command: Any) -> None:
        raise failure

    bus: Any = InstrumentedCommandBus(
        {Outer: lambda c: bus.dispatch(Inner()), Inner: inner}, telemetry=recorded.telemetry
    )
    with pytest.raises(KeyError) as caught:
        bus.dispatch(Outer())
    assert caught.value is failure
    recorded.assert_command("Outer", "error")
    recorded.assert_command("Inner", "error")


def test_a_copied_context_does_not_keep_what_was_handled(recorded: RecordedTelemetry) -> None:
    """A task that outlives its operation holds neither the message nor the operations before."""
    contexts = [contextvars.copy_context()]
    messages, operations = [], set()  # what has slots has no weak reference, so by id

    def handle() -> None:
        message = Inner()
        messages.append(weakref.ref(message))
        with recorded.telemetry.command(message) as operation:
            operations.add(id(operation))
            contexts.append(contextvars.copy_context())

    for _ in range(10):  # each starts the next one inside itself, as event chains do
        contexts.pop().run(handle)
    gc.collect()
    assert [message() for message in messages] == [None] * 10
    kept = [each for each in gc.get_objects() if isinstance(each, CommandOperation)]
    assert sum(id(each) in operations for each in kept) <= 1
