"""Cost by counts: how often each operation calls the SDK, which does not depend on the machine."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import pytest

from cqrs_telemetry import (
    CqrsTelemetry,
    InstrumentedCommandBus,
    InstrumentedProjectionHandler,
    InstrumentedQueryBus,
)
from cqrs_telemetry.testing import RecordedTelemetry

MAKERS = ("get_tracer", "get_meter", "start_span", "create_histogram")


class Counted:
    """Gives what it wraps and counts the calls of its methods."""

    def __init__(self, wrapped: Any, calls: Counter[str]) -> None:
        self._wrapped = wrapped
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._wrapped, name)
        if not callable(value):
            return value

        def count(*args: Any, **kwargs: Any) -> Any:
            self._calls[name] += 1
            result = value(*args, **kwargs)
            return Counted(result, self._calls) if name in MAKERS else result

        return count


class Message:
    """A command, query or event."""

    aggregate_id = "o-1"

    def __init__(self) -> None:
        self.timestamp = time.time()


class Result:
    """What a command's handler returns."""

    events = ("event", "event")


class Projection(InstrumentedProjectionHandler):
    """Applies nothing."""

    def apply(self, event: Any) -> None:
        """Do nothing."""


@pytest.fixture
def calls() -> Counter[str]:
    """What has been called so far."""
    return Counter()


@pytest.fixture
def telemetry(calls: Counter[str]) -> CqrsTelemetry:
    """Telemetry on a real SDK, seen through counting wrappers."""
    recorded = RecordedTelemetry()
    tracers: Any = Counted(recorded.tracer_provider, calls)
    meters: Any = Counted(_fresh_meters(), calls)
    return CqrsTelemetry(tracer_provider=tracers, meter_provider=meters)


def _fresh_meters() -> Any:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    return MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)


SPAN = {"start_span": 1, "get_span_context": 1, "end": 1}


def run(calls: Counter[str], call: Any) -> Counter[str]:
    """Calls of the second run: the first resolves names."""
    call(Message())
    calls.clear()
    call(Message())
    return calls


def test_a_command_with_two_events(telemetry: CqrsTelemetry, calls: Counter[str]) -> None:
    """One span with its attributes at creation, one histogram, no counter call."""
    bus = InstrumentedCommandBus({Message: lambda c: Result()}, telemetry=telemetry)
    assert run(calls, bus.dispatch) == {
        **SPAN, "record": 1, "is_recording": 1, "add_event": 2, "set_attribute": 1,
    }  # fmt: skip


def test_a_command_without_events(telemetry: CqrsTelemetry, calls: Counter[str]) -> None:
    """Nothing beyond the span and the duration."""
    bus = InstrumentedCommandBus({Message: lambda c: None}, telemetry=telemetry)
    assert run(calls, bus.dispatch) == {**SPAN, "record": 1}


def test_a_query(telemetry: CqrsTelemetry, calls: Counter[str]) -> None:
    """Duration and size, and the size on the span."""
    bus = InstrumentedQueryBus({Message: lambda q: [1, 2]}, telemetry=telemetry)
    assert run(calls, bus.execute) == {**SPAN, "record": 2, "is_recording": 1, "set_attribute": 1}


def test_a_projected_event(telemetry: CqrsTelemetry, calls: Counter[str]) -> None:
    """Duration and lag; status and lag on the span in one call."""
    handler = Projection("orders", telemetry=telemetry)
    found = run(calls, handler.handle_event)
    assert found == {**SPAN, "record": 2, "is_recording": 1, "set_attributes": 1}


def test_a_batch_costs_one_span(telemetry: CqrsTelemetry, calls: Counter[str]) -> None:
    """Per event only the two histograms."""
    handler = Projection("orders", telemetry=telemetry)
    run(calls, lambda event: handler.handle_events([event] * 10))
    assert calls["start_span"] == calls["end"] == 1
    assert calls["record"] == 20


def test_nothing_is_created_per_message(telemetry: CqrsTelemetry, calls: Counter[str]) -> None:
    """Instruments, meters and tracers are made once, not while messages are handled."""
    bus = InstrumentedCommandBus({Message: lambda c: Result()}, telemetry=telemetry)
    calls.clear()
    for _ in range(100):
        bus.dispatch(Message())
    assert not {name for name in calls if name.startswith(("create_", "get_meter", "get_tracer"))}
