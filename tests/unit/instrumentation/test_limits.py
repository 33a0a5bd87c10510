"""Names without end, and names that try to break out of a label."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from cqrs_telemetry import CqrsTelemetry, InstrumentedCommandBus, catalog
from cqrs_telemetry.testing import RecordedTelemetry


@pytest.fixture
def limited() -> RecordedTelemetry:
    """Telemetry that keeps three values of each attribute."""
    return RecordedTelemetry(max_types=3)


def test_types_past_the_limit_fold(
    limited: RecordedTelemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """The first names stay, later ones become one, warned of once and counted each time."""
    for number in range(10):
        with limited.telemetry.command(f"Command{number}"):
            pass
    types = {p.attributes["command.type"] for p in limited.points(catalog.COMMAND_TOTAL)}
    assert types == {"Command0", "Command1", "Command2", catalog.OTHER_TYPE}
    limited.assert_command(catalog.OTHER_TYPE, count=7)
    assert limited.value(catalog.TELEMETRY_OVERFLOW, attribute_key="command.type") == 7
    warnings = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "raise max_types" in warnings[0].getMessage()


def test_folded_span_still_tells_the_real_type(limited: RecordedTelemetry) -> None:
    """Span names are bounded like labels; the attribute has the real name."""
    for number in range(4):
        with limited.telemetry.query(f"Query{number}"):
            pass
    last = limited.spans()[-1]
    assert last.name == "query._other"
    assert (last.attributes or {})["cqrs.query.type"] == "Query3"


def test_memory_stays_bounded(limited: RecordedTelemetry) -> None:
    """Ten thousand types make no more series than the limit."""
    for number in range(10_000):
        with limited.telemetry.command(f"Command{number}") as operation:
            operation.reject(f"Reason{number}")
    assert len(limited.points(catalog.COMMAND_ACTIVE)) == 4
    assert len(limited.points(catalog.COMMAND_TOTAL)) <= 3 * 4 * 4
    assert len(limited.telemetry.commands._records) == 4


def test_error_types_are_bounded(limited: RecordedTelemetry) -> None:
    """error.type folds as well, with one value on span and metric."""
    for number in range(5):
        error = type(f"Error{number}", (Exception,), {})
        with pytest.raises(error), limited.telemetry.command("PlaceOrder"):
            raise error
    assert limited.value(catalog.COMMAND_TOTAL, error_type=catalog.OTHER_TYPE) == 2
    assert (limited.spans()[-1].attributes or {})["error.type"] == catalog.OTHER_TYPE


def test_event_types_are_bounded(limited: RecordedTelemetry) -> None:
    """Types of produced events fold too, and all events stay counted."""
    events = [type(f"Event{number}", (), {})() for number in range(5)]
    with limited.telemetry.command("Import") as operation:
        operation.produced(events)
    assert limited.value(catalog.EVENTS_PRODUCED) == 5
    assert limited.value(catalog.EVENTS_PRODUCED, event_type=catalog.OTHER_TYPE) == 2


def test_name_that_attacks_the_exposition(recorded: RecordedTelemetry) -> None:
    """A class name with quotes, braces and line ends is only a name."""
    evil = 'evil"}\n{x="1'
    command: Any = type(evil, (), {})()
    bus = InstrumentedCommandBus({evil: lambda _: None}, telemetry=recorded.telemetry)
    bus.dispatch(command)
    recorded.assert_command(evil)


@pytest.mark.parametrize("limit", [0, -1])
def test_impossible_limit_is_refused(limit: int) -> None:
    """A limit below one would record nothing under any name."""
    with pytest.raises(ValueError, match=f"max_types must be at least 1, not {limit}"):
        CqrsTelemetry(max_types=limit)


@pytest.mark.parametrize("rejection", [ValueError("x"), "ValueError", int])
def test_rejection_that_is_no_exception_class_is_refused(rejection: Any) -> None:
    """A typo in rejections is found at start-up, not at the first failure."""
    with pytest.raises(TypeError, match="rejections must be exception classes"):
        CqrsTelemetry(rejections=[rejection])
