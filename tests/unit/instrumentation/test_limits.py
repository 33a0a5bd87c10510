"""Bounded names, and names that would break out of a label."""

from __future__ import annotations

import logging
import re
import urllib.request
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cqrs_telemetry import CqrsTelemetry, InstrumentedCommandBus, catalog
from cqrs_telemetry.prometheus import serve_metrics
from cqrs_telemetry.testing import RecordedTelemetry
from waits import LIMIT

EVIL = 'evil"}\n{x="1'


def message(name: str) -> Any:
    """An instance of a class of that name."""
    return type(name, (), {})()


def test_types_past_the_limit_fold_into_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The first names keep their series, later ones share one; counted each time, warned once."""
    recorded = RecordedTelemetry(max_types=2)
    bus = InstrumentedCommandBus(
        {f"C{i}": lambda c: None for i in range(5)}, telemetry=recorded.telemetry
    )
    before = recorded.value(catalog.TELEMETRY_OVERFLOW)
    with caplog.at_level(logging.WARNING, "cqrs_telemetry"):
        for i in range(5):
            bus.dispatch(message(f"C{i}"))
    recorded.assert_command("C0")
    recorded.assert_command("C1")
    recorded.assert_command(catalog.OTHER_TYPE, count=3)
    assert recorded.value(catalog.TELEMETRY_OVERFLOW, attribute_key="command.type") == before + 3
    assert len(caplog.records) == 1
    span = recorded.spans("command._other")[0]
    assert (span.attributes or {})["cqrs.command.type"] == "C2"  # spans may have any


def test_the_warning_names_the_key_and_the_mend(caplog: pytest.LogCaptureFixture) -> None:
    """One line says which attribute, how many, and what to do."""
    recorded = RecordedTelemetry(max_types=1)
    with caplog.at_level(logging.WARNING, "cqrs_telemetry"):
        for name in ("A", "B", "C"):
            with recorded.telemetry.query(name):
                pass
    (record,) = caplog.records
    text = record.getMessage()
    assert re.search("more than 1 values of query.type: 'B'.*raise max_types", text)


def test_event_types_and_error_types_are_bounded() -> None:
    """Whatever comes from class names has the limit, not only messages."""
    recorded = RecordedTelemetry(max_types=3)

    def handle(number: int) -> None:
        with recorded.telemetry.command("Import") as operation:
            operation.produced([message(f"Event{number}")])
            raise type(f"Error{number}", (LookupError,), {})

    for number in range(6):
        with pytest.raises(LookupError):
            handle(number)
    events = {p.attributes["event.type"] for p in recorded.points(catalog.EVENTS_PRODUCED)}
    assert events == {"Event0", "Event1", "Event2", catalog.OTHER_TYPE}
    assert recorded.value(catalog.EVENTS_PRODUCED, event_type=catalog.OTHER_TYPE) == 3
    assert recorded.value(catalog.COMMAND_TOTAL, error_type=catalog.OTHER_TYPE) == 3
    spans = recorded.spans()
    assert [(s.attributes or {})["error.type"] for s in spans[-2:]] == [catalog.OTHER_TYPE] * 2


def test_projections_bound_names_and_events_apart() -> None:
    """A projection keeps its name when its events overflow."""
    recorded = RecordedTelemetry(max_types=1)
    for event in ("A", "B"):
        with recorded.telemetry.projection("orders", message(event)):
            pass
    recorded.assert_projected("orders", "A")
    recorded.assert_projected("orders", catalog.OTHER_TYPE)


def test_memory_stays_bounded() -> None:
    """Ten thousand types make no more series and records than the limit."""
    recorded = RecordedTelemetry(max_types=3)
    for number in range(10_000):
        with recorded.telemetry.command(f"Command{number}") as operation:
            operation.reject(f"Reason{number}")
    assert len(recorded.points(catalog.COMMAND_ACTIVE)) == 4
    assert len(recorded.points(catalog.COMMAND_TOTAL)) <= 3 * 4 * 4
    assert len(recorded.telemetry.commands.records[catalog.LIVE]) == 4


@pytest.mark.parametrize("limit", [0, -1])
def test_an_impossible_limit_is_refused(limit: int) -> None:
    """The error names the argument and the value."""
    with pytest.raises(ValueError, match=f"max_types must be at least 1, not {limit}"):
        CqrsTelemetry(max_types=limit)


@pytest.mark.parametrize("rejection", [5, "OutOfStock", int])
def test_rejections_must_be_exception_classes(rejection: Any) -> None:
    """The error names the value, at setup instead of at the first failure."""
    with pytest.raises(TypeError, match="rejections must be exception classes"):
        CqrsTelemetry(rejections=[rejection])


def test_an_evil_type_name_stays_one_label_value() -> None:
    """Quotes and newlines in a class name cannot add labels or lines to the exposition."""
    with serve_metrics(port=0, set_global=False) as server:
        telemetry = CqrsTelemetry(meter_provider=server.meter_provider)
        with telemetry.command(message(EVIL)):
            pass
        url = f"http://127.0.0.1:{server.port}/metrics"
        with urllib.request.urlopen(url, timeout=LIMIT) as response:
            text = response.read().decode()
    samples = [
        sample
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "cqrs_command_total" and sample.value == 1
    ]
    (sample,) = samples
    assert sample.labels["command_type"] == EVIL
    assert "x" not in sample.labels
