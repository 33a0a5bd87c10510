"""Panels that every path has, built from a stage; the paths' own panels stand in their modules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from cqrs_alerts.objective_settings import promise
from cqrs_alerts.recording import Rate
from cqrs_telemetry import catalog

from . import colors, trace_links
from .model import COLUMNS, Link, Panel, Row, Target, Text, Threshold
from .queries import NO_FAILURE, Queries
from .stages import Distribution, Stage
from .thresholds import approaching, promise_on

QUANTILE_NAMES = ("p50", "p95", "p99")
NOTHING = ((NO_FAILURE, colors.BY_STATUS[catalog.SUCCESS]),)
MILLISECONDS = "ms"
SHARE = "percentunit"
COUNT = "short"
PER_MINUTE = "suffix:/min"
_LOW = 6


def stat(
    title: str,
    description: str,
    unit: str,
    query: str,
    no_data: str,
    *,
    color: str | None = None,
    thresholds: tuple[Threshold, ...] = (),
    decimals: int | None = None,
) -> Panel:
    """One present value, for the top of a dashboard."""
    return Panel(
        title, description, "stat", unit, (Target(query, title),), no_data,
        color=color, thresholds=thresholds, decimals=decimals, width=4, height=4,
    )  # fmt: skip


def series(title: str, description: str, unit: str, query: str, legend: str, no_data: str) -> Panel:
    """One line per type, in Grafana's palette."""
    return Panel(title, description, "timeseries", unit, (Target(query, legend),), no_data)


def opening(intro: str, stats: Iterable[Panel]) -> Row:
    """The top of a dashboard: what it answers, and the state at a glance."""
    return Row("", (Text(intro), *stats))


