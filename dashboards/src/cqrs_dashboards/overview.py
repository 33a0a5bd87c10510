"""Overview: both sides and the bridge between them, at a glance."""

from __future__ import annotations

from dataclasses import replace

from cqrs_alerts import recording
from cqrs_alerts.config import Config
from cqrs_alerts.links import OVERVIEW_UID
from cqrs_telemetry import catalog

from . import alert_panels, colors, failure_panels, panels, projection_states, projections
from .annotations import dashboard_annotations
from .model import Dashboard, Panel, Row, Target
from .queries import Queries
from .slo_panels import budget_left, fastest_burns
from .stages import COMMANDS, PROJECTIONS, QUERIES, Stage
from .telemetry_panels import reporting
from .thresholds import share
from .variables import group_variables

INTRO = (
    "Can users change things, can they see them, and is what they see true? Rows are in the order "
    "in which data flows: open the first one that looks wrong."
)


def dashboard(config: Config) -> Dashboard:
    """The dashboard for a configuration."""
    queries = Queries(config, ())
    burns = fastest_burns(queries)
    shown = (recording.COMMAND_RATE, recording.QUERY_RATE, recording.PROJECTION_RATE)
    return Dashboard(
        uid=OVERVIEW_UID,
        title="CQRS / Overview",
        description="Writes, projections and reads at a glance, promises and what changed",
        variables=group_variables(config, shown),
        rows=(
            _opening(queries),
            Row(
                "Are promises kept?",
                (
                    replace(budget_left(queries), width=7, height=burns.height),
                    replace(burns, width=7),
                    alert_panels.firing_over_time(queries, width=10, height=burns.height),
                ),
            ),
            _side(queries, COMMANDS, "Writes"),
            _bridge(queries),
            _side(queries, QUERIES, "Reads"),
            _changes(queries),
        ),
        annotations=dashboard_annotations(queries),
    )


def _opening(queries: Queries) -> Row:
    alerts = queries.config.alerts
    errors = (
        (COMMANDS, "Command errors", share(alerts.command_errors_high)),
        (QUERIES, "Query errors", share(alerts.query_errors_high)),
    )
    failing = [
        replace(panels.error_share_now(queries, stage, thresholds), title=title)
        for stage, title, thresholds in errors
    ]
    return panels.opening(
        INTRO,
        panels.spread(
            (
                replace(panels.rate_now(queries, COMMANDS, "per second"), title="Command rate"),
                failing[0],
                projection_states.worst_now(queries),
                projection_states.idle_now(queries),
                projection_states.stalest_now(queries),
                replace(panels.rate_now(queries, QUERIES, "per second"), title="Query rate"),
                failing[1],
                alert_panels.firing_now(queries, "Alerts firing", "Alerts of all sides"),
            )
        ),
    )


def _side(queries: Queries, stage: Stage, title: str) -> Row:
    noun = stage.noun.capitalize()
    outcomes, percentiles, by_exception = (
        panels.rate_by_outcome(queries, stage),
        panels.duration_percentiles(queries, stage),
        failure_panels.errors_by_exception(queries, stage),
    )
    return Row(
        title,
        (
            replace(outcomes, title=f"{noun} by outcome"),
            replace(percentiles, title=f"{noun}: latency"),
            replace(by_exception, title=f"{noun}: errors by exception"),
        ),
    )


def _bridge(queries: Queries) -> Row:
    errors = share(queries.config.alerts.projection_errors_high)
    return Row(
        "The bridge",
        (
            projection_states.over_time(queries, width=16),
            projection_states.staleness(queries),
            *panels.spread(
                (
                    projections.balance(queries),
                    projections.lag_by_projection(queries),
                    failure_panels.error_ratio_by_type(queries, PROJECTIONS, errors),
                )
            ),
        ),
    )


def _changes(queries: Queries) -> Row:
    types = Panel(
        "Message types",
        "Different commands, queries and events that were handled in the last 5 minutes. Normal is "
        "a level that follows the time of day. A step is a release or a client that began to use "
        "something; one towards hundreds is a type name with an id in it.",
        "timeseries", panels.COUNT,
        tuple(
            Target(f"count({queries.by(rate, attribute)} > 0) or 0 * {queries.total(rate)}", name)
            for name, rate, attribute in (
                ("commands", recording.COMMAND_RATE, catalog.COMMAND_TYPE),
                ("events", recording.EVENTS_PRODUCED_RATE, catalog.EVENT_TYPE),
                ("queries", recording.QUERY_RATE, catalog.QUERY_TYPE),
            )
        ),
        "no traffic", decimals=0,
        colors=(
            ("commands", colors.BY_SIDE[catalog.WRITE]),
            ("events", colors.BY_SIDE[catalog.PROJECTION]),
            ("queries", colors.BY_SIDE[catalog.READ]),
        ),
    )  # fmt: skip
    restarts = panels.series(
        "Restarts",
        "Processes that started anew within 5 minutes, by service. Normal is 0, and the number of "
        "your processes during a release. Restarts without a release are crashes: read the last "
        "lines of that process's log.",
        panels.COUNT, queries.by_group(recording.RESTARTS), queries.group_legend, "no telemetry",
    )  # fmt: skip
    return Row(
        "What changed?", (replace(reporting(queries), height=8), restarts, types)
    )  # fmt: skip
