"""Alerts of the read side."""

from __future__ import annotations

from cqrs_telemetry import catalog

from .alert import Alert, Query
from .conditions import (
    MILLISECONDS,
    PERCENT,
    busiest,
    description,
    failed_spans,
    highest,
    quantile_above,
    ratio_above,
    slow_spans,
)
from .links import READ_PATH_UID
from .recording import (
    QUERY_DURATION_P95,
    QUERY_ERROR_RATIO,
    QUERY_FAILURE_RATE,
    QUERY_RATE,
    RESULT_SIZE_P95,
)

ALERTS = (
    Alert(
        "CqrsQueryErrorsHigh", "read", READ_PATH_UID,
        "Queries of one type fail",
        description(QUERY_ERROR_RATIO, f"{PERCENT} of {{query_type}} queries fail"),
        ratio_above(QUERY_ERROR_RATIO, lambda config: config.alerts.query_errors_high),
        (
            Query(
                "Failures per second, by exception",
                busiest(QUERY_FAILURE_RATE, catalog.QUERY_TYPE, catalog.ERROR_TYPE),
            ),
            Query("Share of failures, by type", highest(QUERY_ERROR_RATIO)),
            Query("Outcomes per second", busiest(QUERY_RATE, catalog.QUERY_STATUS)),
        ),
        failed_spans(catalog.READ),
    ),
    Alert(
        "CqrsQueryLatencyHigh", "read", READ_PATH_UID,
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
)  # fmt: skip
