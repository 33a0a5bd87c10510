"""Write path: commands arrive, are handled, and produce events."""

from __future__ import annotations

from cqrs_alerts import recording
from cqrs_alerts.config import Config
from cqrs_alerts.links import WRITE_PATH_UID
from cqrs_alerts.promql import ratio
from cqrs_telemetry import catalog

from . import aggregate_panels, colors, failure_panels, panels, telemetry_panels, trace_links
from .annotations import dashboard_annotations
from .instance_panels import instances_row
from .model import Dashboard, Panel, Row, Target
from .queries import MOST_SERIES, Queries
from .stages import COMMANDS
from .thresholds import milliseconds, share
from .variables import group_variables, type_variable

INTRO = (
    "Commands arrive, handlers decide, domain events come out: rows are in that order. Rejections "
    "are answers of the domain, not failures."
)
SILENT = "no commands"


def dashboard(config: Config) -> Dashboard:
    """The dashboard for a configuration."""
    queries = Queries(config, (catalog.COMMAND_TYPE,))
    return Dashboard(
        uid=WRITE_PATH_UID,
        title="CQRS / Write path",
        description="Commands: throughput, outcomes, latency, events produced, failures",
        variables=(
            *group_variables(config, (recording.COMMAND_RATE,)),
            type_variable(queries, recording.COMMAND_RATE, catalog.COMMAND_TYPE, "Command type"),
        ),
        rows=(
            _opening(queries),
            Row("Commands arrive", panels.triple(queries, COMMANDS, _throughput(queries))),
            _handling(queries),
            _events(queries),
            _rejections(queries),
            aggregate_panels.economics(queries),
            _failures(queries),
            telemetry_panels.telemetry_row(queries, COMMANDS),
            instances_row(queries, COMMANDS),
        ),
        annotations=dashboard_annotations(queries),
    )


def _opening(queries: Queries) -> Row:
    alerts = queries.config.alerts
    return panels.opening(
        INTRO,
        (
            panels.rate_now(queries, COMMANDS, "per second"),
            panels.error_share_now(queries, COMMANDS, share(alerts.command_errors_high)),
            panels.latency_now(
                queries, COMMANDS, "Latency p95", "Time to handle a command",
                milliseconds(alerts.command_latency_high),
            ),
            panels.stat(
                "Events per second",
                "Domain events that commands produced, per second, over the last 5 minutes. Normal "
                "is a steady multiple of the command rate. Falling to 0 while commands succeed "
                "means that handlers no longer decide anything, or no longer return their events.",
                "eps",
                queries.zero_based(recording.EVENTS_PRODUCED_RATE, recording.COMMAND_RATE, ()),
                SILENT, color=colors.BY_SIDE[catalog.WRITE],
            ),
            panels.stat(
                "Rejected share",
                "Share of commands that the domain refused over the last 5 minutes. Normal is the "
                "steady share that your users' mistakes make. A jump after a deployment of a "
                "client or of a rule is worth a question to its authors.",
                panels.SHARE,
                queries.share(
                    recording.COMMAND_RATE, catalog.COMMAND_STATUS, catalog.REJECTED
                ),
                SILENT, color=colors.NEUTRAL,
            ),
            panels.in_flight_now(queries, COMMANDS),
        ),
    )  # fmt: skip


def _throughput(queries: Queries) -> Panel:
    return panels.series(
        "Throughput by command type",
        f"Commands per second by type, all outcomes, the {MOST_SERIES} busiest. Normal is a mix "
        "that follows the time of day. One type falling alone points at its callers; all of them "
        "falling together points at the way in: load balancer, queue, authentication.",
        "ops", queries.top(queries.by(recording.COMMAND_RATE, catalog.COMMAND_TYPE)),
        queries.legend(catalog.COMMAND_TYPE), SILENT,
    )  # fmt: skip


