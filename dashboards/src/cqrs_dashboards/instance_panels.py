"""The one place that reads raw series: a collapsed row that tells instances apart.

Recorded series have no instance and carry no exemplars; both are here, and nothing is read before
someone opens the row.
"""

from __future__ import annotations

from cqrs_alerts.label_names import INSTANCE, LE
from cqrs_alerts.promql import equals, quantile, ratio, sum_by
from cqrs_telemetry import catalog

from . import trace_links
from .model import Link, Panel, Row, Target
from .panels import COUNT, MILLISECONDS, SHARE, silent, spread
from .queries import MOST_SERIES, Queries
from .stages import LAG, Distribution, Stage

TITLE = "Instances and exemplars"
_LEGEND = f"{{{{{INSTANCE}}}}}"


def instances_row(queries: Queries, stage: Stage) -> Row:
    """Rate, errors, latency, and what else the stage has, by instance."""
    more = _in_flight(queries, stage) if stage.active else _lag(queries, stage)
    panels = (_rate(queries, stage), _errors(queries, stage), _latency(queries, stage), more)
    return Row(TITLE, spread(panels), collapsed=True)


def _rate(queries: Queries, stage: Stage) -> Panel:
    return _panel(
        stage, "Rate by instance",
        f"{stage.noun.capitalize()} per second that each instance handled, the {MOST_SERIES} "
        "busiest. Normal are lines close to each other. An instance at 0 gets no work or is "
        "stuck; one far above the others has more than its share.",
        stage.rate_unit, sum_by([INSTANCE], queries.raw_rate(stage.rate)),
    )  # fmt: skip


def _errors(queries: Queries, stage: Stage) -> Panel:
    failed = equals(queries.raw_label(stage.status), catalog.ERROR)
    whole = sum_by([INSTANCE], queries.raw_rate(stage.rate))
    errors = sum_by([INSTANCE], queries.raw_rate(stage.rate, failed))
    return _panel(
        stage, "Error share by instance",
        f"Share of {stage.noun} that ended in an error, by instance, the {MOST_SERIES} highest. "
        "Normal is 0 %. One instance alone: its host, its version, its connections. Take it out "
        "of rotation first, look into it afterwards.",
        SHARE, ratio(f"{errors} or 0 * {whole}", whole),
    )  # fmt: skip


def _latency(queries: Queries, stage: Stage) -> Panel:
    return _quantile(
        queries, stage, stage.duration, 0.95, "Latency p95 by instance",
        f"95th percentile of the time to handle {stage.noun}, by instance, the {MOST_SERIES} "
        "slowest; the points are exemplars, single operations with a trace. Normal are lines close "
        "to each other. One slow instance: its host or its garbage collector.",
        trace_links.slower_spans(queries, stage.side),
    )  # fmt: skip


def _lag(queries: Queries, stage: Stage) -> Panel:
    return _quantile(
        queries, stage, LAG, 0.99, "Lag p99 by instance",
        f"99th percentile of the age of events when they became visible, by instance, the "
        f"{MOST_SERIES} latest; the points are exemplars, single events with a trace. Normal are "
        "lines close to each other. One late instance: its partition or its host.",
        trace_links.later_spans(queries),
    )  # fmt: skip


def _quantile(
    queries: Queries,
    stage: Stage,
    distribution: Distribution,
    q: float,
    title: str,
    description: str,
    link: Link,
) -> Panel:
    bound = [LE] if queries.config.histograms == "classic" else []
    buckets = sum_by([INSTANCE, *bound], queries.raw_rate(distribution.buckets))
    return _panel(
        stage, title, description, MILLISECONDS, quantile(q, buckets), exemplars=True, links=(link,)
    )


def _in_flight(queries: Queries, stage: Stage) -> Panel:
    assert stage.active is not None  # noqa: S101 - stages without the metric do not ask
    return _panel(
        stage, "In flight by instance",
        f"{stage.noun.capitalize()} being handled at each scrape, by instance, the {MOST_SERIES} "
        "highest. Normal are low numbers. One that climbs and never falls has handlers that hang: "
        "take a stack dump there.",
        COUNT, sum_by([INSTANCE], queries.raw(stage.active.metric)),
    )  # fmt: skip


def _panel(
    stage: Stage,
    title: str,
    description: str,
    unit: str,
    query: str,
    *,
    exemplars: bool = False,
    links: tuple[Link, ...] = (),
) -> Panel:
    target = Target(Queries.top(query), _LEGEND, exemplars)
    return Panel(
        title, description, "timeseries", unit, (target,), silent(stage), links=links
    )  # fmt: skip
