"""Trace context across the event store."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext

from cqrs_telemetry import extract_context, inject_context
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


@pytest.mark.parametrize("carrier", [5, object()])
def test_a_carrier_that_is_none_is_logged_not_raised(
    carrier: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither direction raises into business code."""
    with caplog.at_level(logging.WARNING, "cqrs_telemetry"):
        assert extract_context(carrier) == Context()
    assert "could not extract" in caplog.text


def test_injecting_into_something_else_is_logged_not_raised(
    recorded: RecordedTelemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """A frozen carrier stays as it is."""
    frozen: Any = ()
    with recorded.telemetry.command("PlaceOrder"):
        assert inject_context(frozen) is frozen
    assert "could not inject" in caplog.text


def test_projections_do_not_inherit_the_carriers_baggage(recorded: RecordedTelemetry) -> None:
    """A link names a span; the projection runs in its own context."""
    with recorded.telemetry.projection("orders", "OrderPlaced", {"baggage": "tenant=acme"}):
        assert inject_context(dict[str, str]()).get("baggage") is None
