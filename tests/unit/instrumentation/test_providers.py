"""Which providers are used: the globals, also when set later; explicit ones; none at all."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref

import pytest
from opentelemetry.sdk.metrics import MeterProvider, ObservableCounter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    InMemoryMetricReader,
    NumberDataPoint,
)

from cqrs_telemetry import CqrsTelemetry, catalog
from cqrs_telemetry.testing import RecordedTelemetry
from waits import LIMIT

PRELUDE = """
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from cqrs_telemetry import CqrsTelemetry, InstrumentedCommandBus
reader, spans = InMemoryMetricReader(), InMemorySpanExporter()
meters, tracers = MeterProvider([reader]), TracerProvider()
tracers.add_span_processor(SimpleSpanProcessor(spans))
def install():
    metrics.set_meter_provider(meters)
    trace.set_tracer_provider(tracers)
class PlaceOrder: pass
handlers = {"PlaceOrder": lambda command: None}
def report():
    data = reader.get_metrics_data()
    points = {
        metric.name: sum(getattr(p, "value", None) or getattr(p, "count", 0)
                         for p in metric.data.data_points)
        for resource in data.resource_metrics
        for scope in resource.scope_metrics for metric in scope.metrics
    }
    print(points["cqrs.command.total"], points["cqrs.command.duration"],
          len(spans.get_finished_spans()))
"""

PROGRAMS = {
    "set before": "install(); InstrumentedCommandBus(handlers).dispatch(PlaceOrder()); report()",
    "set later": (
        "bus = InstrumentedCommandBus(handlers); install(); bus.dispatch(PlaceOrder()); report()"
    ),
    "explicit first, then global": (
        "one = CqrsTelemetry(meter_provider=meters, tracer_provider=tracers); install()\n"
        "bus = InstrumentedCommandBus(handlers)\n"
        "bus.dispatch(PlaceOrder()); report()"
    ),
    "global first, then explicit": (
        "InstrumentedCommandBus(handlers); install()\n"
        "one = CqrsTelemetry(meter_provider=meters, tracer_provider=tracers)\n"
        "InstrumentedCommandBus(handlers, telemetry=one).dispatch(PlaceOrder()); report()"
    ),
}


@pytest.mark.parametrize("order", PROGRAMS)
def test_global_providers_in_any_order(order: str) -> None:
    """Set before or after the bus was built, shared with explicit use: each command counts once."""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", PRELUDE + PROGRAMS[order]],
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT,
    )
    assert (result.stdout, result.stderr) == ("1 1 1\n", "")


def test_two_telemetries_on_one_provider_add_up(recorded: RecordedTelemetry) -> None:
    """Instances share instruments: the SDK would ignore the callbacks of the second."""
    other = CqrsTelemetry(
        tracer_provider=recorded.tracer_provider, meter_provider=recorded.meter_provider
    )
    for telemetry in (recorded.telemetry, other, recorded.telemetry):
        with telemetry.command("PlaceOrder"):
            pass
    recorded.assert_command("PlaceOrder", count=3)
    assert recorded.count(catalog.COMMAND_DURATION) == 3


def test_two_providers_are_apart() -> None:
    """What one provider records the other does not."""
    one, two = RecordedTelemetry(), RecordedTelemetry()
    with one.telemetry.command("PlaceOrder"):
        pass
    one.assert_command("PlaceOrder")
    assert two.value(catalog.COMMAND_TOTAL) == 0


def test_a_provider_is_not_kept_alive() -> None:
    """Services that rebuild their SDK, and test suites, do not pile up providers."""
    provider = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
    with CqrsTelemetry(meter_provider=provider).command("X"):
        pass
    alive = weakref.ref(provider)
    provider.shutdown()
    del provider
    gc.collect()
    assert alive() is None


NO_SDK = """
import sys
sys.modules["opentelemetry.sdk"] = None  # as if it were not installed
from cqrs_telemetry import (
    CqrsTelemetry, InstrumentedCommandBus, InstrumentedProjectionHandler, InstrumentedQueryBus,
    inject_context)
class Message: timestamp = 1_700_000_000
class Projection(InstrumentedProjectionHandler):
    def apply(self, event): return "applied"
print(InstrumentedCommandBus({Message: lambda c: "done"}).dispatch(Message()),
      list(InstrumentedQueryBus({Message: lambda q: (r for r in [1, 2])}).execute(Message())),
      Projection("orders").handle_event(Message(), inject_context({})),
      Projection("orders").handle_events([Message()], [{}]))
try:
    InstrumentedCommandBus({}).dispatch(Message())
except ValueError as error:
    print(error)
"""


def test_without_an_sdk_everything_runs() -> None:
    """The API alone is enough for a library that only offers telemetry."""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", NO_SDK],
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT,
    )
    expected = "done [1, 2] applied None\nNo handler for Message\n"
    assert (result.stdout, result.stderr) == (expected, "")


def test_delta_temporality_exports_what_is_new() -> None:
    """Backends that want differences get them from the cells' totals; active stays a level."""
    reader = InMemoryMetricReader(
        preferred_temporality={ObservableCounter: AggregationTemporality.DELTA}
    )
    provider = MeterProvider([reader], shutdown_on_exit=False)
    telemetry = CqrsTelemetry(meter_provider=provider)
    found = []
    for commands in (3, 2, 0):
        for _ in range(commands):
            with telemetry.command("PlaceOrder"):
                pass
        data = reader.get_metrics_data()
        assert data is not None
        found.append(
            sum(
                point.value
                for scope in data.resource_metrics[0].scope_metrics
                for metric in scope.metrics
                if metric.name == catalog.COMMAND_TOTAL.name
                for point in metric.data.data_points
                if isinstance(point, NumberDataPoint)
            )
        )
    assert found == [3, 2, 0]
