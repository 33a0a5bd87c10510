"""The shape of an alert's cases, and the promtool tests that follow from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

from cqrs_alerts.alerting import ALERTS, AnyAlert
from cqrs_alerts.config import Config, Severities
from cqrs_alerts.links import CHOICES, PROJECTIONS_UID
from cqrs_alerts.promql import duration, duration_seconds, equals, select

from ..conftest import InputSeries, Service

Traffic = Callable[[Service], InputSeries]
Test = tuple[str | None, dict[str, Any]]  # how often rules are evaluated, and promtool's test

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


# How far back the dashboard shows, where the alert looks back further than an hour.
PASTS = {
    "CqrsCommandRejectionsSurge": "21600s",
    "CqrsProjectionNotProgressing": "21600s",
    "CqrsQueryResultsHuge": "86400s",
    "CqrsRebuildSlow": "14400s",
}


@dataclass(frozen=True)
class Quiet:
    """What looks similar but is no reason to fire, and when promtool looks."""

    traffic: Traffic
    at: tuple[str, ...] = ("20m", "30m", "50m")
    every: str | None = None  # how often rules are evaluated, where a long past is needed


@dataclass(frozen=True)
class Firing:
    """Another way to fire an alert, with what it then says."""

    traffic: Traffic
    description: str
    at: str
    labels: Mapping[str, str] | None = None  # the case's, unless given


@dataclass(frozen=True)
class Edge:
    """Traffic that measures just so much: a little above a limit it fires, a little below not."""

    traffic: Callable[[float], Traffic]
    at: str = "30m"
    limit: float | None = None  # that of the setting, unless given
    every: str | None = None


@dataclass(frozen=True)
class Still:
    """Traffic that fires only when the rule looks at the right time, whatever it then says."""

    traffic: Traffic
    at: str
    every: str | None = None


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
    since: str = "0m"  # the cause is there
    firing_at: str = "30m"
    kept_at: str | None = None  # its traffic has become harmless, but it goes on firing
    over_at: str | None = None  # its traffic has become harmless, and it no longer fires
    # Settings, each of which alone lets the firing traffic pass.
    lenient: Mapping[str, Any] = field(default_factory=dict)
    fires_too: Mapping[str, Firing | Still] = field(default_factory=dict)
    edges: Mapping[str, Edge] = field(default_factory=dict)  # by setting, or by what it is
    of_service: bool = True  # false: of Prometheus or the collector, without group labels


def alert_named(name: str) -> AnyAlert:
    """The alert's definition."""
    return next(alert for alert in ALERTS if alert.name == name)


def check(name: str, time: str, *firing: Mapping[str, Any]) -> dict[str, Any]:
    """What promtool has to find at a time."""
    return {"alertname": name, "eval_time": time, "exp_alerts": list(firing)}


# How far from a limit its edges are: a wrong one by more than that is noticed.
ABOVE, BELOW = 1.04, 0.96


def fires(name: str, time: str, firing: bool = True) -> dict[str, Any]:
    """Whether one alert fires at a time, whatever it says."""
    chosen = [equals("alertname", name), equals("alertstate", "firing")]
    return {
        "expr": f"count({select('ALERTS', chosen)})",
        "eval_time": time,
        "exp_samples": [{"labels": "{}", "value": 1}] if firing else [],
    }


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
        "promql_expr_test": [
            fires(case.name, detected_at(case, config)),
            *([fires(case.name, case.kept_at)] if case.kept_at else []),
        ],
    }


def detected_at(case: Case, config: Config) -> str:
    """When it fires at the latest, as its runbook says, with what a sample and a rule take."""
    (rule,) = alert_named(case.name).rules(config)
    taken = (case.since, rule.for_, rule.holds_within, *[config.scrape_interval] * 2)
    return duration(sum(map(duration_seconds, taken)))


def other_firing_tests(case: Case, config: Config) -> Iterator[Test]:
    """Each other way to fire it does."""
    service = Service(config, GROUPS[config])
    for how, other in case.fires_too.items():
        every, found = None, dict[str, Any]()
        if isinstance(other, Still):
            every = other.every
            found["promql_expr_test"] = [fires(case.name, other.at)]
        else:
            alert = _firing(case, config, other.description, other.labels or case.labels)
            found["alert_rule_test"] = [check(case.name, other.at, alert)]
        yield (
            every,
            {
                "name": f"{case.name} fires: {how}",
                "input_series": other.traffic(service),
                **found,
            },
        )


def edge_tests(case: Case, config: Config) -> Iterator[Test]:
    """It fires just above each limit, and not just below."""
    service, settings = Service(config, GROUPS[config]), alert_named(case.name).settings(config)
    for key, edge in case.edges.items():
        limit = edge.limit or getattr(settings, key)
        for factor in (ABOVE, BELOW):
            yield (
                edge.every,
                {
                    "name": f"{case.name}: {key} {factor:g} times the limit",
                    "input_series": edge.traffic(limit * factor)(service),
                    "promql_expr_test": [fires(case.name, edge.at, factor > 1)],
                },
            )


def links(
    name: str, dashboard: str, labels: Mapping[str, str], past: str, config: Config
) -> dict[str, str]:
    """Where an alert with these labels leads: a runbook if that is published, and a dashboard."""
    across = config.projections.across if dashboard == PROJECTIONS_UID else ()
    chosen = [f"&var-{key}={quote_plus(labels[key])}" for key in labels if key not in across]
    runbooks, grafana = config.runbook_base_url, config.dashboard_base_url
    return {
        **({"runbook_url": f"{runbooks}/{name}.md"} if runbooks else {}),
        "dashboard_url": f"{grafana}/d/{dashboard}?from=now-{past}&to=now{''.join(chosen)}",
    }


def _firing(
    case: Case, config: Config, description: str, labels: Mapping[str, str]
) -> dict[str, Any]:
    group, where = (GROUPS[config], f" ({WHERE[config]}).") if case.of_service else ({}, ".")
    own = {key: each for key, each in labels.items() if key == CHOICES.get(case.dashboard)}
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
            **links(
                case.name, case.dashboard, {**group, **own}, PASTS.get(case.name, "3600s"), config
            ),
        },
    }


def quiet_tests(case: Case, config: Config) -> Iterator[Test]:
    """It is quiet in what looks similar but is no reason to page."""
    service = Service(config, GROUPS[config])
    for what, given in case.quiet.items():
        quiet = given if isinstance(given, Quiet) else Quiet(given)
        yield (
            quiet.every,
            {
                "name": f"{case.name}: {what}",
                "input_series": quiet.traffic(service),
                "alert_rule_test": [check(case.name, time) for time in quiet.at],
            },
        )


def documents(case: Case, config: Config) -> dict[str, list[dict[str, Any]]]:
    """All promtool tests of an alert, by how often they evaluate its rules.

    ``config`` is DEFAULT or OTHER; each test is one entry of ``tests`` in promtool's file, without
    the key ``interval``.
    """
    found = {config.scrape_interval: [firing_test(case, config)]}
    for every, test in (
        *other_firing_tests(case, config),
        *edge_tests(case, config),
        *quiet_tests(case, config),
    ):
        found.setdefault(every or config.scrape_interval, []).append(
            {"interval": config.scrape_interval, **test}
        )
    return found
