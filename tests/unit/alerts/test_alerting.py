"""Every alert, evaluated by promtool over raw series: fires, nearly fires, has nothing to say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from cqrs_alerts.alerting import ALERTS, AnyAlert
from cqrs_alerts.config import Config, Severities
from cqrs_telemetry import catalog
from cqrs_telemetry.catalog import Attribute, Metric

from .conftest import Evaluate, InputSeries, Service

pytestmark = pytest.mark.servers

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
CONFIGS = pytest.mark.parametrize(
    "config", [DEFAULT, OTHER], ids=["default", "other labels, 15s, severities, links"]
)

Traffic = Callable[[Service], InputSeries]


@dataclass(frozen=True)
class Case:
    """An alert's traffic: one that fires it, and others that do not, by what they show."""

    side: str
    severity: str
    dashboard: str
    labels: Mapping[str, str]
    description: str  # without the service
    pending_at: str  # the condition holds, but not for long enough
    fires: Traffic
    quiet: Mapping[str, Traffic] = field(default_factory=dict)
    firing_at: str = "30m"


def outcomes(
    metric: Metric, kind: Mapping[Attribute, str], status: Attribute, **per_minute: float
) -> Traffic:
    """A counter by outcome, ``success=95, error=5``."""

    def series(service: Service) -> InputSeries:
        return [
            line
            for outcome, often in per_minute.items()
            for line in service.counter(
                metric,
                {
                    **kind,
                    status: outcome,
                    **({catalog.ERROR_TYPE: "Boom"} if outcome == catalog.ERROR else {}),
                },
                often,
            )
        ]

    return series


def commands(**per_minute: float) -> Traffic:
    """Commands by outcome."""
    kind = {catalog.COMMAND_TYPE: "PlaceOrder"}
    return outcomes(catalog.COMMAND_TOTAL, kind, catalog.COMMAND_STATUS, **per_minute)


def queries(**per_minute: float) -> Traffic:
    """Queries by outcome."""
    kind = {catalog.QUERY_TYPE: "FindOrders"}
    return outcomes(catalog.QUERY_TOTAL, kind, catalog.QUERY_STATUS, **per_minute)


def events(**per_minute: float) -> Traffic:
    """Applied events by outcome."""
    kind = {catalog.PROJECTION_NAME: "orders", catalog.EVENT_TYPE: "OrderPlaced"}
    return outcomes(catalog.PROJECTION_TOTAL, kind, catalog.PROJECTION_STATUS, **per_minute)


def durations(
    metric: Metric, kind: Attribute, name: str, per_minute: dict[float, float]
) -> Traffic:
    """A histogram of ``{milliseconds: how often}``."""
    return lambda service: service.histogram(metric, {kind: name}, per_minute)


def command_times(per_minute: dict[float, float]) -> Traffic:
    """Durations of commands."""
    return durations(catalog.COMMAND_DURATION, catalog.COMMAND_TYPE, "PlaceOrder", per_minute)


def query_times(per_minute: dict[float, float]) -> Traffic:
    """Durations of queries."""
    return durations(catalog.QUERY_DURATION, catalog.QUERY_TYPE, "FindOrders", per_minute)


def apply_times(per_minute: dict[float, float]) -> Traffic:
    """Durations of applying events."""
    return durations(catalog.PROJECTION_DURATION, catalog.PROJECTION_NAME, "orders", per_minute)


def lags(per_minute: dict[float, float]) -> Traffic:
    """Lags of events."""
    return durations(catalog.PROJECTION_LAG, catalog.PROJECTION_NAME, "orders", per_minute)


def skewed(per_minute: float, of: float) -> Traffic:
    """Events, and how many of them come from the future."""
    labels = {catalog.PROJECTION_NAME: "orders"}
    return lambda service: [
        *service.counter(catalog.PROJECTION_CLOCK_SKEW, labels, per_minute),
        *events(success=of)(service),
    ]


def heartbeat(values: str, per_minute: float = 0) -> Traffic:
    """The counter that every process exports from its start on."""
    labels = {catalog.SIDE: catalog.WRITE, catalog.ATTRIBUTE_KEY: "command.type"}
    return lambda service: service.counter(
        catalog.TELEMETRY_OVERFLOW, labels, per_minute, in_samples(values, service)
    )


def faults(values: str, per_minute: float = 0) -> Traffic:
    """Errors of the instrumentation."""
    labels = {catalog.SIDE: catalog.READ, catalog.ERROR_TYPE: "TypeError"}
    return lambda service: service.counter(
        catalog.TELEMETRY_FAULTS, labels, per_minute, in_samples(values, service)
    )


def in_samples(values: str, service: Service) -> str:
    """Promtool's notation with minutes after each ``x``, as samples."""
    per_minute = {"1m": 1, "15s": 4}[service.interval]
    parts = (part.partition("x") for part in values.split())
    return " ".join(f"{a}{x}{int(n) * per_minute}" if x else a for a, x, n in parts)


