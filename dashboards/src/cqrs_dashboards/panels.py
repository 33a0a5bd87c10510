"""Panels that every path has, built from a stage; the paths' own panels stand in their modules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from cqrs_alerts import recording
from cqrs_alerts.promql import differs, equals
from cqrs_alerts.recording import Rate
from cqrs_telemetry import catalog

from . import colors
from .model import COLUMNS, Panel, Row, Target, Text, Threshold
from .queries import MOST_SERIES, NO_FAILURE, Queries
from .stages import Distribution, Stage

QUANTILE_NAMES = ("p50", "p95", "p99")
_NOTHING = ((NO_FAILURE, colors.BY_STATUS[catalog.SUCCESS]),)
MILLISECONDS = "ms"
SHARE = "percentunit"
COUNT = "short"


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
    return Row("", (Text("About this dashboard", intro), *stats))


def spread(panels: Sequence[Panel]) -> tuple[Panel, ...]:
    """The panels at equal widths over one line of the grid."""
    return tuple(replace(panel, width=COLUMNS // len(panels)) for panel in panels)


def rate_now(queries: Queries, stage: Stage, verb: str) -> Panel:
    """Messages per second."""
    return stat(
        f"{stage.noun.capitalize()} {verb}",
        f"{stage.noun.capitalize()} per second, all outcomes, over the last 5 minutes. Normal is "
        "what this hour of the week usually shows. When it falls while users are active, look "
        "upstream first; when it rises, compare the latency below.",
        stage.rate_unit, queries.total(stage.rate), _silent(stage),
        color=colors.BY_SIDE[stage.side],
    )  # fmt: skip


def error_share_now(queries: Queries, stage: Stage, thresholds: tuple[Threshold, ...]) -> Panel:
    """Share of messages that ended in an error."""
    return stat(
        "Error share",
        f"Share of {stage.noun} that ended in an error over the last 5 minutes; rejections by the "
        "domain do not count. Normal is 0 %. When it rises, the row Failures below names the "
        "types and exceptions.",
        SHARE, queries.share(stage.rate, stage.status, catalog.ERROR), _silent(stage),
        thresholds=thresholds,
    )  # fmt: skip


def latency_now(
    queries: Queries, stage: Stage, title: str, what: str, thresholds: tuple[Threshold, ...]
) -> Panel:
    """The 95th percentile of a stage's duration."""
    return stat(
        title,
        f"{what} at the 95th percentile over the last 5 minutes, all types together. Normal is "
        "below the first threshold. When it rises, the panel by type below tells whether one type "
        "or all of them are slow.",
        MILLISECONDS, queries.present_quantile(0.95, stage.duration.buckets), _silent(stage),
        color=colors.BY_SIDE[stage.side], thresholds=thresholds,
    )  # fmt: skip


def in_flight_now(queries: Queries, stage: Stage) -> Panel:
    """Messages being handled at this moment."""
    assert stage.active is not None  # noqa: S101 - stages without the metric do not ask
    return stat(
        "In flight",
        f"{stage.noun.capitalize()} being handled at the last scrape. Normal is about rate "
        "times latency. A number that only grows means that handlers hang: look for locks and "
        "exhausted pools.",
        COUNT, queries.total(stage.active), _silent(stage),
        color=colors.BY_SIDE[stage.side], decimals=0,
    )  # fmt: skip


def triple(queries: Queries, stage: Stage, by_type: Panel) -> tuple[Panel, Panel, Panel]:
    """The three panels that each stage has: rate by outcome, percentiles, rate by type."""
    return (
        rate_by_outcome(queries, stage),
        percentiles(
            queries, stage, stage.duration, "Latency percentiles",
            f"Time to handle {stage.noun}: median, 95th and 99th percentile over 5 minutes, all "
            "types together. Normal are three flat lines close to each other. When only p99 "
            "rises a few are slow (locks, one type); when p50 rises too, everything is.",
            MILLISECONDS,
        ),
        by_type,
    )  # fmt: skip


def rate_by_outcome(queries: Queries, stage: Stage) -> Panel:
    """Messages per second, stacked by outcome."""
    return Panel(
        "Rate by outcome",
        f"{stage.noun.capitalize()} per second, stacked by outcome: success, rejected by the "
        "domain, error, cancelled by the caller. Normal is almost all success with a steady share "
        "of rejections. Follow a growing red band to the row Failures.",
        "timeseries", stage.rate_unit,
        (Target(queries.by(stage.rate, stage.status), queries.legend(stage.status)),),
        _silent(stage), stacking="normal", colors=tuple(colors.BY_STATUS.items()),
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
        _silent(stage), stacking="percent", colors=tuple(colors.BY_STATUS.items()),
    )  # fmt: skip


def percentiles(
    queries: Queries,
    stage: Stage,
    distribution: Distribution,
    title: str,
    description: str,
    unit: str,
    thresholds: tuple[Threshold, ...] = (),
) -> Panel:
    """Median, 95th and 99th percentile of everything that the variables choose."""
    targets = tuple(
        Target(queries.quantile(quantile.q, distribution.buckets), name)
        for quantile, name in zip(distribution.quantiles, QUANTILE_NAMES, strict=True)
    )
    shades = tuple(zip(QUANTILE_NAMES, colors.shades(stage.side), strict=True))
    return Panel(
        title, description, "timeseries", unit, targets, _silent(stage),
        colors=shades, thresholds=thresholds,
    )  # fmt: skip


def heatmap(
    queries: Queries, stage: Stage, buckets: Rate, title: str, description: str, unit: str
) -> Panel:
    """The whole distribution over time."""
    return Panel(
        title, description, "heatmap", unit, (Target(queries.heat(buckets), "{{le}}"),),
        _silent(stage), color=colors.SCHEME_BY_SIDE[stage.side],
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
        _silent(stage),
    )  # fmt: skip


