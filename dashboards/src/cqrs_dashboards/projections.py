"""Projections: events come in, are applied, and become visible to readers."""

from __future__ import annotations

from cqrs_alerts import recording
from cqrs_alerts.config import Config
from cqrs_alerts.links import PROJECTIONS_UID
from cqrs_telemetry import catalog

from . import (
    colors,
    failure_panels,
    panels,
    projection_states,
    rebuild_panels,
    telemetry_panels,
    trace_links,
)
from .annotations import dashboard_annotations
from .instance_panels import instances_row
from .model import Dashboard, Panel, Row, Target
from .queries import MOST_SERIES, Queries
from .stages import LAG, PROJECTIONS
from .thresholds import milliseconds, share
from .variables import group_variables, type_variable

INTRO = (
    "Events become visible to readers here. The state says whether they can trust what they see; "
    "lag is of applied events, so it is silent once a projection has stopped."
)
SILENT = "no events"


def dashboard(config: Config) -> Dashboard:
    """The dashboard for a configuration."""
    queries = Queries(config, (catalog.PROJECTION_NAME,))
    # Writer and projection may be two jobs: the choice of jobs has to hold both.
    shown = (recording.PROJECTION_RATE, recording.EVENTS_PRODUCED_RATE, recording.PENDING)
    return Dashboard(
        uid=PROJECTIONS_UID,
        title="CQRS / Projections",
        description="Projections: input and output, lag, time in apply, failures",
        variables=(
            *group_variables(config, shown),
            type_variable(
                queries, recording.PROJECTION_RATE, catalog.PROJECTION_NAME, "Projection"
            ),
        ),
        rows=(
            _opening(queries),
            projection_states.trust(queries),
            rebuild_panels.rebuilding(queries),
            _input(queries),
            _lag(queries),
            _apply(queries),
            _failures(queries),
            telemetry_panels.telemetry_row(queries, PROJECTIONS, _skew(queries)),
            instances_row(queries, PROJECTIONS),
        ),
        annotations=dashboard_annotations(queries),
    )


def _opening(queries: Queries) -> Row:
    alerts = queries.config.alerts
    return panels.opening(
        INTRO,
        (
            projection_states.worst_now(queries),
            projection_states.idle_now(queries),
            projection_states.stalest_now(queries),
            lag_now(queries),
            panels.rate_now(queries, PROJECTIONS, "applied"),
            panels.error_share_now(queries, PROJECTIONS, share(alerts.projection_errors_high)),
        ),
    )  # fmt: skip


def lag_now(queries: Queries) -> Panel:
    """The age of the latest events when they became visible."""
    return panels.stat(
        "Lag p99",
        "Age of events when they became visible, 99th percentile over the last 5 minutes, "
        "all projections together. Normal is below the red threshold. When it rises, the row "
        "about lag names the projection.",
        panels.MILLISECONDS,
        queries.present_quantile(0.99, recording.PROJECTION_LAG_BUCKETS),
        SILENT, thresholds=milliseconds(queries.config.alerts.projection_lag_high),
    )  # fmt: skip


def balance(queries: Queries) -> Panel:
    """Input against output of each projection."""
    projection = queries.legend(catalog.PROJECTION_NAME)
    applied = queries.top(
        queries.part(
            recording.PROJECTION_RATE, catalog.PROJECTION_STATUS, catalog.SUCCESS,
            catalog.PROJECTION_NAME,
        )
    )  # fmt: skip
    produced = queries.total(recording.EVENTS_PRODUCED_RATE)
    return Panel(
        "Produced and applied",
        "Events per second that commands produced, and that each projection applied. Normal are "
        "lines on top of each other, lower for a projection that filters. Applied below produced "
        "is a backlog that grows; above it, one that is worked off, or a replay.",
        "timeseries", "eps", (Target(produced, "produced"), Target(applied, projection)), SILENT,
        width=12, colors=(("produced", colors.BY_SIDE[catalog.WRITE]),),
    )  # fmt: skip


def _input(queries: Queries) -> Row:
    types = panels.series(
        "Applied by event type",
        f"Events per second that projections handled, by event type, the {MOST_SERIES} most "
        "frequent. Normal is a mix like that of the events produced. A type that is missing here "
        "and present on the write path is one that no projection handles.",
        "eps", queries.top(queries.by(recording.PROJECTION_RATE, catalog.EVENT_TYPE)),
        queries.legend(catalog.EVENT_TYPE), SILENT,
    )  # fmt: skip
    throughput = panels.series(
        "Throughput by projection",
        f"Events per second that each projection handled, all outcomes, the {MOST_SERIES} busiest. "
        "Normal follows the events produced. A projection at 0 while others work has stopped, or "
        "nothing that it handles was produced.",
        "eps", queries.top(queries.by(recording.PROJECTION_RATE, catalog.PROJECTION_NAME)),
        queries.legend(catalog.PROJECTION_NAME), SILENT,
    )  # fmt: skip
    return Row("Events come in", panels.spread((balance(queries), throughput, types)))


