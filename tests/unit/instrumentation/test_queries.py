"""Queries: the seed's bus and the sizes of results."""

from __future__ import annotations

from collections import deque
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry.trace import StatusCode

from cqrs_telemetry import InstrumentedQueryBus, NoHandlerError, catalog
from cqrs_telemetry.testing import RecordedTelemetry


class ListOrders:
    """A query."""


def test_the_seeds_example_records_span_counter_duration_and_size(
    recorded: RecordedTelemetry,
) -> None:
    """Execute returns the handler's own result and records everything that the seed prints."""
    rows = ["a", "b"]
    handler = SimpleNamespace(handle=lambda query: rows)
    bus = InstrumentedQueryBus({"ListOrders": handler}, telemetry=recorded.telemetry)
    assert bus.execute(ListOrders()) is rows
    (span,) = recorded.spans("query.ListOrders")
    assert dict(span.attributes or {}) == {
        "cqrs.side": "read",
        "cqrs.query.type": "ListOrders",
        "cqrs.query.result_count": 2,
    }
    assert span.status.status_code is StatusCode.UNSET
    recorded.assert_query("ListOrders")
    assert recorded.count(catalog.QUERY_DURATION, query_status="success") == 1
    (size,) = recorded.points(catalog.QUERY_RESULT_SIZE)
    assert (size.count, size.value) == (1, 2)
    assert size.attributes == {"cqrs.side": "read", "query.type": "ListOrders"}


@pytest.mark.parametrize(
    ("result", "size"),
    [
        ([], 0),
        ((1, 2, 3), 3),
        ({1, 2}, 2),
        (deque([1]), 1),
        (range(4), 4),
        ({"a": 1}.values(), 1),
        (None, 0),
        (ListOrders, 1),
        (7, 1),
        (SimpleNamespace(items=[1, 2]), 2),
        (SimpleNamespace(results=(1,), items="no rows"), 1),
    ],
    ids=repr,
)
def test_rows_are_counted(recorded: RecordedTelemetry, result: Any, size: int) -> None:
    """Collections, pages and None have a size."""
    with recorded.telemetry.query(ListOrders) as operation:
        assert operation.returned(result) is result
    (point,) = recorded.points(catalog.QUERY_RESULT_SIZE)
    assert (point.count, point.value) == (1, size)


class LazyRows:
    """A result set whose len() would run the query again."""

    def __len__(self) -> int:
        raise AssertionError("counted a lazy result")


@pytest.mark.parametrize("result", [5, object(), ListOrders()], ids=lambda v: type(v).__name__)
def test_one_object_is_one_item(recorded: RecordedTelemetry, result: Any) -> None:
    """A query for one thing returns 1 or, by None, 0: the share of what was not found."""
    with recorded.telemetry.query("GetOrder") as operation:
        assert operation.returned(result) is result
    (point,) = recorded.points(catalog.QUERY_RESULT_SIZE)
    assert (point.count, point.value) == (1, 1)


@pytest.mark.parametrize(
    "result",
    ["text", b"bytes", bytearray(2), memoryview(b"x"), {"id": 1}, LazyRows(), map(str, [1])],
    ids=lambda value: type(value).__name__,
)
def test_what_has_no_size(recorded: RecordedTelemetry, result: Any) -> None:
    """Text, mappings, iterators and lazy result sets say nothing about rows without a cost."""
    with recorded.telemetry.query("GetOrder") as operation:
        assert operation.returned(result) is result
    assert recorded.points(catalog.QUERY_RESULT_SIZE) == []
    assert recorded.value(catalog.TELEMETRY_FAULTS) == 0
    recorded.assert_query("GetOrder")


def test_a_failed_query_has_no_size(recorded: RecordedTelemetry) -> None:
    """An error after the rows were there says nothing about how many a caller got."""

    def list_orders() -> None:
        with recorded.telemetry.query("ListOrders") as operation:
            operation.returned([1])
            raise KeyError

    with pytest.raises(KeyError):
        list_orders()
    assert recorded.points(catalog.QUERY_RESULT_SIZE) == []
    recorded.assert_query("ListOrders", "error")


def test_no_handler_raises_a_value_error_that_is_counted(recorded: RecordedTelemetry) -> None:
    """A query without a handler is an error like any other, with the seed's texts."""
    bus = InstrumentedQueryBus({}, telemetry=recorded.telemetry)
    with pytest.raises(NoHandlerError, match=r"^No handler for ListOrders$"):
        bus.execute(ListOrders())
    recorded.assert_query("ListOrders", "error")
    (span,) = recorded.spans()
    assert span.status.description == "No handler"
