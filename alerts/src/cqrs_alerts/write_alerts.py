"""Alerts of the write side."""

from __future__ import annotations

from cqrs_telemetry import catalog

from .alert import Alert, Query
from .conditions import (
    COUNT,
    MILLISECONDS,
    PERCENT,
    busiest,
    current,
    description,
    eventless_spans,
    failed_spans,
    highest,
    quantile_above,
    ratio_above,
    rejected_spans,
    slow_spans,
    without_handler,
)
from .links import WRITE_PATH_UID
from .past_conditions import rejections_surge, stopped, without_events
from .progress_conditions import stuck, stuck_within
from .recording import (
    COMMAND_ACTIVE,
    COMMAND_DURATION_P95,
    COMMAND_ERROR_RATE,
    COMMAND_ERROR_RATIO,
    COMMAND_FIRST_ERRORS,
    COMMAND_RATE,
    COMMAND_REJECTION_RATE,
    CONFLICT_RATE,
    EVENTS_PRODUCED_RATE,
    INSTANCES,
    LOAD_EVENTS_MEAN,
    LOAD_EVENTS_P95,
    LOAD_RATE,
    RESTARTS,
    SNAPSHOT_HITS,
)
from .windows import RATE_WINDOW

ALERTS = (
    Alert(
        "CqrsCommandErrorsHigh", "write", WRITE_PATH_UID, "Failures",
        "Commands of one type fail",
        description(COMMAND_ERROR_RATIO, f"{PERCENT} of {{command_type}} commands fail"),
        ratio_above(COMMAND_ERROR_RATIO, lambda config: config.alerts.command_errors_high),
        (
            Query(
                "Errors per second, by exception",
                busiest(COMMAND_ERROR_RATE, catalog.COMMAND_TYPE, catalog.ERROR_TYPE),
            ),
            Query("Share of errors, by type", highest(COMMAND_ERROR_RATIO)),
            Query("Outcomes per second", busiest(COMMAND_RATE, catalog.COMMAND_STATUS)),
        ),
        failed_spans(catalog.WRITE),
    ),
    Alert(
        "CqrsCommandLatencyHigh", "write", WRITE_PATH_UID, "Handlers decide",
        "Commands of one type are slow",
        description(
            COMMAND_DURATION_P95,
            f"5% of {{command_type}} commands take longer than {MILLISECONDS}",
        ),
        quantile_above(COMMAND_DURATION_P95, lambda config: config.alerts.command_latency_high),
        (
            Query("p95 in ms, by type", highest(COMMAND_DURATION_P95)),
            Query("Commands per second, by type", busiest(COMMAND_RATE, catalog.COMMAND_TYPE)),
            Query(
                "Errors per second, by exception (timeouts?)",
                busiest(COMMAND_ERROR_RATE, catalog.COMMAND_TYPE, catalog.ERROR_TYPE),
            ),
        ),
        slow_spans(catalog.WRITE, lambda config: config.alerts.command_latency_high.above_ms),
    ),
    Alert(
        "CqrsCommandsStuck", "write", WRITE_PATH_UID, "Handlers decide",
        "Commands are in flight and none comes to an end",
        description(COMMAND_ACTIVE, f"{COUNT} {{command_type}} commands in flight, none ends"),
        stuck(COMMAND_ACTIVE, COMMAND_RATE, lambda config: config.alerts.commands_stuck),
        (
            Query("In flight, by type", highest(COMMAND_ACTIVE)),
            Query("Ends per second, by type", busiest(COMMAND_RATE, catalog.COMMAND_TYPE)),
            Query("Processes that started anew", current(RESTARTS)),
        ),
        slow_spans(catalog.WRITE, lambda _: catalog.COMMAND_DURATION.bounds[-1]),
        holds_within=stuck_within(lambda config: config.alerts.commands_stuck),
    ),
    Alert(
        "CqrsCommandsStopped", "write", WRITE_PATH_UID, "Commands arrive",
        "No more commands arrive, though the service reports",
        description(
            INSTANCES, f"No commands arrive; {COUNT} did in the past"
        ),
        stopped(COMMAND_RATE, lambda config: config.alerts.commands_stopped),
        (
            Query("Commands per second, by type", busiest(COMMAND_RATE, catalog.COMMAND_TYPE)),
            Query("In flight, by type", highest(COMMAND_ACTIVE)),
            Query("Processes that report now", current(INSTANCES)),
        ),
    ),
    Alert(
        "CqrsCommandTypeUnknown", "write", WRITE_PATH_UID, "Failures",
        "Commands arrive that no handler is registered for",
        description(
            COMMAND_ERROR_RATIO,
            f"{COUNT} {{command_type}} commands without a handler in {RATE_WINDOW}",
        ),
        without_handler(COMMAND_FIRST_ERRORS, catalog.COMMAND_TYPE),
        (
            Query(
                "Errors per second, by type and exception",
                busiest(COMMAND_ERROR_RATE, catalog.COMMAND_TYPE, catalog.ERROR_TYPE),
            ),
            Query("Processes that started anew", current(RESTARTS)),
        ),
        failed_spans(catalog.WRITE),
    ),
    Alert(
        "CqrsCommandRejectionsSurge", "write", WRITE_PATH_UID, "The domain refuses",
        "Far more commands of one type are rejected than in the recent past",
        description(
            COMMAND_REJECTION_RATE,
            f"{PERCENT} of {{command_type}} commands are rejected with {{error_type}}",
        ),
        rejections_surge,
        (
            Query(
                "Rejections per second, by reason",
                busiest(COMMAND_REJECTION_RATE, catalog.COMMAND_TYPE, catalog.ERROR_TYPE),
            ),
            Query("Commands per second, by type", busiest(COMMAND_RATE, catalog.COMMAND_TYPE)),
        ),
        rejected_spans(),
    ),
    Alert(
        "CqrsCommandsWithoutEvents", "write", WRITE_PATH_UID, "Events come out",
        "Commands succeed and no longer produce events",
        description(
            COMMAND_ERROR_RATIO,
            f"{{command_type}} commands succeed without events; the past makes expect {COUNT} "
            f"in {RATE_WINDOW}",
        ),
        without_events,
        (
            Query(
                "Events per second, by command",
                busiest(EVENTS_PRODUCED_RATE, catalog.COMMAND_TYPE, catalog.EVENT_TYPE),
            ),
            Query(
                "Outcomes per second, by type",
                busiest(COMMAND_RATE, catalog.COMMAND_TYPE, catalog.COMMAND_STATUS),
            ),
        ),
        eventless_spans(),
    ),
    Alert(
        "CqrsAggregateNeedsSnapshot", "write", WRITE_PATH_UID, "Which aggregate needs a snapshot?",
        "Aggregates of one type are made of so many events that a snapshot pays",
        description(
            LOAD_EVENTS_P95,
            f"5% of loads of {{aggregate_type}} replay more than {COUNT} events",
        ),
        quantile_above(
            LOAD_EVENTS_P95, lambda config: config.alerts.aggregate_needs_snapshot
        ),
        (
            Query("p95 of events replayed per load", highest(LOAD_EVENTS_P95)),
            Query("Mean of events replayed per load", highest(LOAD_EVENTS_MEAN)),
            Query("Share of loads that began at a snapshot", highest(SNAPSHOT_HITS)),
            Query("Loads per second", busiest(LOAD_RATE, catalog.AGGREGATE_TYPE)),
            Query("Conflicts per second", busiest(CONFLICT_RATE)),
            Query("p95 of commands in ms, by type", highest(COMMAND_DURATION_P95)),
        ),
    ),
)  # fmt: skip
