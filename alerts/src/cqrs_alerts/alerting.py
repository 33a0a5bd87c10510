"""Alerts: what fires, when, and what it tells the person who is woken.

The numbers are the configuration's: the section of ``alerts`` that is named like the alert, without
the prefix. The words of an alert's runbook are in ``runbook_texts``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from cqrs_telemetry import catalog

from .alert_settings import AlertSettings
from .conditions import (
    MILLISECONDS,
    PER_SECOND,
    PERCENT,
    Text,
    absent,
    any_of,
    busiest,
    clock_skewed,
    current,
    description,
    failed_spans,
    highest,
    late_spans,
    quantile_above,
    ratio_above,
    slow_spans,
)
from .config import Config
from .label_names import SEVERITY, SIDE
from .links import PROJECTIONS_UID, READ_PATH_UID, WRITE_PATH_UID, dashboard_url, runbook_url
from .promql import duration_seconds
from .recording import (
    CLOCK_SKEW_RATE,
    COMMAND_DURATION_P95,
    COMMAND_ERROR_RATIO,
    COMMAND_FAILURE_RATE,
    COMMAND_RATE,
    FAULT_RATE,
    INSTANCES,
    OVERFLOW_RATE,
    PROJECTION_DURATION_P95,
    PROJECTION_ERROR_RATIO,
    PROJECTION_FAILURE_RATE,
    PROJECTION_LAG_P99,
    PROJECTION_RATE,
    QUERY_DURATION_P95,
    QUERY_ERROR_RATIO,
    QUERY_FAILURE_RATE,
    QUERY_RATE,
    RESULT_SIZE_P95,
)

AlertSide = Literal["write", "read", "projection", "telemetry"]

PREFIX = "Cqrs"


@dataclass(frozen=True)
class Query:
    """A question to ask Prometheus while looking into an alert."""

    title: str
    expression: Text


@dataclass(frozen=True)
class Alert:
    """One alerting rule and what its runbook shows besides prose."""

    name: str
    side: AlertSide
    dashboard: str  # uid
    summary: str  # static, so that Alertmanager can group by it
    description: Text  # a template that Prometheus expands
    expression: Text
    queries: tuple[Query, ...]
    spans: Text | None = None  # a TraceQL search, where a span shows the cause

    @property
    def key(self) -> str:
        """The alert's section in the configuration."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", self.name.removeprefix(PREFIX)).lower()

    def settings(self, config: Config) -> AlertSettings:
        """The alert's section of a configuration."""
        settings: AlertSettings = getattr(config.alerts, self.key)
        return settings


