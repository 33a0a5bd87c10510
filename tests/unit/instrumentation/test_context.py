"""Trace context across the event store."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext

from cqrs_telemetry import catalog, extract_context, inject_context
from cqrs_telemetry._instruments import instruments_for
from cqrs_telemetry.testing import RecordedTelemetry


def context_of(span: ReadableSpan) -> SpanContext:
    """A finished span's own context."""
    context: SpanContext | None = span.context
    assert context is not None
    return context


def test_a_command_and_its_projection_meet_through_metadata(recorded: RecordedTelemetry) -> None:
    """What a command's handler injects names the command's span when the event comes back."""
    with recorded.telemetry.command("PlaceOrder"):
        metadata = inject_context({"user": "u-1"})
    assert metadata["user"] == "u-1"
    with recorded.telemetry.projection("orders", "OrderPlaced", metadata):
        pass
    command, projection = recorded.spans()
    assert [link.context.span_id for link in projection.links] == [context_of(command).span_id]
    restored = trace.get_current_span(extract_context(metadata)).get_span_context()
    assert restored.trace_id == context_of(command).trace_id


def test_without_a_span_nothing_is_injected() -> None:
    """Metadata stays as it was when there is no trace."""
    assert inject_context({}) == {}


@pytest.mark.parametrize("carrier", [None, {}, {"traceparent": "00-zz"}, {"other": 1}])
def test_extract_gives_an_empty_context_for_anything_else(carrier: Any) -> None:
    """Missing and malformed metadata is an empty context."""
    assert trace.get_current_span(extract_context(carrier)) is trace.INVALID_SPAN


class Opaque(dict[str, Any]):
    """A carrier that can be neither read nor written; raises errors of a class made per test."""

    def __init__(self, error: type[Exception]) -> None:
        super().__init__(other=1)
        self._error = error

    def get(self, *args: Any) -> Any:
        """Refuse."""
        raise self._error

    def __setitem__(self, key: str, value: Any) -> None:
        raise self._error


def faults(side: catalog.Side, error: type[Exception]) -> int:
    """What the global provider would report of these errors."""
    counters = instruments_for(None).counters[catalog.TELEMETRY_FAULTS]
    attributes = {catalog.SIDE.key: side, catalog.ERROR_TYPE.key: error.__name__}
    return counters.cell(attributes).value


def test_metadata_that_cannot_be_read_is_counted_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Extracting never raises into business code, and a fault per event does not fill the disk."""
    error = type("UnreadableError", (Exception,), {})
    for _ in range(3):
        assert extract_context(Opaque(error)) == Context()
    assert faults(catalog.PROJECTION, error) == 3
    (record,) = caplog.records
    assert "projection side failed" in record.getMessage()


def test_metadata_that_cannot_be_written_is_counted_and_logged_once(
    recorded: RecordedTelemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """Injecting gives the carrier back as it is."""
    error = type("FrozenError", (Exception,), {})
    carrier = Opaque(error)
    with recorded.telemetry.command("PlaceOrder"):
        for _ in range(3):
            assert inject_context(carrier) is carrier
    assert faults(catalog.WRITE, error) == 3
    (record,) = caplog.records
    assert "write side failed" in record.getMessage()


@pytest.mark.parametrize("carrier", [5, object(), ()])
def test_what_is_no_carrier_at_all(recorded: RecordedTelemetry, carrier: Any) -> None:
    """The wrong kind of object is a fault like any other."""
    assert extract_context(carrier) == Context()
    with recorded.telemetry.command("PlaceOrder"):
        assert inject_context(carrier) is carrier


def test_projections_do_not_inherit_the_carriers_baggage(recorded: RecordedTelemetry) -> None:
    """A link names a span; the projection runs in its own context."""
    with recorded.telemetry.projection("orders", "OrderPlaced", {"baggage": "tenant=acme"}):
        assert inject_context(dict[str, str]()).get("baggage") is None
