"""What services export in the cases: counters, histograms, levels, by the minute."""

from __future__ import annotations

from collections.abc import Mapping

from cqrs_telemetry import catalog
from cqrs_telemetry.catalog import Attribute, Metric

from ..conftest import InputSeries, Service
from .case import Traffic


def outcomes(
    metric: Metric, kind: Mapping[Attribute, str], status: Attribute, **per_minute: float
) -> Traffic:
    """A counter by outcome, ``success=95, error=5``."""

    def series(service: Service) -> InputSeries:
        return [
            line
            for outcome, often in per_minute.items()
            for line in service.counter(
                metric,
                {
                    **kind,
                    status: outcome,
                    **({catalog.ERROR_TYPE: "Boom"} if outcome == catalog.ERROR else {}),
                },
                often,
            )
        ]

    return series


def commands(**per_minute: float) -> Traffic:
    """Commands by outcome."""
    kind = {catalog.COMMAND_TYPE: "PlaceOrder"}
    return outcomes(catalog.COMMAND_TOTAL, kind, catalog.COMMAND_STATUS, **per_minute)


def queries(**per_minute: float) -> Traffic:
    """Queries by outcome."""
    kind = {catalog.QUERY_TYPE: "FindOrders"}
    return outcomes(catalog.QUERY_TOTAL, kind, catalog.QUERY_STATUS, **per_minute)


def events(**per_minute: float) -> Traffic:
    """Applied events by outcome."""
    kind = {catalog.PROJECTION_NAME: "orders", catalog.EVENT_TYPE: "OrderPlaced"}
    return outcomes(catalog.PROJECTION_TOTAL, kind, catalog.PROJECTION_STATUS, **per_minute)


def durations(
    metric: Metric, kind: Attribute, name: str, per_minute: dict[float, float]
) -> Traffic:
    """A histogram of ``{milliseconds: how often}``."""
    return lambda service: service.histogram(metric, {kind: name}, per_minute)


def command_times(per_minute: dict[float, float]) -> Traffic:
    """Durations of commands."""
    return durations(catalog.COMMAND_DURATION, catalog.COMMAND_TYPE, "PlaceOrder", per_minute)


def query_times(per_minute: dict[float, float]) -> Traffic:
    """Durations of queries."""
    return durations(catalog.QUERY_DURATION, catalog.QUERY_TYPE, "FindOrders", per_minute)


def apply_times(per_minute: dict[float, float]) -> Traffic:
    """Durations of applying events."""
    return durations(catalog.PROJECTION_DURATION, catalog.PROJECTION_NAME, "orders", per_minute)


def lags(per_minute: dict[float, float]) -> Traffic:
    """Lags of events."""
    return durations(catalog.PROJECTION_LAG, catalog.PROJECTION_NAME, "orders", per_minute)


def skewed(per_minute: float, of: float) -> Traffic:
    """Events, and how many of them come from the future."""
    labels = {catalog.PROJECTION_NAME: "orders"}
    return lambda service: [
        *service.counter(catalog.PROJECTION_CLOCK_SKEW, labels, per_minute),
        *events(success=of)(service),
    ]


def heartbeat(values: str, per_minute: float = 0) -> Traffic:
    """The counter that every process exports from its start on."""
    labels = {catalog.SIDE: catalog.WRITE, catalog.ATTRIBUTE_KEY: "command.type"}
    return lambda service: service.counter(
        catalog.TELEMETRY_OVERFLOW, labels, per_minute, in_samples(values, service)
    )


def faults(values: str, per_minute: float = 0) -> Traffic:
    """Errors of the instrumentation."""
    labels = {catalog.SIDE: catalog.READ, catalog.ERROR_TYPE: "TypeError"}
    return lambda service: service.counter(
        catalog.TELEMETRY_FAULTS, labels, per_minute, in_samples(values, service)
    )


def in_samples(values: str, service: Service) -> str:
    """Promtool's notation with minutes after each ``x``, as samples."""
    per_minute = {"1m": 1, "15s": 4}[service.interval]
    parts = (part.partition("x") for part in values.split())
    return " ".join(f"{a}{x}{int(n) * per_minute}" if x else a for a, x, n in parts)