PATHS = {"write": "cqrs-write-path", "read": "cqrs-read-path", "projection": "cqrs-projections"}
COMMAND, QUERY = {"command_type": "PlaceOrder"}, {"query_type": "FindOrders"}
PROJECTION = {"projection_name": "orders"}

# Thresholds are the defaults: ratios above 5 %, p95 above 1000 ms for commands and 500 ms for the
# rest, p99 of lag above 30 s; each with at least 20 operations in 5 minutes.
CASES: dict[str, Case] = {
    "CqrsCommandErrorsHigh": Case(
        "write", "critical", PATHS["write"], COMMAND,
        "6% of PlaceOrder commands fail", "5m",
        fires=commands(success=94, error=6),
        quiet={
            "just below": commands(success=952, error=48),
            "rejections are answers": commands(success=50, rejected=40, cancelled=10),
            "too few to tell": commands(success=1, error=2.9),
        },
    ),
    "CqrsCommandLatencyHigh": Case(
        "write", "warning", PATHS["write"], COMMAND,
        # Rank 95 of 100 is half way through the ten in the bucket (1000, 2500].
        "5% of PlaceOrder commands take longer than 1750 ms", "9m",
        fires=command_times({20.0: 90, 2000.0: 10}),
        quiet={
            "just below": command_times({900.0: 96, 2000.0: 4}),
            "too few to tell": command_times({2000.0: 3.9}),
        },
    ),
    "CqrsQueryErrorsHigh": Case(
        "read", "critical", PATHS["read"], QUERY,
        "6% of FindOrders queries fail", "5m",
        fires=queries(success=94, error=6),
        quiet={
            "just below": queries(success=952, error=48),
            "rejections are answers": queries(success=50, rejected=40, cancelled=10),
            "too few to tell": queries(success=1, error=2.9),
        },
    ),
    "CqrsQueryLatencyHigh": Case(
        "read", "warning", PATHS["read"], QUERY,
        # Rank 95 of 100 is half way through the ten in the bucket (500, 1000].
        "5% of FindOrders queries take longer than 750 ms", "9m",
        fires=query_times({20.0: 90, 800.0: 10}),
        quiet={
            "just below": query_times({400.0: 96, 800.0: 4}),
            "too few to tell": query_times({800.0: 3.9}),
        },
    ),
    "CqrsProjectionErrorsHigh": Case(
        "projection", "critical", PATHS["projection"], PROJECTION,
        "Projection orders fails on 6% of events", "5m",
        fires=events(success=94, error=6),
        quiet={
            "just below": events(success=952, error=48),
            "too few to tell": events(success=1, error=2.9),
        },
    ),
    "CqrsProjectionApplyLatencyHigh": Case(
        "projection", "warning", PATHS["projection"], PROJECTION,
        "Projection orders takes longer than 750 ms for 5% of events", "9m",
        fires=apply_times({20.0: 90, 800.0: 10}),
        quiet={
            "just below": apply_times({400.0: 96, 800.0: 4}),
            "too few to tell": apply_times({800.0: 3.9}),
        },
    ),
    "CqrsProjectionLagHigh": Case(
        "projection", "critical", PATHS["projection"], PROJECTION,
        # Rank 99 of 100 is half way through the two in the bucket (30 s, 60 s].
        "1% of events reach projection orders later than 45000 ms", "9m",
        fires=lags({20.0: 98, 50_000.0: 2}),
        quiet={
            "just below": lags({20_000.0: 99.5, 50_000.0: 0.5}),
            "too few to tell": lags({50_000.0: 3.9}),
        },
    ),
    "CqrsProjectionClockSkew": Case(
        "projection", "warning", PATHS["projection"], PROJECTION,
        "6% of the events of projection orders bear a time in the future", "14m",
        fires=skewed(6, of=100),
        quiet={
            "just below": skewed(48, of=1000),
            "too few to tell": skewed(3.9, of=3.9),
        },
    ),
    "CqrsTelemetryAbsent": Case(
        "telemetry", "critical", PATHS["write"], {},
        "No process of the service reports any more", "15m",
        fires=heartbeat("0x10 stale"),
        quiet={
            "a deployment of 8 minutes": heartbeat("0x18 stale _x8 0x60"),
            "idle": heartbeat("0x60"),
            "one instance of two is gone": lambda service: [
                {**line, "values": line["values"] if number else "0x10 stale"}
                for number, line in enumerate(heartbeat("0x60")(service))
            ],
            "removed for longer than the lookback": lambda service: [
                {**line, "values": "0 stale"} for line in heartbeat("0x60")(service)
            ],
        },
        firing_at="60m",
    ),
    "CqrsTelemetryFaults": Case(
        "telemetry", "warning", PATHS["write"], {"cqrs_side": "read", "error_type": "TypeError"},
        "Instrumentation of the read side raises TypeError 0.2 times a second", "9m",
        fires=faults("0+{}x60", 12),
        quiet={"faults of the past": faults("7x60"), "one spell of 5 minutes": faults("0x10 9x60")},
    ),
    "CqrsTypeNameOverflow": Case(
        "telemetry", "warning", PATHS["write"],
        {"cqrs_side": "write", "attribute_key": "command.type"},
        "On the write side, command.type exceeds its limit of names 0.2 times a second", "9m",
        fires=heartbeat("0+{}x60", 12),
        quiet={"at the limit": heartbeat("7x60"), "one spell of 5 minutes": heartbeat("0x10 9x60")},
    ),
}  # fmt: skip

