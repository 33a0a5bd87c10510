"""All alerts, and the rules that Prometheus loads for them.

The tables are in one module per side; the numbers are the configuration's, the words of an alert's
runbook are in ``runbook_texts``.
"""

from __future__ import annotations

from typing import Any

from . import (
    projection_alerts,
    read_alerts,
    rebuild_alerts,
    slo_alerts,
    state_alerts,
    telemetry_alerts,
    write_alerts,
)
from .alert import Alert, Rule
from .config import Config
from .label_names import SEVERITY, SIDE
from .links import dashboard_url, runbook_url
from .promql import duration_seconds
from .slo_alerts import BurnAlert

AnyAlert = Alert | BurnAlert

ALERTS: tuple[AnyAlert, ...] = (
    *slo_alerts.ALERTS,
    *write_alerts.ALERTS,
    *read_alerts.ALERTS,
    *projection_alerts.ALERTS,
    *state_alerts.ALERTS,
    *rebuild_alerts.ALERTS,
    *telemetry_alerts.ALERTS,
)


def alerts(config: Config) -> tuple[AnyAlert, ...]:
    """The alerts that the configuration leaves on."""
    return tuple(alert for alert in ALERTS if alert.settings(config).enabled)


def rules(alert: AnyAlert, config: Config) -> list[dict[str, Any]]:
    """An alert's rules, as Prometheus loads them."""
    return [_rule(alert, rule, config) for rule in alert.rules(config)]


def rule_groups(config: Config) -> list[dict[str, Any]]:
    """The alerting rules, one group per side."""
    chosen = alerts(config)
    return [
        {
            "name": f"cqrs.{side}.alerts",
            "rules": [
                each for alert in chosen if alert.side == side for each in rules(alert, config)
            ],
        }
        for side in dict.fromkeys(alert.side for alert in chosen)
    ]


def _rule(alert: AnyAlert, rule: Rule, config: Config) -> dict[str, Any]:
    lingers = duration_seconds(rule.keep_firing_for) > 0
    return {
        "alert": alert.name,
        "expr": rule.expression,
        "for": rule.for_,
        **({"keep_firing_for": rule.keep_firing_for} if lingers else {}),
        "labels": {
            SEVERITY: getattr(config.severities, rule.severity),
            SIDE: alert.side,
            **rule.labels,
        },
        "annotations": {
            "summary": alert.summary,
            "description": alert.description(config),
            "runbook_url": runbook_url(alert.name, config),
            "dashboard_url": dashboard_url(alert.dashboard, config),
        },
    }