ALERTS: tuple[Alert, ...] = (
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
        slow_spans(catalog.WRITE, lambda config: config.alerts.command_latency_high),
    ),
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
        slow_spans(catalog.READ, lambda config: config.alerts.query_latency_high),
    ),
    Alert(
        "CqrsProjectionErrorsHigh", "projection", PROJECTIONS_UID,
        "A projection fails to apply events",
        description(
            PROJECTION_ERROR_RATIO, f"Projection {{projection_name}} fails on {PERCENT} of events"
        ),
        ratio_above(PROJECTION_ERROR_RATIO, lambda config: config.alerts.projection_errors_high),
        (
            Query("Failures per second, by event and exception", busiest(PROJECTION_FAILURE_RATE)),
            Query("Share of failures, by projection", highest(PROJECTION_ERROR_RATIO)),
            Query("p99 of lag in ms", highest(PROJECTION_LAG_P99)),
        ),
        failed_spans(catalog.PROJECTION),
    ),
    Alert(
        "CqrsProjectionApplyLatencyHigh", "projection", PROJECTIONS_UID,
        "A projection is slow to apply events",
        description(
            PROJECTION_DURATION_P95,
            f"Projection {{projection_name}} takes longer than {MILLISECONDS} for 5% of events",
        ),
        quantile_above(
            PROJECTION_DURATION_P95, lambda config: config.alerts.projection_apply_latency_high
        ),
        (
            Query("p95 of the time to apply in ms", highest(PROJECTION_DURATION_P95)),
            Query(
                "Events per second, by type",
                busiest(PROJECTION_RATE, catalog.PROJECTION_NAME, catalog.EVENT_TYPE),
            ),
            Query("p99 of lag in ms", highest(PROJECTION_LAG_P99)),
        ),
        slow_spans(
            catalog.PROJECTION, lambda config: config.alerts.projection_apply_latency_high
        ),
    ),
    Alert(
        "CqrsProjectionLagHigh", "projection", PROJECTIONS_UID,
        "A read model is behind the write side",
        description(
            PROJECTION_LAG_P99,
            f"1% of events reach projection {{projection_name}} later than {MILLISECONDS}",
        ),
        quantile_above(PROJECTION_LAG_P99, lambda config: config.alerts.projection_lag_high),
        (
            Query("p99 of lag in ms", highest(PROJECTION_LAG_P99)),
            Query("Events per second", busiest(PROJECTION_RATE, catalog.PROJECTION_NAME)),
            Query("p95 of the time to apply in ms", highest(PROJECTION_DURATION_P95)),
            Query("Failures per second, by event and exception", busiest(PROJECTION_FAILURE_RATE)),
        ),
        late_spans,
    ),
    Alert(
        "CqrsProjectionClockSkew", "projection", PROJECTIONS_UID,
        "Events bear a time in the future, so lag is too low",
        description(
            CLOCK_SKEW_RATE,
            f"{PERCENT} of the events of projection {{projection_name}} bear a time in the future",
        ),
        clock_skewed,
        (
            Query("Events from the future, per second", busiest(CLOCK_SKEW_RATE)),
            Query("p99 of lag in ms, on which skew lies", highest(PROJECTION_LAG_P99)),
        ),
    ),
    Alert(
        "CqrsTelemetryAbsent", "telemetry", WRITE_PATH_UID,
        "A service stopped reporting",
        description(INSTANCES, "No process of the service reports any more"),
        absent,
        (
            Query("Processes that report now", current(INSTANCES)),
            Query("Targets that cannot be scraped", lambda _: "up == 0"),
        ),
    ),
    Alert(
        "CqrsTelemetryFaults", "telemetry", WRITE_PATH_UID,
        "The instrumentation itself fails",
        description(
            FAULT_RATE,
            f"Instrumentation of the {{cqrs_side}} side raises {{error_type}} {PER_SECOND}",
        ),
        any_of(FAULT_RATE),
        (Query("Faults per second, by exception", busiest(FAULT_RATE)),),
    ),
    Alert(
        "CqrsTypeNameOverflow", "telemetry", WRITE_PATH_UID,
        f"More names than the limit: the rest is recorded as {catalog.OTHER_TYPE}",
        description(
            OVERFLOW_RATE,
            f"On the {{cqrs_side}} side, {{attribute_key}} exceeds its limit of names {PER_SECOND}",
        ),
        any_of(OVERFLOW_RATE),
        (Query("Operations under a folded name, per second", busiest(OVERFLOW_RATE)),),
    ),
)  # fmt: skip


def alerts(config: Config) -> tuple[Alert, ...]:
    """The alerts that the configuration leaves on."""
    return tuple(alert for alert in ALERTS if alert.settings(config).enabled)


def rule(alert: Alert, config: Config) -> dict[str, Any]:
    """One alerting rule, as Prometheus loads it."""
    settings = alert.settings(config)
    lingers = duration_seconds(settings.keep_firing_for) > 0
    return {
        "alert": alert.name,
        "expr": alert.expression(config),
        "for": settings.for_,
        **({"keep_firing_for": settings.keep_firing_for} if lingers else {}),
        "labels": {
            SEVERITY: getattr(config.severities, settings.severity),
            SIDE: alert.side,
        },
        "annotations": {
            "summary": alert.summary,
            "description": alert.description(config),
            "runbook_url": runbook_url(alert.name, config),
            "dashboard_url": dashboard_url(alert.dashboard, config),
        },
    }


def rule_groups(config: Config) -> list[dict[str, Any]]:
    """The alerting rules, one group per side."""
    chosen = alerts(config)
    return [
        {
            "name": f"cqrs.{side}.alerts",
            "rules": [rule(alert, config) for alert in chosen if alert.side == side],
        }
        for side in dict.fromkeys(alert.side for alert in chosen)
    ]
