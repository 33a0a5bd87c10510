"""Loaded recording rules are compared with those that a configuration generates."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cqrs_alerts import slo
from cqrs_alerts.config import Config
from cqrs_alerts.live.causes import Cause
from cqrs_alerts.live.loaded_rules import LoadedRules
from cqrs_alerts.live.prometheus import Rule
from cqrs_alerts.promql import equals
from cqrs_alerts.recording import COMMAND_RATE, RECORDINGS
from cqrs_alerts.rule_files import recording_groups

RATE = COMMAND_RATE.name
FOREIGN = "sum(rate(up[30s * 2])) anchored"  # PromQL that the parser does not know


def recorded(name: str, expression: str, labels: dict[str, str]) -> Rule:
    """A rule that is evaluated."""
    return Rule(name, "recording", "ok", "", "", expression, labels, {}, 0, 0)


def loaded(config: Config) -> list[Rule]:
    """The rules of a configuration, as a server has them."""
    return [
        Rule(
            rule["record"],
            "recording",
            "ok",
            "",
            "",
            rule["expr"],
            rule.get("labels", {}),
            {},
            0,
            0,
        )
        for group in recording_groups(config)
        for rule in group["rules"]
    ]


def differing(rules: list[Rule], config: Config) -> dict[str, str]:
    """Reasons by the name of each series that is recorded otherwise."""
    examined = LoadedRules(rules, config)
    found = {rule.name: examined.diagnose(rule.name) for rule in rules}
    assert {each.cause for each in found.values() if each} <= {Cause.RULES_DIFFER}
    return {name: each.why for name, each in found.items() if each}


CONFIGS = {
    "default": Config(),
    "native": Config(histograms="native"),
    "no translation": Config(naming="NoTranslation", group_labels=("k8s.namespace.name", "job")),
    "selector": Config(selector=(equals("namespace", "shop"),)),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_each_configuration_knows_its_rules(name: str) -> None:
    """Alone, among those of all others, and with a label that a ruler adds to each."""
    config = CONFIGS[name]
    own = loaded(config)
    assert differing(own, config) == {}
    assert differing([rule for each in CONFIGS.values() for rule in loaded(each)], config) == {}
    replicas = [replace(each, labels={**each.labels, "replica": "a"}) for each in own]
    assert differing(replicas, config) == {}


@pytest.mark.parametrize("name", [name for name in CONFIGS if name != "default"])
def test_rules_of_another_configuration_differ(name: str) -> None:
    """All that read metrics do; the reason gives their number and one example."""
    found = differing(loaded(CONFIGS[name]), Config())
    assert found
    assert len(set(found.values())) == 1
    (why,) = set(found.values())
    assert f"generates: {len(found)}, such as " in why
    assert "reads" in why


def test_rules_of_others_do_not_matter() -> None:
    """A rule that is not ours may be in any language."""
    other = recorded("shop:up:rate", FOREIGN, {})
    assert differing([*loaded(Config()), other], Config()) == {}


@pytest.mark.parametrize("expression", [FOREIGN, "", f"{RATE} * 2"])
def test_a_rule_in_place_of_ours_differs(expression: str) -> None:
    """Also one that cannot be read."""
    rules = [
        replace(each, expression=expression) if each.name == RATE else each
        for each in loaded(Config())
    ]
    assert differing(rules, Config()).keys() == {RATE}


def test_an_objective_that_is_not_loaded() -> None:
    """Rules of one name for other objectives are there: the missing labels are said."""
    rules = [each for each in loaded(Config()) if each.labels.get("slo") != "command_availability"]
    found = differing(rules, Config())
    assert slo.OBJECTIVE in found
    assert "is missing with some of its labels" in found[slo.OBJECTIVE]


def test_without_rules() -> None:
    """None loaded is a fault; a server that does not list them is examined by its data."""
    none = LoadedRules([], Config()).diagnose(RATE)
    assert none is not None
    assert none.cause is Cause.RULES_NOT_LOADED
    assert all(LoadedRules(None, Config()).diagnose(each.name) is None for each in RECORDINGS)
