"""What is planned does not fire: exemptions from alerts, by label and by time."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from cqrs_alerts import slo
from cqrs_alerts.alerting import ALERTS
from cqrs_alerts.config import Config
from cqrs_alerts.config_file import read_config
from cqrs_alerts.exemption_settings import Exemption
from cqrs_alerts.promql import equals
from cqrs_alerts.runbooks import render_runbooks
from cqrs_alerts.setting_types import Labels
from cqrs_telemetry import catalog

from .alert_cases import CASES
from .alert_cases.case import DEFAULT, GROUPS, alert_named, fires
from .alert_cases.facts import NOW, projection
from .alert_cases.traffic import durations, lags, together
from .conftest import Evaluate, Service, needed_rules

README = Path(__file__).parents[3] / "alerts/README.md"


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
def test_several_exemptions_hold_each_for_itself(evaluate: Evaluate) -> None:
    """Hours that overlap, another service, a pause that is over: the alert fires in between."""
    name = "CqrsCommandErrorsHigh"
    key = alert_named(name).key
    config = exempting(
        Exemption(alerts=(key,), during=("Thu 00:00-00:20", "00:10-00:20"), reason="deployment"),
        Exemption(
            alerts=(key,), labels=Labels({"job": "another"}.items()), reason="not in use"
        ),
        Exemption(
            alerts=(key,), labels=Labels({"job": "shop"}.items()), reason="audit",
            during=("Wed-Thu 00:40-00:50",),
        ),
    )  # fmt: skip
    times = {"15m": False, "24m": False, "27m": True, "39m": True, "45m": False, "57m": True}
    test = {
        "input_series": CASES[name].fires(Service(DEFAULT, GROUPS[DEFAULT])),
        "promql_expr_test": [fires(name, at, firing) for at, firing in times.items()],
    }
    evaluate(config, [test], needed_rules(config, name))


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
def test_the_retired_projection_of_the_readme_pages_nobody(
    evaluate: Evaluate, tmp_path: Path
) -> None:
    """With the README's example neither the projection nor an objective tells of it."""
    (block,) = re.findall(r"^```yaml\n(exemptions:.*?)^```$", README.read_text(), re.M | re.S)
    (tmp_path / "cqrs.yaml").write_text(block)
    retired = projection(
        ((10, 0), (490, (7, 60))), ((10, 0), (490, (60_000, 60_000))),
        handlers=((10, 1), (490, None)), success=((10, NOW), (490, None)),
    )(Service(DEFAULT, GROUPS[DEFAULT]))  # fmt: skip
    series = [
        {**line, "series": line["series"].replace('"orders"', '"orders_v1"')} for line in retired
    ]
    telling = ("CqrsProjectionStopped", "CqrsProjectionStalenessBurn")
    for config, names in ((DEFAULT, telling), (read_config(tmp_path / "cqrs.yaml"), ())):
        checks = [
            fires(alert.name, "100m", firing=alert.name in names)
            for alert in ALERTS
            if alert.name in telling or not names
        ]
        for check in checks:  # of a burn alert's rules several may fire
            check["expr"] = check["expr"].replace("count(", "group(")
        evaluate(config, [{"input_series": series, "promql_expr_test": checks}])


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
