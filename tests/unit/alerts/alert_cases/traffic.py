"""What services export in the cases: counters, histograms, levels, by the minute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cqrs_alerts.promql import equals, select
from cqrs_alerts.recording import Recording
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


Phase = tuple[int, float | None]  # minutes, and what happens a minute; None: nothing is seen


def per_minute_samples(service: Service) -> int:
    """Samples that a service has each minute."""
    return {"1m": 1, "15s": 4}[service.interval]


def climbing(service: Service, phases: Sequence[Phase], instances: int = 2) -> str:
    """Samples of a counter that climbs by so much a minute, shared by the instances."""
    each, value, parts = per_minute_samples(service), 0.0, list[str]()
    for minutes, often in phases:
        count = minutes * each
        if often is None:
            parts.append(f"_x{count}")
            continue
        step = often / instances / each
        first = value + step if parts else value
        more = count - 1 if parts else count
        parts.append(f"{first:.12g}+{step:.12g}x{more}")
        value = first + step * more
    return " ".join(parts)


def counted(metric: Metric, labels: Mapping[Attribute, str], *phases: Phase) -> Traffic:
    """A counter of two instances, in phases."""
    return lambda service: service.counter(metric, labels, 0, climbing(service, phases))


def standing(service: Service, phases: Sequence[Phase]) -> str:
    """Samples of a level, in phases."""
    each = per_minute_samples(service)
    return " ".join(
        f"_x{minutes * each}"
        if level is None
        else f"{level:g}x{minutes * each - (1 if number else 0)}"
        for number, (minutes, level) in enumerate(phases)
    )


def begun(
    metric: Metric, labels: Mapping[Attribute, str], minute: int, value: float = 1
) -> Traffic:
    """A counter of one instance that begins at so much, and stays there."""
    return lambda service: service.counter(
        metric, labels, 0, in_samples(f"_x{minute} {value:g}x60", service)
    )[:1]


def held(metric: Metric, labels: Mapping[Attribute, str], *phases: Phase) -> Traffic:
    """A level that each of two instances holds, in phases."""
    return lambda service: service.counter(metric, labels, 0, standing(service, phases))


def observed(
    metric: Metric, labels: Mapping[Attribute, str], *phases: tuple[int, Mapping[float, float]]
) -> Traffic:
    """A histogram in phases of ``{observed value: how often a minute}``."""

    def series(service: Service) -> InputSeries:
        lines = list[dict[str, str]]()
        shapes = [service.histogram(metric, labels, dict(often)) for _, often in phases]
        for number, line in enumerate(shapes[0]):
            rates = tuple(
                (
                    minutes,
                    float(shape[number]["values"].partition("+")[2].partition("x")[0])
                    * per_minute_samples(service),
                )
                for (minutes, _), shape in zip(phases, shapes, strict=True)
            )
            lines.append({**line, "values": climbing(service, rates, instances=1)})
        return lines

    return series


def together(*traffics: Traffic) -> Traffic:
    """All of them."""
    return lambda service: [line for traffic in traffics for line in traffic(service)]


def of_job(job: str, traffic: Traffic) -> Traffic:
    """The same, exported by another job."""
    return lambda service: traffic(replace(service, group={**service.group, "job": job}))


def raw(
    name: str,
    labels: Mapping[str, str],
    *phases: Phase,
    grouped: bool = False,
    climbs: bool = False,
) -> Traffic:
    """One series of another program, with the service's group labels or without."""

    def series(service: Service) -> InputSeries:
        every = {**(service.group if grouped else {}), **labels}
        values = climbing(service, phases, instances=1) if climbs else standing(service, phases)
        selector = select(name, [equals(key, value) for key, value in every.items()])
        return [{"series": selector, "values": values}]

    return series


def recorded(recording: Recording, labels: Mapping[str, str], *phases: Phase) -> Traffic:
    """One recorded series as it is, in phases: what rules make of raw ones is tested apart."""
    return raw(recording.name, labels, *phases, grouped=True)


def with_quantile(metric: Metric, q: float, value: float) -> dict[float, float]:
    """A hundred observations a minute of which Prometheus takes ``value`` for the quantile."""
    low = max(bound for bound in metric.bounds if bound < value)
    high = min(bound for bound in metric.bounds if bound >= value)
    within = (value - low) / (high - low)  # of the bucket's width: it interpolates
    below = (q - within) / (1 - within)
    return {low: 100 * below, high: 100 * (1 - below)}
