"""Alerts: what fires, when, and what it tells the person who is woken.

An alert reads recorded series only, so it holds for every way of exporting. Its numbers are the
configuration's: the section of ``alerts`` that is named like the alert, without the prefix.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from cqrs_telemetry import catalog
from cqrs_telemetry.catalog import Attribute

from .config import LE, RATE_WINDOW, SEVERITY, SIDE, AlertSettings, Config, LatencyAlert, RatioAlert
from .links import (
    PROJECTIONS_UID,
    READ_PATH_UID,
    WRITE_PATH_UID,
    dashboard_url,
    runbook_url,
)
from .naming import label_name
from .promql import duration_seconds, equals, number, select, sum_by
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
    ErrorRatio,
    Quantile,
    Rate,
    Recording,
)

AlertSide = Literal["write", "read", "projection", "telemetry"]
Expression = Callable[[Config], str]

PREFIX = "Cqrs"


@dataclass(frozen=True)
class Query:
    """A question to ask Prometheus while looking into an alert."""

    title: str
    expression: Expression


@dataclass(frozen=True)
class Alert:
    """One alerting rule and what its runbook shows besides prose."""

    name: str
    side: AlertSide
    summary: str  # static, so that Alertmanager can group by it
    expression: Expression
    description: Expression  # a Prometheus template
    dashboard: str
    queries: tuple[Query, ...]
    spans: str = ""  # a TraceQL search

    @property
    def key(self) -> str:
        """The alert's section in the configuration."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", self.name.removeprefix(PREFIX)).lower()

    def settings(self, config: Config) -> AlertSettings:
        """The alert's section of a configuration."""
        settings: AlertSettings = getattr(config.alerts, self.key)
        return settings


def alerts(config: Config) -> tuple[Alert, ...]:
    """The alerts that the configuration leaves on."""
    return tuple(alert for alert in ALERTS if alert.settings(config).enabled)


def rule_groups(config: Config) -> list[dict[str, Any]]:
    """The alerting rules, one group per side, as Prometheus loads them."""
    chosen = alerts(config)
    return [
        {
            "name": f"cqrs.{side}.alerts",
            "rules": [_rule(alert, config) for alert in chosen if alert.side == side],
        }
        for side in dict.fromkeys(alert.side for alert in chosen)
    ]


