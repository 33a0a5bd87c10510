"""What is planned does not fire: exemptions from alerts, by label and by time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cqrs_alerts import slo
from cqrs_alerts.config import Config
from cqrs_alerts.exemption_settings import Exemption
from cqrs_alerts.promql import equals
from cqrs_alerts.runbooks import render_runbooks
from cqrs_alerts.setting_types import Labels
from cqrs_telemetry import catalog

from .alert_cases import CASES
from .alert_cases.case import DEFAULT, GROUPS, alert_named, fires
from .alert_cases.traffic import durations, lags, together
from .conftest import Evaluate, Service, needed_rules


def exempting(*exemptions: Exemption) -> Config:
    """A configuration with these exemptions."""
    return replace(DEFAULT, exemptions=exemptions)


def labels_of(name: str) -> dict[str, str]:
    """Labels that an alert's case has, and that distinguish it from others."""
    case = CASES[name]
    return {**(GROUPS[DEFAULT] if case.of_service else {}), **case.labels}


def exemption(name: str, labels: dict[str, str]) -> Exemption:
    """From one alert, for some labels."""
    key = alert_named(name).key
    return Exemption(alerts=(key,), labels=Labels(labels.items()), reason="planned")


THIS = exempting(*(exemption(name, labels_of(name)) for name in CASES))
OTHERS = exempting(
    *(
        exemption(name, {**labels_of(name), label: "another"})
        for name in CASES
        for label in labels_of(name)
    )
)


@pytest.mark.servers
@pytest.mark.parametrize("name", CASES)
def test_what_is_exempt_does_not_fire(name: str, evaluate: Evaluate) -> None:
    """By all its labels it is silent; when one of them is another's, it fires as before."""
    case = CASES[name]
    series = case.fires(Service(DEFAULT, GROUPS[DEFAULT]))
    for config, firing in ((THIS, False), (OTHERS, True)):
        test = {
            "input_series": series,
            "promql_expr_test": [fires(name, case.firing_at, firing)],
        }
        evaluate(config, [test], needed_rules(config, name))


@pytest.mark.servers
def test_a_pause_ends_in_local_time(evaluate: Evaluate) -> None:
    """The alert waits until the hours are over there; what then still holds fires."""
    # Promtool's time begins on Thursday, 1 January 1970, at 0:00 UTC: 1:00 in Vienna.
    name, hours, zone = "CqrsCommandErrorsHigh", ("Thu 01:00-01:40",), "Europe/Vienna"
    key = alert_named(name).key
    during = Exemption(alerts=(key,), during=hours, time_zone=zone, reason="maintenance")
    outside = Exemption(alerts=(key,), outside=hours, time_zone=zone, reason="batch")
    series = CASES[name].fires(Service(DEFAULT, GROUPS[DEFAULT]))
    for chosen, times in (
        (during, {"10m": False, "39m": False, "44m": False, "47m": True}),
        (outside, {"10m": True, "39m": True, "42m": False, "59m": False}),
    ):
        config = exempting(chosen)
        checks = [fires(name, at, firing) for at, firing in times.items()]
        rules = needed_rules(config, name)
        evaluate(config, [{"input_series": series, "promql_expr_test": checks}], rules)


@pytest.mark.servers
@pytest.mark.parametrize("value", ['a"b', "a\\b", "$1", "a.*", "{{ x }}", "ä ö"])
def test_values_are_taken_as_they_are(value: str, evaluate: Evaluate) -> None:
    """No character of a label's value means something to PromQL."""
    name = "CqrsCommandErrorsHigh"
    service = Service(DEFAULT, {"job": value})
    series = CASES[name].fires(service)
    labels = {"job": value, "command_type": "PlaceOrder"}
    for config, firing in (
        (exempting(exemption(name, labels)), False),
        (exempting(exemption(name, {**labels, "job": "axb"})), True),
    ):
        test = {"input_series": series, "promql_expr_test": [fires(name, "30m", firing)]}
        evaluate(config, [test], needed_rules(config, name))


@pytest.mark.servers
def test_an_objective_leaves_types_out(evaluate: Evaluate) -> None:
    """Late events of a projection that is excluded are none of those that were promised."""
    promised = replace(DEFAULT.slos.projection_freshness, excluded=("orders",))
    config = replace(DEFAULT, slos=replace(DEFAULT.slos, projection_freshness=promised))
    service = Service(DEFAULT, GROUPS[DEFAULT])
    on_time = durations(catalog.PROJECTION_LAG, catalog.PROJECTION_NAME, "others", {20.0: 120})
    # Each five minutes 300 events of the one, which are late, and 600 of the other.
    series = together(lags({50_000.0: 60}), on_time)(service)
    chosen = equals("slo", "projection_freshness")
    for settings, bad, all_events in ((DEFAULT, 300, 900), (config, 0, 600)):
        checks = [
            {
                "expr": f"round(sum({name}{{{chosen}}}))",
                "eval_time": "30m",
                "exp_samples": [{"labels": "{}", "value": value}],
            }
            for name, value in ((slo.events("5m"), all_events), (slo.bad_events("5m"), bad))
        ]
        evaluate(
            settings,
            [{"input_series": series, "promql_expr_test": checks}],
            needed_rules(settings, slo.events("5m"), slo.bad_events("5m")),
        )


def test_runbooks_tell_what_is_exempt() -> None:
    """Whoever wonders why it did not fire finds what, when and why."""
    config = exempting(
        Exemption(
            alerts=("commands_stopped", "command_availability"),
            labels=Labels({"job": "billing"}.items()),
            outside=("Mon-Fri 07:00-19:00", "Sat 08:00-12:00"),
            time_zone="Europe/Vienna",
            reason="works in office hours",
        )
    )
    told = '- `job="billing"` outside Mon-Fri 07:00-19:00, Sat 08:00-12:00 (Europe/Vienna): works'
    pages = render_runbooks(config)
    named = {name for name, text in pages.items() if told in text}
    assert named == {"CqrsCommandsStopped.md", "CqrsCommandAvailabilityBurn.md"}
