"""Every alert, evaluated by promtool over raw series: fires, nearly fires, has nothing to say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import pytest

from cqrs_alerts.alerting import ALERTS
from cqrs_alerts.config import Config
from cqrs_telemetry import catalog

from .alert_cases import CASES
from .alert_cases.case import DEFAULT, GROUPS, OTHER, alert_named, check, documents
from .alert_cases.facts import APPLIES, CALM, projection
from .alert_cases.read import waits
from .alert_cases.traffic import (
    apply_times,
    command_times,
    commands,
    counted,
    faults,
    heartbeat,
    in_samples,
    lags,
    observed,
    queries,
    query_times,
    skewed,
)
from .alert_cases.write import loads
from .conftest import Evaluate, InputSeries, Service, needed_rules

pytestmark = pytest.mark.servers

CONFIGS = pytest.mark.parametrize(
    "config", [DEFAULT, OTHER], ids=["default", "other labels, 15s, severities, links"]
)
NAMES = pytest.mark.parametrize("name", CASES)


def test_every_alert_has_cases() -> None:
    """A new alert cannot go without a case that fires it and one that does not."""
    assert set(CASES) == {alert.name for alert in ALERTS if alert.section == "alerts"}
    assert all(case.quiet for case in CASES.values())


@NAMES
def test_every_limit_has_edges(name: str) -> None:
    """A number that can be set cannot go without a test just above it and one just below."""
    settings = asdict(alert_named(name).settings(DEFAULT))
    numbers = {key for key, value in settings.items() if type(value) in (int, float)}
    assert numbers <= set(CASES[name].edges)


@CONFIGS
@NAMES
def test_alert(name: str, config: Config, evaluate: Evaluate) -> None:
    """It fires for its reasons and with its words, and not for what only looks similar."""
    for interval, tests in documents(CASES[name], config).items():
        evaluate(config, tests, needed_rules(config, name), interval)


BUSY = (
    commands(success=600),
    queries(success=600),
    command_times({20.0: 600}),
    query_times({20.0: 600}),
    apply_times({20.0: 600}),
    lags({20.0: 600}),
    skewed(0, of=600),
    counted(
        catalog.EVENTS_PRODUCED,
        {catalog.COMMAND_TYPE: "PlaceOrder", catalog.EVENT_TYPE: "OrderPlaced"},
        (60, 600),
    ),
    waits(seen=600),
    loads({20.0: 600}),
    observed(catalog.QUERY_RESULT_SIZE, {catalog.QUERY_TYPE: "FindOrders"}, (60, {20.0: 600})),
    heartbeat("0x60"),
    faults("0x60"),
)


def busy(service: Service, values: Callable[[float], str] | None = None) -> InputSeries:
    """A healthy service; ``values`` replaces the samples, given a minute's increment."""
    lines = {line["series"]: line for traffic in BUSY for line in traffic(service)}
    if values is None:
        watched = projection(CALM, CALM, success=APPLIES)(service)
        return [*lines.values(), *(each for each in watched if each["series"] not in lines)]
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


@pytest.mark.parametrize("what", ["no series", "healthy", *INTERRUPTIONS])
@CONFIGS
def test_nothing_fires_without_a_reason(config: Config, what: str, evaluate: Evaluate) -> None:
    """No series, no traffic, restarts, first and failed scrapes page no one."""
    service = Service(config, GROUPS[config])
    series = [] if what == "no series" else busy(service, INTERRUPTIONS.get(what))
    nothing = [check(alert.name, time) for alert in ALERTS for time in ("12m", "20m", "40m")]
    evaluate(config, [{"name": what, "input_series": series, "alert_rule_test": nothing}])


@pytest.mark.parametrize(
    ("name", "key"), [(name, key) for name, case in CASES.items() for key in case.lenient]
)
def test_each_setting_is_used(name: str, key: str, evaluate: Evaluate) -> None:
    """What the configuration says decides: the traffic that fires passes under a laxer setting."""
    case, alert = CASES[name], alert_named(name)
    laxer: dict[str, Any] = {
        alert.key: replace(alert.settings(DEFAULT), **{key: case.lenient[key]})
    }
    config = replace(DEFAULT, alerts=replace(DEFAULT.alerts, **laxer))
    series = case.fires(Service(config, GROUPS[DEFAULT]))
    test = {"input_series": series, "alert_rule_test": [check(name, case.firing_at)]}
    evaluate(config, [test], needed_rules(config, name))


def test_who_shares_what_with_a_projection_is_set(evaluate: Evaluate) -> None:
    """Without labels in which writers may differ, the events of another job are none of its."""
    case = CASES["CqrsProjectionNotProgressing"]
    config = replace(DEFAULT, projections=replace(DEFAULT.projections, across=()))
    series = case.fires(Service(config, GROUPS[DEFAULT]))
    test = {"input_series": series, "alert_rule_test": [check(case.name, case.firing_at)]}
    evaluate(config, [test], needed_rules(config, case.name))
