"""Alerts of the read side."""

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
    failed_spans,
    highest,
    large_spans,
    quantile_above,
    ratio_above,
    slow_spans,
    without_handler,
)
from .links import READ_PATH_UID
from .past_conditions import results_huge, stopped
from .progress_conditions import stuck, stuck_within
from .rebuild_conditions import outside_rebuilds
from .recording import (
    INSTANCES,
    QUERY_ACTIVE,
    QUERY_DURATION_P95,
    QUERY_ERROR_RATE,
    QUERY_ERROR_RATIO,
    QUERY_FIRST_ERRORS,
    QUERY_RATE,
    RESTARTS,
    RESULT_SIZE_P95,
    STALENESS,
    WAIT_P95,
    WAIT_RATE,
    WAIT_TIMEOUTS,
)
from .windows import RATE_WINDOW

ALERTS = (
    Alert(
        "CqrsQueryErrorsHigh", "read", READ_PATH_UID, "Failures",
        "Queries of one type fail",
        description(QUERY_ERROR_RATIO, f"{PERCENT} of {{query_type}} queries fail"),
        ratio_above(QUERY_ERROR_RATIO, lambda config: config.alerts.query_errors_high),
        (
            Query(
                "Errors per second, by exception",
                busiest(QUERY_ERROR_RATE, catalog.QUERY_TYPE, catalog.ERROR_TYPE),
            ),
            Query("Share of errors, by type", highest(QUERY_ERROR_RATIO)),
            Query("Outcomes per second", busiest(QUERY_RATE, catalog.QUERY_STATUS)),
        ),
        failed_spans(catalog.READ),
    ),
    Alert(
        "CqrsQueryLatencyHigh", "read", READ_PATH_UID, "Handlers read",
        "Queries of one type are slow",
        description(
            QUERY_DURATION_P95, f"5% of {{query_type}} queries take longer than {MILLISECONDS}"
        ),
        quantile_above(QUERY_DURATION_P95, lambda config: config.alerts.query_latency_high),
        (
            Query("p95 in ms, by type", highest(QUERY_DURATION_P95)),
            Query("p95 of the number of items returned", highest(RESULT_SIZE_P95)),
            Query("Queries per second, by type", busiest(QUERY_RATE, catalog.QUERY_TYPE)),
        ),
        slow_spans(catalog.READ, lambda config: config.alerts.query_latency_high.above_ms),
    ),
    Alert(
        "CqrsQueriesStuck", "read", READ_PATH_UID, "Handlers read",
        "Queries are in flight and none comes to an end",
        description(QUERY_ACTIVE, f"{COUNT} {{query_type}} queries in flight, none ends"),
        stuck(QUERY_ACTIVE, QUERY_RATE, lambda config: config.alerts.queries_stuck),
        (
            Query("In flight, by type", highest(QUERY_ACTIVE)),
            Query("Ends per second, by type", busiest(QUERY_RATE, catalog.QUERY_TYPE)),
            Query("Processes that started anew", current(RESTARTS)),
        ),
        slow_spans(catalog.READ, lambda _: catalog.QUERY_DURATION.bounds[-1]),
        holds_within=stuck_within(lambda config: config.alerts.queries_stuck),
    ),
    Alert(
        "CqrsQueriesStopped", "read", READ_PATH_UID, "Queries arrive",
        "No more queries arrive, though the service reports",
        description(
            INSTANCES, f"No queries arrive; {COUNT} did in the past"
        ),
        stopped(QUERY_RATE, lambda config: config.alerts.queries_stopped),
        (
            Query("Queries per second, by type", busiest(QUERY_RATE, catalog.QUERY_TYPE)),
            Query("In flight, by type", highest(QUERY_ACTIVE)),
            Query("Processes that report now", current(INSTANCES)),
        ),
    ),
    Alert(
        "CqrsQueryTypeUnknown", "read", READ_PATH_UID, "Failures",
        "Queries arrive that no handler is registered for",
        description(
            QUERY_ERROR_RATIO,
            f"{COUNT} {{query_type}} queries without a handler in {RATE_WINDOW}",
        ),
        without_handler(QUERY_FIRST_ERRORS, catalog.QUERY_TYPE),
        (
            Query(
                "Errors per second, by type and exception",
                busiest(QUERY_ERROR_RATE, catalog.QUERY_TYPE, catalog.ERROR_TYPE),
            ),
            Query("Processes that started anew", current(RESTARTS)),
        ),
        failed_spans(catalog.READ),
    ),
    Alert(
        "CqrsQueryResultsHuge", "read", READ_PATH_UID, "Results go out",
        "Results of one type of query are far larger than in the recent past",
        description(
            RESULT_SIZE_P95, f"5% of {{query_type}} queries return more than {COUNT} items"
        ),
        results_huge,
        (
            Query("p95 of the number of items returned", highest(RESULT_SIZE_P95)),
            Query("p95 in ms, by type", highest(QUERY_DURATION_P95)),
            Query("Queries per second, by type", busiest(QUERY_RATE, catalog.QUERY_TYPE)),
        ),
        large_spans(lambda config: config.alerts.query_results_huge.above_items),
    ),
    Alert(
        "CqrsReadYourWritesTimeout", "read", READ_PATH_UID, "Do readers see their own writes?",
        "Users who look for what they just did do not find it",
        description(
            WAIT_TIMEOUTS,
            f"{PERCENT} of {{query_type}} queries that wait for projection {{projection_name}} "
            "to show the caller's own write give up",
        ),
        outside_rebuilds(
            ratio_above(WAIT_TIMEOUTS, lambda config: config.alerts.read_your_writes_timeout)
        ),
        (
            Query("Share of waits that time out", highest(WAIT_TIMEOUTS)),
            Query("p95 of the wait in ms", highest(WAIT_P95)),
            Query("Waits per second, by outcome", busiest(WAIT_RATE)),
            Query("Age of the oldest event that waits in ms", highest(STALENESS)),
            Query("p95 of queries in ms, by type", highest(QUERY_DURATION_P95)),
        ),
    ),
)  # fmt: skip