def _handling(queries: Queries) -> Row:
    slowest = Panel(
        "Latency p95 by command type",
        f"95th percentile of the time to handle a command, by type, the {MOST_SERIES} slowest; "
        "with several jobs chosen, the slowest of them. Normal is below the red line, where the "
        "alert fires. One slow type: its aggregate has grown or is contended; all: the store.",
        "timeseries", panels.MILLISECONDS,
        (
            Target(
                queries.worst(COMMANDS.duration.p95, catalog.COMMAND_TYPE),
                queries.legend(catalog.COMMAND_TYPE),
            ),
        ),
        SILENT, thresholds=milliseconds(queries.config.alerts.command_latency_high),
        links=(trace_links.slower_spans(queries, catalog.WRITE, catalog.COMMAND_TYPE),),
    )  # fmt: skip
    distribution = panels.heatmap(
        queries, COMMANDS, COMMANDS.duration.buckets, "Latency distribution",
        "Commands per second in each band of latency. Normal is one dark band that stays where it "
        "is. A second band is a second way through the code, such as a retry or a cold cache; a "
        "band that climbs is saturation.",
        panels.MILLISECONDS,
    )  # fmt: skip
    return Row("Handlers decide", (slowest, distribution, panels.in_flight(queries, COMMANDS)))


def _events(queries: Queries) -> Row:
    events, commands = recording.EVENTS_PRODUCED_RATE, recording.COMMAND_RATE
    produced = queries.zero_based(events, commands, (catalog.COMMAND_TYPE,))
    succeeded = queries.part(
        commands, catalog.COMMAND_STATUS, catalog.SUCCESS, catalog.COMMAND_TYPE
    )
    return Row(
        "Events come out",
        (
            panels.series(
                "Events by event type",
                f"Domain events per second by their type, the {MOST_SERIES} most frequent. Normal "
                "is a mix that follows the commands. An event type that vanishes while its command "
                "goes on succeeding is a change in the domain, wanted or not.",
                "eps",
                queries.incidents(events, queries.total(commands), (catalog.EVENT_TYPE,)),
                queries.legend(catalog.EVENT_TYPE), SILENT,
            ),
            panels.series(
                "Events by command type",
                f"Domain events per second by the command that produced them, the {MOST_SERIES} "
                "most productive. Normal is steady. It is the load that projections get: compare "
                "it with the rate at which they apply.",
                "eps", queries.top(produced), queries.legend(catalog.COMMAND_TYPE), SILENT,
            ),
            panels.series(
                "Events per successful command",
                "Domain events that one successful command produces on average, by command type. "
                "Normal is a constant for each type, often 1. A slow rise means that the command "
                "touches ever more; 0 is success without effect: a no-op, or events not returned.",
                panels.COUNT, queries.top(ratio(produced, succeeded)),
                queries.legend(catalog.COMMAND_TYPE), SILENT,
            ),
        ),
    )  # fmt: skip


def _rejections(queries: Queries) -> Row:
    rejected = panels.series(
        "Rejections by command type",
        f"Commands per minute that the domain refused, by type, the {MOST_SERIES} highest. Normal "
        "is a steady low rate. A surge of one type is a client that repeats what cannot work, or "
        "contention on one aggregate.",
        panels.PER_MINUTE,
        queries.per_minute(
            queries.top(
                queries.part(
                    recording.COMMAND_RATE, catalog.COMMAND_STATUS, catalog.REJECTED,
                    catalog.COMMAND_TYPE,
                )
            )
        ),
        queries.legend(catalog.COMMAND_TYPE), SILENT,
    )  # fmt: skip
    return Row(
        "The domain refuses",
        panels.low(
            (
                panels.outcome_mix(queries, COMMANDS),
                rejected,
                failure_panels.rejections_by_reason(
                    queries, COMMANDS, recording.COMMAND_REJECTION_RATE
                ),
            )
        ),
    )


def _failures(queries: Queries) -> Row:
    errors = share(queries.config.alerts.command_errors_high)
    return Row(
        "Failures",
        panels.low(
            (
                failure_panels.error_ratio_by_type(queries, COMMANDS, errors),
                failure_panels.errors_by_exception(queries, COMMANDS),
                failure_panels.failing_types(queries, COMMANDS, catalog.COMMAND_TYPE),
            )
        ),
    )