NAMES = pytest.mark.parametrize("name", CASES)


def alert_named(name: str) -> AnyAlert:
    """The alert's definition."""
    return next(alert for alert in ALERTS if alert.name == name)


def check(name: str, time: str, *firing: Mapping[str, Any]) -> dict[str, Any]:
    """What promtool has to find at a time."""
    return {"alertname": name, "eval_time": time, "exp_alerts": list(firing)}


def test_every_alert_has_cases() -> None:
    """A new alert cannot go without a case that fires it and one that does not."""
    assert set(CASES) == {alert.name for alert in ALERTS if alert.section == "alerts"}
    assert all(case.quiet for case in CASES.values())


@CONFIGS
@NAMES
def test_alert_fires(name: str, config: Config, evaluate: Evaluate) -> None:
    """It fires after its time, not before, with exactly these labels and annotations."""
    case = CASES[name]
    firing = {
        "exp_labels": {
            **GROUPS[config],
            **case.labels,
            "severity": getattr(config.severities, case.severity),
            "side": case.side,
        },
        "exp_annotations": {
            "summary": alert_named(name).summary,
            "description": f"{case.description} ({WHERE[config]}).",
            "runbook_url": f"{RUNBOOKS[config]}/{name}.md",
            "dashboard_url": f"{GRAFANA[config]}/d/{case.dashboard}",
        },
    }
    evaluate(
        config,
        [
            {
                "input_series": case.fires(Service(config, GROUPS[config])),
                "alert_rule_test": [
                    check(name, case.pending_at),
                    check(name, case.firing_at, firing),
                ],
            }
        ],
    )


@CONFIGS
@NAMES
def test_alert_does_not_fire(name: str, config: Config, evaluate: Evaluate) -> None:
    """It is quiet just below its threshold and in what looks similar but is no reason to page."""
    service = Service(config, GROUPS[config])
    last = {"removed for longer than the lookback": "365m"}
    evaluate(
        config,
        [
            {
                "name": what,
                "input_series": traffic(service),
                "alert_rule_test": [
                    check(name, last.get(what, time)) for time in ("20m", "30m", "50m")
                ],
            }
            for what, traffic in CASES[name].quiet.items()
        ],
    )


BUSY = (
    commands(success=600),
    queries(success=600),
    command_times({20.0: 600}),
    query_times({20.0: 600}),
    apply_times({20.0: 600}),
    lags({20.0: 600}),
    skewed(0, of=600),
    heartbeat("0x60"),
    faults("0x60"),
)


def busy(service: Service, values: Callable[[float], str] | None = None) -> InputSeries:
    """A healthy service; ``values`` replaces the samples, given a minute's increment."""
    lines = {line["series"]: line for traffic in BUSY for line in traffic(service)}
    if values is None:
        return list(lines.values())
    resting = ("telemetry", "clock_skew")  # what a healthy service does not count
    return [
        {
            **line,
            "values": in_samples(values(0 if any(w in name for w in resting) else 100), service),
        }
        for name, line in lines.items()
    ]


# What happens to every series of a healthy service alike; minutes after each x.
INTERRUPTIONS: dict[str, Callable[[float], str]] = {
    "no traffic": lambda _: "7x60",
    "counters start again": lambda n: f"0+{n}x15 0+{n}x45",
    "counters first seen at a high value": lambda n: f"_x10 {n * 1000:g}+{n}x50",
    "scrapes fail for 3 minutes": lambda n: f"0+{n}x15 _x3 {n * 19:g}+{n}x40",
}


@CONFIGS
def test_nothing_fires_without_a_reason(config: Config, evaluate: Evaluate) -> None:
    """No series, no traffic, restarts, first and failed scrapes page no one."""
    service = Service(config, GROUPS[config])
    inputs = {
        "no series": [],
        "healthy": busy(service),
        **{what: busy(service, values) for what, values in INTERRUPTIONS.items()},
    }
    evaluate(
        config,
        [
            {
                "name": what,
                "input_series": series,
                "alert_rule_test": [
                    check(alert.name, time) for alert in ALERTS for time in ("12m", "20m", "40m")
                ],
            }
            for what, series in inputs.items()
        ],
    )


def test_other_thresholds_are_used(evaluate: Evaluate) -> None:
    """What the configuration says decides: the same traffic under a higher threshold is quiet."""
    lenient = replace(DEFAULT.alerts.command_errors_high, above_ratio=0.5)
    config = replace(DEFAULT, alerts=replace(DEFAULT.alerts, command_errors_high=lenient))
    name = "CqrsCommandErrorsHigh"
    series = CASES[name].fires(Service(config, GROUPS[DEFAULT]))
    evaluate(config, [{"input_series": series, "alert_rule_test": [check(name, "30m")]}])
