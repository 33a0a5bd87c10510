"""Queries: the contract's bus, and the size of every kind of result."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from opentelemetry import trace

from cqrs_telemetry import InstrumentedQueryBus, catalog
from cqrs_telemetry.testing import RecordedTelemetry


class ListOrders:
    """A query."""


@dataclass
class Page:
    """A page of results."""

    items: list[int]


@dataclass
class SearchHits:
    """A page whose rows are called results."""

    results: tuple[int, ...]


class Lazy:
    """A result set whose length is another trip to the database."""

    def __len__(self) -> int:
        raise AssertionError("the query was run for its length")


def bus(recorded: RecordedTelemetry, result: Any) -> InstrumentedQueryBus:
    """A bus whose only handler returns ``result``."""
    return InstrumentedQueryBus({"ListOrders": lambda _: result}, telemetry=recorded.telemetry)


@pytest.mark.parametrize(
    ("result", "size"),
    [
        ([1, 2, 3], 3),
        ((), 0),
        ({1, 2}, 2),
        (deque([1]), 1),
        ({"a": 1}.values(), 1),
        ({"a": 1}.keys(), 1),
        (range(4), 4),
        (Page([1, 2]), 2),
        (SearchHits((1,)), 1),
        (None, 0),
    ],
    ids=repr,
)
def test_size_of_rows(recorded: RecordedTelemetry, result: Any, size: int) -> None:
    """Collections and pages count their rows, None counts 0; the result itself is untouched."""
    assert bus(recorded, result).execute(ListOrders()) is result
    (point,) = recorded.points(catalog.QUERY_RESULT_SIZE)
    assert (point.count, point.value) == (1, size)
    (span,) = recorded.spans("query.ListOrders")
    assert (span.attributes or {})["cqrs.query.result_count"] == size


@pytest.mark.parametrize("result", ["text", b"bytes", {"a": 1}, object(), 7, Lazy()], ids=repr)
def test_one_thing_has_no_size(recorded: RecordedTelemetry, result: Any) -> None:
    """Text, bytes, mappings, single objects and lazy sets are not rows to count."""
    assert bus(recorded, result).execute(ListOrders()) is result
    assert recorded.points(catalog.QUERY_RESULT_SIZE) == []
    recorded.assert_query("ListOrders")


def test_failed_query_has_no_size(recorded: RecordedTelemetry) -> None:
    """A failure is counted with its type and records no result size."""

    def fail(query: Any) -> Any:
        raise LookupError

    queries = InstrumentedQueryBus({"ListOrders": fail}, telemetry=recorded.telemetry)
    with pytest.raises(LookupError):
        queries.execute(ListOrders())
    recorded.assert_query("ListOrders", "error")
    assert recorded.points(catalog.QUERY_RESULT_SIZE) == []


def test_missing_handler_has_the_contracts_text(recorded: RecordedTelemetry) -> None:
    """ValueError with the contract's text; the span says «No handler»."""
    queries = InstrumentedQueryBus({}, telemetry=recorded.telemetry)
    with pytest.raises(ValueError, match=r"^No handler for ListOrders$"):
        queries.execute(ListOrders())
    (span,) = recorded.spans()
    assert span.status.description == "No handler"


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
