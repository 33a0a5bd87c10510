"""What the package takes apart from time per operation: at import, and in memory per type."""

from __future__ import annotations

import gc
import statistics
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator

from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.trace import NoOpTracerProvider
from peers import Placed
from providers import always_on
from timing import Times

from cqrs_telemetry import CqrsTelemetry, InstrumentedCommandBus

_IMPORT = """
import time
import opentelemetry.context, opentelemetry.metrics, opentelemetry.propagate, opentelemetry.trace
start = time.process_time()
import cqrs_telemetry
print(time.process_time() - start)
"""


def import_milliseconds(repeats: int) -> Times:
    """Import of cqrs_telemetry in a new interpreter that has the parts of the API already."""
    found = [
        float(subprocess.check_output([sys.executable, "-c", _IMPORT])) * 1000
        for _ in range(repeats)
    ]
    return Times(min(found), statistics.median(found))


def memory_by_types() -> Iterator[tuple[str, int, float]]:
    """Bytes held for distinct command types, in total, ours and the SDK's; also past the limit."""
    for tracing in ("no SDK", "always on"):
        for types in (1, 100, 200, 1000, 10_000):
            yield tracing, types, _bytes(tracing, types)


def _bytes(tracing: str, types: int) -> float:
    # Not the global providers: what is made for those stays.
    tracers, meters = (
        always_on() if tracing == "always on" else (NoOpTracerProvider(), NoOpMeterProvider())
    )
    telemetry = CqrsTelemetry(tracer_provider=tracers, meter_provider=meters)
    result = Placed()
    bus = InstrumentedCommandBus({}, telemetry=telemetry)
    names = [f"Command{number:05}" for number in range(types)]
    classes = [type(name, (), {"aggregate_id": "order-1"}) for name in names]
    bus.handlers = dict.fromkeys(names, lambda _: result)
    messages = [cls() for cls in classes]
    gc.collect()
    tracemalloc.start()
    try:
        for message in messages:
            bus.dispatch(message)
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return held
