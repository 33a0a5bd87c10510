"""Queries: the seed's bus and the sizes of results."""

from __future__ import annotations

from types import SimpleNamespace

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
