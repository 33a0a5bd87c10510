"""All alerts, and the rules that Prometheus loads for them.

The tables are in one module per side; the numbers are the configuration's, the words of an alert's
runbook are in ``runbook_texts``.
"""

from __future__ import annotations

from collections.abc import Iterator
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
from .groups import groups
from .label_names import LONG_WINDOW, SEVERITY, SIDE
from .links import alert_dashboard_url, runbook_url
from .promql import duration_seconds
from .slo_alerts import BurnAlert

AnyAlert = Alert | BurnAlert

_LEAST_PAST = "1h"
_LOOKS_BACK = ("past", "window", "above")  # settings that are durations

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


def misplaced_labels(config: Config) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Labels of exemptions that an alert does not have, by where they are in the configuration."""
    by_key = {alert.key: alert for alert in ALERTS}
    for index, exemption in enumerate(config.exemptions):
        for key in exemption.alerts:
            name, known = by_key[key].name, by_key[key].possible_labels(config)
            for label, value in exemption.labels:
                where = ("exemptions", index, "labels", label)
                if label not in known:
                    yield where, f"{name} has no label {label}; it has {', '.join(known)}"
                elif known[label] and value not in known[label]:
                    values = ", ".join(known[label])
                    yield where, f"{name} has no {label} {value}; it has {values}"


def rules(alert: AnyAlert, config: Config) -> list[dict[str, Any]]:
    """An alert's rules, as Prometheus loads them."""
    return [_rule(alert, rule, config) for rule in alert.rules(config)]


def rule_groups(config: Config) -> list[dict[str, Any]]:
    """The alerting rules, by side."""
    chosen = alerts(config)
    return [
        group
        for side in dict.fromkeys(alert.side for alert in chosen)
        for group in groups(
            f"cqrs.{side}.alerts",
            (rules(alert, config) for alert in chosen if alert.side == side),
            config,
        )
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
            **dict(config.rules.labels),
        },
        "annotations": {
            "summary": alert.summary,
            "description": alert.description(config),
            **({"runbook_url": runbook_url(alert.name, config)} if config.runbook_base_url else {}),
            "dashboard_url": alert_dashboard_url(
                alert.dashboard, alert.labels(config), _past(alert, rule, config), config
            ),
        },
    }


def _past(alert: AnyAlert, rule: Rule, config: Config) -> str:
    """How far back to look, as Grafana spells it: as far as the alert does, an hour at least."""
    settings = alert.settings(config)
    chosen = (getattr(settings, name, None) for name in _LOOKS_BACK)
    windows = (_LEAST_PAST, rule.labels.get(LONG_WINDOW), *chosen)
    return f"{max(duration_seconds(each) for each in windows if each):.0f}s"