def _rule(alert: Alert, config: Config) -> dict[str, Any]:
    settings = alert.settings(config)
    linger = duration_seconds(settings.keep_firing_for) > 0
    return {
        "alert": alert.name,
        "expr": alert.expression(config),
        "for": settings.for_,
        **({"keep_firing_for": settings.keep_firing_for} if linger else {}),
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


def _operations(rate: Rate, by: tuple[Attribute, ...], config: Config) -> str:
    """How many operations of each kind the rate window saw."""
    name = select(rate.name, [equals(LE, "+Inf")] if rate.part == "bucket" else [])
    return f"{_sum(name, by, config)} * {number(duration_seconds(RATE_WINDOW))}"


def _sum(expression: str, by: tuple[Attribute, ...], config: Config) -> str:
    own = (label_name(attribute, config.naming) for attribute in by)
    return sum_by((*config.group_labels, *own), expression)


def _ratio_above(ratio: ErrorRatio, settings: Callable[[Config], RatioAlert]) -> Expression:
    def expression(config: Config) -> str:
        chosen = settings(config)
        return (
            f"{ratio.name} > {number(chosen.above_ratio)}\n"
            f"and {_operations(ratio.rate, ratio.by, config)} >= {chosen.minimum_operations}"
        )

    return expression


def _quantile_above(quantile: Quantile, settings: Callable[[Config], LatencyAlert]) -> Expression:
    def expression(config: Config) -> str:
        chosen = settings(config)
        return (
            f"{quantile.name} > {number(chosen.above_ms)}\n"
            f"and {_operations(quantile.buckets, quantile.by, config)}"
            f" >= {chosen.minimum_operations}"
        )

    return expression


def _clock_skew(config: Config) -> str:
    settings = config.alerts.projection_clock_skew
    by = CLOCK_SKEW_RATE.by
    return (
        f"{CLOCK_SKEW_RATE.name} / {_sum(PROJECTION_RATE.name, by, config)}"
        f" > {number(settings.above_ratio)}\n"
        f"and {_operations(PROJECTION_RATE, by, config)} >= {settings.minimum_operations}"
    )


def _absent(config: Config) -> str:
    seen = f"last_over_time({INSTANCES.name}[{config.alerts.telemetry_absent.seen_within}])"
    return f"{seen}\nunless {INSTANCES.name}"


def _any(rate: Rate) -> Expression:
    return lambda config: f"{rate.name} > 0"


def _text(recording: Recording, words: str) -> Expression:
    """``words`` behind the labels that tell which service; ``{label}`` stands for a label."""

    def describe(config: Config) -> str:
        own = {
            attribute.key.replace(".", "_"): _value_of(label_name(attribute, config.naming))
            for attribute in recording.by
        }
        where = ", ".join(f"{label} {_value_of(label)}" for label in config.group_labels)
        return f"{words.format(**own)} ({where})."

    return describe


def _value_of(label: str) -> str:
    return f"{{{{ $labels.{label} }}}}"


def _top(recording: Recording, *by: Attribute) -> Expression:
    return lambda config: f"topk(10, {_sum(recording.name, by or recording.by, config)} > 0)"


def _worst(recording: Recording) -> Expression:
    return lambda config: f"topk(10, {recording.name})"


def _traffic(rate: Rate, *by: Attribute) -> Expression:
    return lambda config: _sum(rate.name, by, config)


_PERCENT = "{{{{ $value | humanizePercentage }}}}"
_MS = '{{{{ printf "%.0f" $value }}}} ms'
_PER_SECOND = "{{{{ $value | humanize }}}} times a second"


def _search(side: catalog.Side, condition: str) -> str:
    return f'{{ span.{catalog.SIDE.key} = "{side}" && {condition} }}'


ALERTS: tuple[Alert, ...] = (
    Alert(
        "CqrsCommandErrorsHigh",
        "write",
        "Commands of one type fail",
        _ratio_above(COMMAND_ERROR_RATIO, lambda config: config.alerts.command_errors_high),
        _text(COMMAND_ERROR_RATIO, f"{_PERCENT} of {{command_type}} commands end in an error"),
        WRITE_PATH_UID,
        (
            Query(
                "Which exceptions, per second",
                _top(COMMAND_FAILURE_RATE, catalog.COMMAND_TYPE, catalog.ERROR_TYPE),
            ),
            Query("Error ratio of each type", _worst(COMMAND_ERROR_RATIO)),
            Query("Outcomes, per second", _traffic(COMMAND_RATE, catalog.COMMAND_STATUS)),
        ),
        _search(catalog.WRITE, "status = error"),
    ),
    Alert(
        "CqrsCommandLatencyHigh",
        "write",
        "Commands of one type are slow",
        _quantile_above(COMMAND_DURATION_P95, lambda config: config.alerts.command_latency_high),
        _text(COMMAND_DURATION_P95, f"One in 20 {{command_type}} commands takes over {_MS}"),
        WRITE_PATH_UID,
        (
            Query("p95 of each type, in ms", _worst(COMMAND_DURATION_P95)),
            Query("Commands per second", _top(COMMAND_RATE, catalog.COMMAND_TYPE)),
            Query(
                "Errors, which often are timeouts, per second",
                _top(COMMAND_FAILURE_RATE, catalog.COMMAND_TYPE, catalog.ERROR_TYPE),
            ),
        ),
        _search(catalog.WRITE, "duration > 1s"),
    ),
    Alert(
        "CqrsQueryErrorsHigh",
        "read",
        "Queries of one type fail",
        _ratio_above(QUERY_ERROR_RATIO, lambda config: config.alerts.query_errors_high),
        _text(QUERY_ERROR_RATIO, f"{_PERCENT} of {{query_type}} queries end in an error"),
        READ_PATH_UID,
        (
            Query(
                "Which exceptions, per second",
                _top(QUERY_FAILURE_RATE, catalog.QUERY_TYPE, catalog.ERROR_TYPE),
            ),
            Query("Error ratio of each type", _worst(QUERY_ERROR_RATIO)),
            Query("Outcomes, per second", _traffic(QUERY_RATE, catalog.QUERY_STATUS)),
        ),
        _search(catalog.READ, "status = error"),
    ),
    Alert(
        "CqrsQueryLatencyHigh",
        "read",
        "Queries of one type are slow",
        _quantile_above(QUERY_DURATION_P95, lambda config: config.alerts.query_latency_high),
        _text(QUERY_DURATION_P95, f"One in 20 {{query_type}} queries takes over {_MS}"),
        READ_PATH_UID,
        (
            Query("p95 of each type, in ms", _worst(QUERY_DURATION_P95)),
            Query("p95 of the number of items returned", _worst(RESULT_SIZE_P95)),
            Query("Queries per second", _top(QUERY_RATE, catalog.QUERY_TYPE)),
        ),
        _search(catalog.READ, "duration > 500ms"),
    ),
    Alert(
        "CqrsProjectionErrorsHigh",
        "projection",
        "A projection fails to apply events",
        _ratio_above(PROJECTION_ERROR_RATIO, lambda config: config.alerts.projection_errors_high),
        _text(
            PROJECTION_ERROR_RATIO,
            f"Projection {{projection_name}} fails on {_PERCENT} of its events",
        ),
        PROJECTIONS_UID,
        (
            Query(
                "Which events and exceptions, per second",
                _top(
                    PROJECTION_FAILURE_RATE,
                    catalog.PROJECTION_NAME, catalog.EVENT_TYPE, catalog.ERROR_TYPE,
                ),
            ),
            Query("Error ratio of each projection", _worst(PROJECTION_ERROR_RATIO)),
            Query("p99 of lag, in ms", _worst(PROJECTION_LAG_P99)),
        ),
        _search(catalog.PROJECTION, "status = error"),
    ),
    Alert(
        "CqrsProjectionApplyLatencyHigh",
        "projection",
        "A projection needs long to apply an event",
        _quantile_above(
            PROJECTION_DURATION_P95, lambda config: config.alerts.projection_apply_latency_high
        ),
        _text(
            PROJECTION_DURATION_P95,
            f"Projection {{projection_name}} needs over {_MS} for one in 20 events",
        ),
        PROJECTIONS_UID,
        (
            Query("p95 of the time to apply, in ms", _worst(PROJECTION_DURATION_P95)),
            Query(
                "Events per second, by type",
                _top(PROJECTION_RATE, catalog.PROJECTION_NAME, catalog.EVENT_TYPE),
            ),
            Query("p99 of lag, in ms", _worst(PROJECTION_LAG_P99)),
        ),
        _search(catalog.PROJECTION, "duration > 500ms"),
    ),
    Alert(
        "CqrsProjectionLagHigh",
        "projection",
        "A read model is behind the write side",
        _quantile_above(PROJECTION_LAG_P99, lambda config: config.alerts.projection_lag_high),
        _text(
            PROJECTION_LAG_P99,
            f"One in 100 events reaches projection {{projection_name}} later than {_MS}",
        ),
        PROJECTIONS_UID,
        (
            Query("p99 of lag, in ms", _worst(PROJECTION_LAG_P99)),
            Query("Events applied, per second", _top(PROJECTION_RATE, catalog.PROJECTION_NAME)),
            Query("p95 of the time to apply, in ms", _worst(PROJECTION_DURATION_P95)),
            Query(
                "Failures, per second",
                _top(PROJECTION_FAILURE_RATE, catalog.PROJECTION_NAME, catalog.ERROR_TYPE),
            ),
        ),
        _search(catalog.PROJECTION, f"span.{catalog.SPAN_PROJECTION_LAG.key} > 30000"),
    ),
    Alert(
        "CqrsProjectionClockSkew",
        "projection",
        "Events come from the future, so lag cannot be trusted",
        _clock_skew,
        _text(
            CLOCK_SKEW_RATE,
            f"{_PERCENT} of the events of projection {{projection_name}} are younger than now",
        ),
        PROJECTIONS_UID,
        (
            Query("Events from the future, per second", _top(CLOCK_SKEW_RATE)),
            Query("Processes that report", lambda config: INSTANCES.name),
        ),
    ),
    Alert(
        "CqrsTelemetryAbsent",
        "telemetry",
        "A service stopped reporting",
        _absent,
        _text(INSTANCES, "Nothing reports the {cqrs_side} side any more"),
        WRITE_PATH_UID,
        (
            Query("Processes that report now", lambda config: INSTANCES.name),
            Query("Are the targets scraped? 0 is no", lambda config: "up"),
        ),
    ),
    Alert(
        "CqrsTelemetryFaults",
        "telemetry",
        "The instrumentation itself fails",
        _any(FAULT_RATE),
        _text(
            FAULT_RATE,
            f"Instrumentation of the {{cqrs_side}} side raises {{error_type}} {_PER_SECOND}",
        ),
        WRITE_PATH_UID,
        (Query("Faults per second, by exception", _top(FAULT_RATE)),),
    ),
    Alert(
        "CqrsTypeNameOverflow",
        "telemetry",
        f"More type names than the limit; the rest is recorded as {catalog.OTHER_TYPE}",
        _any(OVERFLOW_RATE),
        _text(
            OVERFLOW_RATE,
            f"Names of {{attribute_key}} on the {{cqrs_side}} side exceed the limit {_PER_SECOND}",
        ),
        WRITE_PATH_UID,
        (Query("Operations recorded under a folded name, per second", _top(OVERFLOW_RATE)),),
    ),
)  # fmt: skip