def spread(panels: Sequence[Panel]) -> tuple[Panel, ...]:
    """The panels at equal widths over one line of the grid."""
    return tuple(replace(panel, width=COLUMNS // len(panels)) for panel in panels)


def low(panels: Iterable[Panel]) -> tuple[Panel, ...]:
    """The panels with less height: of what is rare, there is nothing to see most of the time."""
    return tuple(replace(panel, height=_LOW) for panel in panels)


def rate_now(queries: Queries, stage: Stage, verb: str) -> Panel:
    """Messages per second."""
    return stat(
        f"{stage.noun.capitalize()} {verb}",
        f"{stage.noun.capitalize()} per second, all outcomes, over the last 5 minutes. Normal is "
        "what this hour of the week usually shows. When it falls while users are active, look "
        "upstream first; when it rises, compare the latency below.",
        stage.rate_unit, queries.total(stage.rate), silent(stage),
        color=colors.BY_SIDE[stage.side],
    )  # fmt: skip


def error_share_now(queries: Queries, stage: Stage, thresholds: tuple[Threshold, ...]) -> Panel:
    """Share of messages that ended in an error."""
    return stat(
        "Error share",
        f"Share of {stage.noun} that ended in an error over the last 5 minutes; rejections by the "
        "domain do not count. Normal is 0 %. When it rises, the row Failures below names the "
        "types and exceptions.",
        SHARE, queries.share(stage.rate, stage.status, catalog.ERROR), silent(stage),
        thresholds=thresholds,
    )  # fmt: skip


def latency_now(
    queries: Queries, stage: Stage, title: str, what: str, thresholds: tuple[Threshold, ...]
) -> Panel:
    """The 95th percentile of a stage's duration."""
    return stat(
        title,
        f"{what} at the 95th percentile over the last 5 minutes, all types together. Normal is "
        "below the red threshold. When it rises, the panel by type below tells whether one type "
        "or all of them are slow.",
        MILLISECONDS, queries.present_quantile(0.95, stage.duration.buckets), silent(stage),
        thresholds=thresholds,
    )  # fmt: skip


def in_flight_now(queries: Queries, stage: Stage) -> Panel:
    """Messages being handled at this moment."""
    assert stage.active is not None  # noqa: S101 - stages without the metric do not ask
    return stat(
        "In flight",
        f"{stage.noun.capitalize()} being handled at the last scrape. Normal is about rate "
        "times latency. A number that only grows means that handlers hang: look for locks and "
        "exhausted pools.",
        COUNT, queries.total(stage.active), silent(stage),
        color=colors.BY_SIDE[stage.side], decimals=0,
    )  # fmt: skip


def duration_percentiles(queries: Queries, stage: Stage) -> Panel:
    """Median, 95th and 99th percentile of the time to handle a stage's messages."""
    return percentiles(
        queries, stage, stage.duration, "Latency percentiles",
        f"Time to handle {stage.noun}: median, 95th and 99th percentile over 5 minutes, all types "
        "together. Normal are three flat lines close to each other. When only p99 rises a few are "
        "slow (locks, one type); when p50 rises too, everything is.",
        MILLISECONDS, (trace_links.slower_spans(queries, stage.side),),
    )  # fmt: skip


def triple(queries: Queries, stage: Stage, by_type: Panel) -> tuple[Panel, Panel, Panel]:
    """The three panels that each stage has: rate by outcome, percentiles, rate by type."""
    return rate_by_outcome(queries, stage), duration_percentiles(queries, stage), by_type


def rate_by_outcome(queries: Queries, stage: Stage) -> Panel:
    """Messages per second, stacked by outcome."""
    return Panel(
        "Rate by outcome",
        f"{stage.noun.capitalize()} per second, stacked by outcome: success, rejected by the "
        "domain, error, cancelled by the caller. Normal is almost all success with a steady share "
        "of rejections. Follow a growing red band to the row Failures.",
        "timeseries", stage.rate_unit,
        (Target(queries.by(stage.rate, stage.status), queries.legend(stage.status)),),
        silent(stage), stacking="normal", colors=tuple(colors.BY_STATUS.items()),
    )  # fmt: skip


def outcome_mix(queries: Queries, stage: Stage) -> Panel:
    """Outcomes in per cent."""
    return Panel(
        "Outcome mix",
        f"Outcomes of {stage.noun} in per cent of all. Normal is a mix that stays the same while "
        "the rate varies. A change of the mix without a deployment points at callers or data; "
        "one after a deployment points at the code.",
        "timeseries", stage.rate_unit,
        (Target(queries.by(stage.rate, stage.status), queries.legend(stage.status)),),
        silent(stage), stacking="percent", colors=tuple(colors.BY_STATUS.items()),
    )  # fmt: skip


def percentiles(
    queries: Queries,
    stage: Stage,
    distribution: Distribution,
    title: str,
    description: str,
    unit: str,
    links: tuple[Link, ...] = (),
) -> Panel:
    """Median, 95th and 99th percentile of everything that the variables choose.

    What was promised of it is a line.
    """
    promised = promise_on(distribution.buckets, queries.config)
    thresholds: tuple[Threshold, ...] = ()
    if promised:
        thresholds = approaching(promised.within_ms)
        description += f" The red line is the objective: {promise(promised)}."
    targets = tuple(
        Target(queries.quantile(quantile.q, distribution.buckets), name)
        for quantile, name in zip(distribution.quantiles, QUANTILE_NAMES, strict=True)
    )
    shades = tuple(zip(QUANTILE_NAMES, colors.SHADES[stage.side], strict=True))
    return Panel(
        title, description, "timeseries", unit, targets, silent(stage),
        colors=shades, thresholds=thresholds, links=links,
    )  # fmt: skip


def heatmap(
    queries: Queries, stage: Stage, buckets: Rate, title: str, description: str, unit: str
) -> Panel:
    """The whole distribution over time."""
    return Panel(
        title, description, "heatmap", unit, (Target(queries.heat(buckets), "{{le}}"),),
        silent(stage), color=colors.SCHEME_BY_SIDE[stage.side], cell_unit=stage.rate_unit,
    )  # fmt: skip


def in_flight(queries: Queries, stage: Stage) -> Panel:
    """Messages being handled, by type."""
    assert stage.active is not None  # noqa: S101 - stages without the metric do not ask
    return series(
        "In flight by type",
        f"{stage.noun.capitalize()} being handled at each scrape, by type. Normal is a low number "
        "that follows rate times latency. A type whose line climbs and never falls has handlers "
        "that hang; take a stack dump of that process.",
        COUNT, queries.top(queries.by(stage.active, stage.type)), queries.legend(stage.type),
        silent(stage),
    )  # fmt: skip


def silent(stage: Stage) -> str:
    """What a panel says of a stage without traffic."""
    return f"no {stage.noun}"
