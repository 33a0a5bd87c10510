"""Cost by counts, which do not depend on the machine: calls of the SDK, calls of our own, memory.

Times are for ``make bench``, which compares them side by side. A bound that is exceeded here is a
decision: either the operation does more than it did, or it got slower for nothing.
"""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import NoOpTracerProvider

import cqrs_telemetry
from cqrs_telemetry import (
    CqrsTelemetry,
    InstrumentedCommandBus,
    InstrumentedProjectionHandler,
    InstrumentedQueryBus,
    _operation,
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

    def __init__(self) -> None:
        self.events = ("event", "event")


class Projection(InstrumentedProjectionHandler):
    """Applies nothing."""

    def apply(self, event: Any) -> None:
        """Do nothing."""


@pytest.fixture(autouse=True)
def nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests in this process may have imported ``current_operation``, which has its cost."""
    monkeypatch.setattr(_operation, "_tracks", False)


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


SPAN = {"start_span": 1, "is_recording": 1, "end": 1}


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
        **SPAN, "record": 1, "add_event": 2, "set_attribute": 1,
    }  # fmt: skip


def test_a_command_without_events(telemetry: CqrsTelemetry, calls: Counter[str]) -> None:
    """Nothing beyond the span and the duration."""
    bus = InstrumentedCommandBus({Message: lambda c: None}, telemetry=telemetry)
    assert run(calls, bus.dispatch) == {**SPAN, "record": 1}


def test_a_query(telemetry: CqrsTelemetry, calls: Counter[str]) -> None:
    """Duration and size, and the size on the span."""
    bus = InstrumentedQueryBus({Message: lambda q: [1, 2]}, telemetry=telemetry)
    assert run(calls, bus.execute) == {**SPAN, "record": 2, "set_attribute": 1}


def test_a_projected_event(telemetry: CqrsTelemetry, calls: Counter[str]) -> None:
    """Duration and lag; status and lag on the span in one call."""
    handler = Projection("orders", telemetry=telemetry)
    found = run(calls, handler.handle_event)
    assert found == {**SPAN, "record": 2, "set_attributes": 1}


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


def operations(telemetry: CqrsTelemetry) -> dict[str, Callable[[], Any]]:
    """A command with one event, a query and a projected event, known already."""
    result, rows, message = [Message()], [1, 2], Message()
    produced = SimpleNamespace(events=result)
    commands = InstrumentedCommandBus({"Message": lambda c: produced}, telemetry=telemetry)
    queries = InstrumentedQueryBus({"Message": lambda q: rows}, telemetry=telemetry)
    projection = Projection("orders", telemetry=telemetry)
    found: dict[str, Callable[[], Any]] = {
        "command": lambda: commands.dispatch(message),
        "query": lambda: queries.execute(message),
        "projection": lambda: projection.handle_event(message),
    }
    for operation in found.values():
        for _ in range(3):
            operation()
    return found


def own_calls(operation: Callable[[], Any]) -> int:
    """Calls of Python functions of this package during an operation.

    Not those of finalizers, for which other tests may have left something to collect.
    """
    package = str(Path(cqrs_telemetry.__file__).parent)
    calls = 0

    def count(frame: Any, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event == "call" and frame.f_code.co_filename.startswith(package)

    profiler = sys.getprofile()
    gc.disable()
    sys.setprofile(count)
    try:
        operation()
    finally:
        sys.setprofile(profiler)
        gc.enable()
    return calls


def silent() -> CqrsTelemetry:
    """Telemetry of a process without an SDK."""
    return CqrsTelemetry(tracer_provider=NoOpTracerProvider(), meter_provider=NoOpMeterProvider())


def test_calls_of_our_own_without_an_sdk() -> None:
    """Each call costs as much as ten lines that it holds."""
    found = {name: own_calls(operation) for name, operation in operations(silent()).items()}
    assert found["command"] <= 12
    assert found["query"] <= 13
    assert found["projection"] <= 16


@pytest.mark.parametrize("sampled", [True, False], ids=["recorded", "unsampled"])
def test_calls_of_our_own_with_an_sdk(sampled: bool) -> None:
    """A few more than without: the span's description and its context."""
    tracers = TracerProvider(shutdown_on_exit=False)
    if not sampled:
        tracers.sampler = ALWAYS_OFF
    telemetry = CqrsTelemetry(tracer_provider=tracers, meter_provider=_fresh_meters())
    found = {name: own_calls(operation) for name, operation in operations(telemetry).items()}
    assert found["command"] <= 14
    assert found["query"] <= 14
    assert found["projection"] <= 18


def test_without_an_sdk_spans_are_not_described(calls: Counter[str]) -> None:
    """One bare span per operation shows that there is still no SDK."""
    tracers: Any = Counted(NoOpTracerProvider(), calls)
    tracers.get_tracer("warm up")
    telemetry = CqrsTelemetry(tracer_provider=tracers, meter_provider=NoOpMeterProvider())
    for operation in operations(telemetry).values():
        calls.clear()
        operation()
        assert not {name for name in calls if name.startswith(("set_", "add_"))}


ROUNDS = 5


def peak_bytes(operation: Callable[[], Any]) -> int:
    """Memory that an operation takes at most: the least of some rounds.

    Threads that other tests left behind allocate too.
    """
    found = []
    tracemalloc.start()
    try:
        operation()
        for _ in range(ROUNDS):
            before, _ = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            operation()
            found.append(tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()
    return min(found)


def bytes_left_behind(operation: Callable[[], Any]) -> int:
    """Memory that was taken below a frame of this package during 200 operations, and still is."""
    package = str(Path(cqrs_telemetry.__file__).parent / "*")
    gc.collect()
    tracemalloc.start(25)
    try:
        for _ in range(200):
            operation()
        gc.collect()
        taken = tracemalloc.take_snapshot()
    finally:
        tracemalloc.stop()
    ours = taken.filter_traces([tracemalloc.Filter(True, package, all_frames=True)])
    return sum(trace.size for trace in ours.traces)


def test_operations_leave_no_memory_behind() -> None:
    """What one operation takes is given back when it ends, and is less than 2 KB."""
    for name, operation in operations(silent()).items():
        assert peak_bytes(operation) < 2_000, name
        # A table may grow once; a leak shows each time.
        assert min(bytes_left_behind(operation) for _ in range(3)) < 500, name


def test_memory_left_behind_is_seen() -> None:
    """The measure above tells an operation that keeps 20 bytes, whoever allocates them."""
    kept: list[bytearray] = []

    def keep(_command: Any) -> None:
        kept.append(bytearray(20))

    bus = InstrumentedCommandBus({"Message": keep}, telemetry=silent())
    message = Message()
    bus.dispatch(message)
    assert bytes_left_behind(lambda: bus.dispatch(message)) > 200 * 20