def lag_by_projection(queries: Queries) -> Panel:
    """The age of the latest events, by projection."""
    threshold = milliseconds(queries.config.alerts.projection_lag_high)
    return Panel(
        "Lag p99 by projection",
        f"99th percentile of the age of events when they became visible, by projection, the "
        f"{MOST_SERIES} latest. Normal is below the red line, where the alert fires. A gap is a "
        "projection that applies nothing: idle or dead.",
        "timeseries", panels.MILLISECONDS,
        (
            Target(
                queries.worst(LAG.p99, catalog.PROJECTION_NAME),
                queries.legend(catalog.PROJECTION_NAME),
            ),
        ),
        SILENT, thresholds=threshold,
        links=(trace_links.later_spans(queries, catalog.PROJECTION_NAME),),
    )  # fmt: skip


def _lag(queries: Queries) -> Row:
    spread = panels.percentiles(
        queries, PROJECTIONS, LAG, "Lag percentiles",
        "Age of events when they became visible: median, 95th and 99th percentile over 5 minutes, "
        "all projections together. Normal are three flat lines. A saw tooth is a poll interval; "
        "a straight climb is a projection that cannot keep up.",
        panels.MILLISECONDS, (trace_links.later_spans(queries),),
    )  # fmt: skip
    distribution = panels.heatmap(
        queries, PROJECTIONS, LAG.buckets, "Lag distribution",
        "Events per second in each band of lag. Normal is one dark band low down. A band that "
        "leaves it and climbs is a backlog; one that comes down again is catching up.",
        panels.MILLISECONDS,
    )  # fmt: skip
    return Row("How old is what readers see?", (lag_by_projection(queries), spread, distribution))


def _apply(queries: Queries) -> Row:
    slowest = Panel(
        "Time in apply p95 by projection",
        f"95th percentile of the time to apply one event, by projection, the {MOST_SERIES} "
        "slowest. Normal is below the red line, where the alert fires. One projection can apply no "
        "more than 1 / this time per second.",
        "timeseries", panels.MILLISECONDS,
        (
            Target(
                queries.worst(PROJECTIONS.duration.p95, catalog.PROJECTION_NAME),
                queries.legend(catalog.PROJECTION_NAME),
            ),
        ),
        SILENT, thresholds=milliseconds(queries.config.alerts.projection_apply_latency_high),
        links=(trace_links.slower_spans(queries, catalog.PROJECTION, catalog.PROJECTION_NAME),),
    )  # fmt: skip
    distribution = panels.heatmap(
        queries, PROJECTIONS, PROJECTIONS.duration.buckets, "Time in apply distribution",
        "Events per second in each band of the time to apply them. Normal is one dark band. A "
        "second band far above it is lock contention with readers, or one heavy event type.",
        panels.MILLISECONDS,
    )  # fmt: skip
    return Row(
        "Views are written",
        panels.spread(
            (
                panels.rate_by_outcome(queries, PROJECTIONS),
                panels.duration_percentiles(queries, PROJECTIONS),
                slowest,
                distribution,
            )
        ),
    )


def _failures(queries: Queries) -> Row:
    errors = share(queries.config.alerts.projection_errors_high)
    return Row(
        "Failures",
        panels.low(
            (
                failure_panels.error_ratio_by_type(queries, PROJECTIONS, errors),
                failure_panels.errors_by_exception(queries, PROJECTIONS),
                failure_panels.failing_types(
                    queries, PROJECTIONS, catalog.PROJECTION_NAME, catalog.EVENT_TYPE
                ),
            )
        ),
    )


def _skew(queries: Queries) -> Panel:
    return panels.series(
        "Events from the future",
        "Events per minute whose timestamp lay in the projection's future; their lag counts as 0. "
        "Normal is 0. More means that the clocks of writer and projection differ, and that all "
        "lags above are too low by that much: check NTP on both hosts.",
        panels.PER_MINUTE,
        queries.per_minute(
            queries.top(
                queries.zero_based(
                    recording.CLOCK_SKEW_RATE, recording.PROJECTION_RATE, (catalog.PROJECTION_NAME,)
                )
            )
        ),
        queries.legend(catalog.PROJECTION_NAME), SILENT,
    )  # fmt: skip
