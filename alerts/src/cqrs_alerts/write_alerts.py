"""Alerts of the write side."""

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
from .links import WRITE_PATH_UID
from .recording import COMMAND_DURATION_P95, COMMAND_ERROR_RATIO, COMMAND_FAILURE_RATE, COMMAND_RATE

ALERTS = (
    Alert(
        "CqrsCommandErrorsHigh", "write", WRITE_PATH_UID,
        "Commands of one type fail",
        description(COMMAND_ERROR_RATIO, f"{PERCENT} of {{command_type}} commands fail"),
        ratio_above(COMMAND_ERROR_RATIO, lambda config: config.alerts.command_errors_high),
        (
            Query(
                "Failures per second, by exception",
                busiest(COMMAND_FAILURE_RATE, catalog.COMMAND_TYPE, catalog.ERROR_TYPE),
            ),
            Query("Share of failures, by type", highest(COMMAND_ERROR_RATIO)),
            Query("Outcomes per second", busiest(COMMAND_RATE, catalog.COMMAND_STATUS)),
        ),
        failed_spans(catalog.WRITE),
    ),
    Alert(
        "CqrsCommandLatencyHigh", "write", WRITE_PATH_UID,
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
                "Failures per second, by exception (timeouts?)",
                busiest(COMMAND_FAILURE_RATE, catalog.COMMAND_TYPE, catalog.ERROR_TYPE),
            ),
        ),
        slow_spans(catalog.WRITE, lambda config: config.alerts.command_latency_high.above_ms),
    ),
)  # fmt: skip