def error_ratio_by_type(queries: Queries, stage: Stage, thresholds: tuple[Threshold, ...]) -> Panel:
    """Share of errors of each type."""
    return Panel(
        f"Error share by {stage.kind}",
        f"Share of errors by {stage.kind}, the {MOST_SERIES} highest; with several jobs chosen, "
        "the worst of them. Normal is 0 %. One type alone points at its handler, all types "
        "together at what they share: the store, the network, a deployment.",
        "timeseries", SHARE,
        (Target(queries.worst(stage.error_ratio, stage.type), queries.legend(stage.type)),),
        _silent(stage), thresholds=thresholds,
    )  # fmt: skip


def errors_by_exception(queries: Queries, stage: Stage) -> Panel:
    """Errors per second by exception."""
    failed = equals(queries.label(stage.status), catalog.ERROR)
    return Panel(
        "Errors by exception",
        f"Errors per second by exception class (error.type), the {MOST_SERIES} most frequent; "
        "Normal is 'none' at 0. A class that is new since a deployment is the first suspect; "
        "timeouts and connection errors point at the store.",
        "timeseries", stage.rate_unit,
        (
            Target(
                queries.incidents(
                    stage.failures, queries.total(stage.rate), (catalog.ERROR_TYPE,), failed
                ),
                queries.legend(catalog.ERROR_TYPE),
            ),
        ),
        _silent(stage), stacking="normal", colors=_NOTHING,
    )  # fmt: skip


def failing_types(queries: Queries, stage: Stage, *by: catalog.Attribute) -> Panel:
    """Table of what fails now, with which outcome and exception."""
    attributes = (*by, stage.status, catalog.ERROR_TYPE)
    headings = {
        stage.status: "Outcome", catalog.ERROR_TYPE: "Exception", catalog.EVENT_TYPE: "Event",
        stage.type: stage.kind.capitalize(),
    }  # fmt: skip
    columns = tuple((queries.label(each), headings[each]) for each in attributes)
    return Panel(
        f"What fails, by {stage.kind}",
        f"Rejections, errors and cancellations per second over the last 5 minutes, by "
        f"{stage.kind}, outcome and exception, the {MOST_SERIES} most frequent. Normal are the "
        "domain's own rejections. Anything else is worth a trace: search for the type and the "
        "exception.",
        "table", stage.rate_unit,
        (Target(queries.incidents(stage.failures, queries.total(stage.rate), attributes), ""),),
        _silent(stage), width=COLUMNS, columns=(*columns, ("Value", "Per second")),
    )  # fmt: skip


def rejections(queries: Queries, stage: Stage) -> Panel:
    """Rejections per second by reason."""
    refused = equals(queries.label(stage.status), catalog.REJECTED)
    return Panel(
        "Rejections by reason",
        f"Rejections per second by the exception class that says why (error.type), the "
        f"{MOST_SERIES} most frequent; 'none' at 0 says that nothing is refused. Normal is a "
        "steady mix. A surge of conflicts is contention; of a business rule, a question to its "
        "owner.",
        "timeseries", stage.rate_unit,
        (
            Target(
                queries.incidents(
                    stage.failures, queries.total(stage.rate), (catalog.ERROR_TYPE,), refused
                ),
                queries.legend(catalog.ERROR_TYPE),
            ),
        ),
        _silent(stage), stacking="normal", colors=_NOTHING,
    )  # fmt: skip


def telemetry_row(queries: Queries, stage: Stage) -> Row:
    """Whether the numbers above can be believed."""
    side = equals(queries.label(catalog.SIDE), stage.side)
    silent = "no telemetry"
    instances = queries.total(recording.INSTANCES)
    reporting = Panel(
        "Reporting processes",
        "Processes that report telemetry now. Normal is the number that you deployed, also without "
        "traffic. Fewer means that a process is gone, or that its metrics do not arrive: what it "
        "does is missing above.",
        "timeseries", COUNT, (Target(instances, "processes"),), silent,
        height=6, decimals=0, colors=(("processes", colors.BY_SIDE[stage.side]),),
    )  # fmt: skip
    # The service reports 0 faults without an exception's name from its start.
    named = differs(queries.label(catalog.ERROR_TYPE), "")
    faults = queries.incidents(
        recording.FAULT_RATE,
        queries.total(recording.FAULT_RATE, side),
        (catalog.ERROR_TYPE,),
        side,
        named,
    )
    failing = Panel(
        "Telemetry faults",
        "Errors inside the instrumentation of this path, per second, by exception; business code "
        "is not affected, but what it did is then missing above. Normal is 'none' at 0. "
        "The service's log has the first of each class with its stack.",
        "timeseries", "ops", (Target(faults, queries.legend(catalog.ERROR_TYPE)),), silent,
        height=6, colors=_NOTHING,
    )  # fmt: skip
    folded = series(
        "Type names folded",
        "Operations per second recorded under the type _other, by attribute, because a metric "
        "had seen too many types. Normal is 0. When it rises, a type name contains an id or a "
        "class is made at run time; mend that, or raise max_types if all of them are real.",
        "ops", queries.by(recording.OVERFLOW_RATE, catalog.ATTRIBUTE_KEY, side),
        queries.legend(catalog.ATTRIBUTE_KEY), silent,
    )  # fmt: skip
    return Row("Can these numbers be believed?", (reporting, failing, replace(folded, height=6)))


def _silent(stage: Stage) -> str:
    return f"no {stage.noun}"
