"""Assertions on what a service records, for its own tests; needs ``cqrs-telemetry[testing]``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

try:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import (
        HistogramDataPoint,
        InMemoryMetricReader,
        NumberDataPoint,
    )
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON
except ImportError as missing:
    raise ImportError(
        f"{missing.name} is not installed: pip install 'cqrs-telemetry[testing]'",
        name=missing.name,
    ) from missing

from . import catalog
from .catalog import Metric, Status
from .telemetry import CqrsTelemetry


@dataclass(frozen=True)
class Point:
    """One attribute set of one metric; ``value`` is the sum of a histogram's values."""

    attributes: Mapping[str, Any]
    value: float
    count: int  # of a histogram's values; 1 elsewhere
    bounds: tuple[float, ...] = ()


class RecordedTelemetry:
    """Telemetry that stays in memory: pass ``telemetry`` to what is tested, then ask.

    Keywords are passed on to ``CqrsTelemetry``. Attribute names in keywords have ``_`` for ``.``:
    ``value(catalog.COMMAND_TOTAL, command_type="PlaceOrder")``.
    """

    def __init__(self, **options: Any) -> None:
        self._spans = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        # Whatever OTEL_TRACES_SAMPLER says, and without an exit handler per test.
        self.tracer_provider = TracerProvider(sampler=ALWAYS_ON, shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._spans))
        self.meter_provider = MeterProvider([self._reader], shutdown_on_exit=False)
        self.telemetry = CqrsTelemetry(
            tracer_provider=self.tracer_provider, meter_provider=self.meter_provider, **options
        )

    def spans(self, name: str | None = None) -> list[ReadableSpan]:
        """Finished spans in the order of their ends, all or those of one name."""
        self.telemetry.commands.ends.report_waiting()
        return [s for s in self._spans.get_finished_spans() if name in (None, s.name)]

    def points(self, metric: Metric, **attributes: str) -> list[Point]:
        """Points of a metric whose attributes include the given ones."""
        data = self._reader.get_metrics_data()
        found = [
            _point(point)
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for recorded in scope.metrics
            if recorded.name == metric.name
            for point in recorded.data.data_points
        ]
        wanted = {key.replace("_", "."): value for key, value in attributes.items()}
        return [
            p
            for p in found
            if wanted.items() <= {k.replace("_", "."): v for k, v in p.attributes.items()}.items()
        ]

    def value(self, metric: Metric, **attributes: str) -> float:
        """Sum over the points; 0 when there are none."""
        return sum(point.value for point in self.points(metric, **attributes))

    def count(self, metric: Metric, **attributes: str) -> int:
        """Number of values that a histogram recorded."""
        return sum(point.count for point in self.points(metric, **attributes))

    def assert_command(self, name: str, status: Status = "success", count: int = 1) -> None:
        """Assert that a command ended ``count`` times with ``status``."""
        self._assert(catalog.COMMAND_TOTAL, count, command_type=name, command_status=status)

    def assert_query(self, name: str, status: Status = "success", count: int = 1) -> None:
        """Assert that a query ended ``count`` times with ``status``."""
        self._assert(catalog.QUERY_TOTAL, count, query_type=name, query_status=status)

    def assert_projected(
        self, projection: str, event: str, status: Status = "success", count: int = 1
    ) -> None:
        """Assert that a projection handled ``count`` events of a type with ``status``."""
        self._assert(
            catalog.PROJECTION_TOTAL,
            count,
            projection_name=projection,
            event_type=event,
            projection_status=status,
        )

    def _assert(self, metric: Metric, expected: int, **attributes: str) -> None:
        actual = self.value(metric, **attributes)
        if actual != expected:
            wanted = " ".join(f"{k}={v}" for k, v in attributes.items())
            recorded = [f"  {p.value:g} {dict(p.attributes)}" for p in self.points(metric)]
            raise AssertionError(
                f"{metric.name} {wanted}: expected {expected}, recorded {actual:g}. All of it:\n"
                + ("\n".join(recorded) or "  nothing")
            )


def _point(point: Any) -> Point:
    attributes = dict(point.attributes or {})
    if isinstance(point, HistogramDataPoint):
        return Point(attributes, point.sum, point.count, tuple(point.explicit_bounds))
    if isinstance(point, NumberDataPoint):
        return Point(attributes, point.value, 1)
    raise TypeError(f"unexpected data point {point!r}")
