"""The shape of an alert's cases, and the promtool tests that follow from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cqrs_alerts.alerting import ALERTS, AnyAlert
from cqrs_alerts.config import Config, Severities

from ..conftest import InputSeries, Service

Traffic = Callable[[Service], InputSeries]

DEFAULT = Config()
OTHER = Config(
    group_labels=("cluster", "namespace", "job"),
    scrape_interval="15s",
    runbook_base_url="https://wiki.example.com/runbooks/",
    dashboard_base_url="https://grafana.example.com",
    severities=Severities(critical="page", warning="ticket"),
)
GROUPS = {
    DEFAULT: {"job": "shop"},
    OTHER: {"cluster": "north", "namespace": "web", "job": "shop"},
}
WHERE = {
    DEFAULT: "job shop",
    OTHER: "cluster north, namespace web, job shop",
}
RUNBOOKS = {DEFAULT: "alerts/runbooks", OTHER: "https://wiki.example.com/runbooks"}
GRAFANA = {DEFAULT: "http://localhost:3000", OTHER: "https://grafana.example.com"}


@dataclass(frozen=True)
class Quiet:
    """What looks similar but is no reason to fire, and when promtool looks."""

    traffic: Traffic
    at: tuple[str, ...] = ("20m", "30m", "50m")


@dataclass(frozen=True)
class Firing:
    """Another way to fire an alert, with what it then says."""

    traffic: Traffic
    description: str
    at: str
    labels: Mapping[str, str] | None = None  # the case's, unless given


@dataclass(frozen=True)
class Case:
    """An alert's traffic: one that fires it, and others that do not, by what they show."""

    name: str
    side: str
    severity: str
    dashboard: str
    labels: Mapping[str, str]  # besides those of the service, severity and side
    description: str  # without the service, unless the alert is not about one
    pending_at: str  # the condition holds, but not for long enough
    fires: Traffic
    quiet: Mapping[str, Traffic | Quiet]
    firing_at: str = "30m"
    over_at: str | None = None  # its traffic has become harmless, and it no longer fires
    # Settings, each of which alone lets the firing traffic pass.
    lenient: Mapping[str, Any] = field(default_factory=dict)
    fires_too: Mapping[str, Firing] = field(default_factory=dict)
    of_service: bool = True  # false: of Prometheus or the collector, without group labels


def alert_named(name: str) -> AnyAlert:
    """The alert's definition."""
    return next(alert for alert in ALERTS if alert.name == name)


def check(name: str, time: str, *firing: Mapping[str, Any]) -> dict[str, Any]:
    """What promtool has to find at a time."""
    return {"alertname": name, "eval_time": time, "exp_alerts": list(firing)}


def firing_test(case: Case, config: Config) -> dict[str, Any]:
    """It fires after its time, not before, with exactly these labels and annotations."""
    firing = _firing(case, config, case.description, case.labels)
    return {
        "name": f"{case.name} fires",
        "input_series": case.fires(Service(config, GROUPS[config])),
        "alert_rule_test": [
            check(case.name, case.pending_at),
            check(case.name, case.firing_at, firing),
            *([check(case.name, case.over_at)] if case.over_at else []),
        ],
    }


def other_firing_tests(case: Case, config: Config) -> list[dict[str, Any]]:
    """Each other way to fire it does."""
    return [
        {
            "name": f"{case.name} fires: {how}",
            "input_series": other.traffic(Service(config, GROUPS[config])),
            "alert_rule_test": [
                check(
                    case.name,
                    other.at,
                    _firing(case, config, other.description, other.labels or case.labels),
                )
            ],
        }
        for how, other in case.fires_too.items()
    ]


def _firing(
    case: Case, config: Config, description: str, labels: Mapping[str, str]
) -> dict[str, Any]:
    group, where = (GROUPS[config], f" ({WHERE[config]}).") if case.of_service else ({}, ".")
    return {
        "exp_labels": {
            **group,
            **labels,
            "severity": getattr(config.severities, case.severity),
            "side": case.side,
        },
        "exp_annotations": {
            "summary": alert_named(case.name).summary,
            "description": f"{description}{where}",
            "runbook_url": f"{RUNBOOKS[config]}/{case.name}.md",
            "dashboard_url": f"{GRAFANA[config]}/d/{case.dashboard}",
        },
    }


def quiet_tests(case: Case, config: Config) -> list[dict[str, Any]]:
    """It is quiet just below its threshold and in what looks similar but is no reason to page."""
    service = Service(config, GROUPS[config])
    tests = []
    for what, given in case.quiet.items():
        quiet = given if isinstance(given, Quiet) else Quiet(given)
        tests.append(
            {
                "name": f"{case.name}: {what}",
                "input_series": quiet.traffic(service),
                "alert_rule_test": [check(case.name, time) for time in quiet.at],
            }
        )
    return tests


def documents(case: Case, config: Config) -> list[dict[str, Any]]:
    """All promtool tests of an alert; ``config`` is DEFAULT or OTHER.

    Each is one entry of ``tests`` in promtool's file, without the key ``interval``.
    """
    return [
        firing_test(case, config),
        *other_firing_tests(case, config),
        *quiet_tests(case, config),
    ]
