"""The harness for users' own tests."""

from __future__ import annotations

import pytest

from cqrs_telemetry import catalog
from cqrs_telemetry.testing import RecordedTelemetry


def test_assertions_pass_on_what_was_recorded(recorded: RecordedTelemetry) -> None:
    """One for each side, with status and count."""
    for _ in range(2):
        with recorded.telemetry.command("PlaceOrder"):
            pass
    with recorded.telemetry.query("ListOrders"):
        pass
    with recorded.telemetry.projection("orders", "OrderPlaced"):
        pass
    recorded.assert_command("PlaceOrder", count=2)
    recorded.assert_command("PlaceOrder", "error", count=0)
    recorded.assert_query("ListOrders")
    recorded.assert_projected("orders", "OrderPlaced")


def test_a_failed_assertion_says_what_was_recorded(recorded: RecordedTelemetry) -> None:
    """Expected, recorded, and all there is, so that a typo shows."""
    with recorded.telemetry.command("PlaceOrder"):
        pass
    with pytest.raises(AssertionError) as caught:
        recorded.assert_command("PlaceOrdr")
    text = str(caught.value)
    assert "command_type=PlaceOrdr command_status=success: expected 1, recorded 0" in text
    assert "'command.type': 'PlaceOrder'" in text


def test_a_failed_assertion_on_nothing_says_so(recorded: RecordedTelemetry) -> None:
    """An empty recording is told from a wrong name."""
    with pytest.raises(AssertionError, match="All of it:\n  nothing"):
        recorded.assert_query("ListOrders")
    with pytest.raises(AssertionError, match="projection_name=orders"):
        recorded.assert_projected("orders", "OrderPlaced")


def test_points_are_found_by_attributes(recorded: RecordedTelemetry) -> None:
    """Keywords name attributes with ``_`` for ``.``, also those with an underscore of their own."""
    for name in ("A", "B"):
        with recorded.telemetry.query(name) as operation:
            operation.returned([1, 2])
    assert recorded.value(catalog.QUERY_RESULT_SIZE, query_type="A") == 2
    assert recorded.count(catalog.QUERY_RESULT_SIZE) == 2
    (point,) = recorded.points(catalog.QUERY_RESULT_SIZE, query_type="B", cqrs_side="read")
    assert point.bounds == catalog.RESULT_SIZE_BOUNDS


def test_the_environments_sampler_does_not_empty_a_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's shell may turn sampling off."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    recorded = RecordedTelemetry()
    with recorded.telemetry.command("X"):
        pass
    assert len(recorded.spans("command.X")) == 1
