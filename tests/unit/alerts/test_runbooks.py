"""Runbooks: complete, with the facts of the alert that they are for."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib.resources import files

import pytest
import yaml
from pydantic import ValidationError

from cqrs_alerts.alerting import ALERTS, AnyAlert, rules
from cqrs_alerts.config import Config
from cqrs_alerts.links import runbook_page
from cqrs_alerts.live.selectors import selectors
from cqrs_alerts.objective_settings import OwnLatency
from cqrs_alerts.rule_settings import RuleSettings
from cqrs_alerts.runbooks import SECTIONS, narrow, read_words, render_runbooks
from cqrs_alerts.setting_types import Labels
from cqrs_alerts.settings import settings_of

EACH_ALERT = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)


def page(alert: AnyAlert, config: Config) -> str:
    """The alert's runbook."""
    return render_runbooks(config)[runbook_page(alert.name)]


@EACH_ALERT
def test_page_has_its_sections(alert: AnyAlert) -> None:
    """One template for all: title, then the five sections, each with words."""
    headings = re.findall(r"^#+ (.+)$", page(alert, Config()), re.MULTILINE)
    assert headings == [alert.name, *SECTIONS]
    assert all(len(words) > 40 for words in read_words(alert).values())


@EACH_ALERT
def test_patience_is_explained(alert: AnyAlert) -> None:
    """Why it waits so long before it fires, and why it goes on firing or does not."""
    words = read_words(alert)["Tuning"]
    for setting in ("for", "keep_firing_for"):
        assert f"`{setting}`" in words


@EACH_ALERT
def test_numbers_that_can_be_set_are_explained(alert: AnyAlert) -> None:
    """Whoever tunes an alert reads what each of its thresholds is for, by its name."""
    words = "".join(read_words(alert).values())
    numbers = {
        setting.key
        for setting in settings_of(alert.settings(Config()))
        if type(setting.value) in (int, float) and setting.key != "objective"
    }
    assert {key for key in numbers if f"`{key}`" not in words} == set()


@EACH_ALERT
def test_page_has_the_alerts_facts(alert: AnyAlert) -> None:
    """Expression, queries and settings are those of the rule under the same configuration."""
    config = Config(group_labels=("namespace", "job"))
    text = page(alert, config)
    for rule in rules(alert, config):
        assert f"for {rule['for']}:\n\n```promql\n{rule['expr']}\n```" in text
    assert f'{alert.dashboard}>: the row "{alert.row}".' in text
    for query in alert.queries:
        assert f"{query.title}:\n\n```promql\n" in text
    block = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert block
    settings = settings_of(alert.settings(config))
    shown = yaml.safe_load(block[1])[alert.section][alert.key]
    values = {setting.key: setting.value for setting in settings}
    assert shown == {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}


@EACH_ALERT
def test_queries_are_about_what_the_alert_is_about(alert: AnyAlert) -> None:
    """Where a series has labels of the alert, its value is to be put in; nothing else is new."""
    config = Config(group_labels=("namespace", "job"))
    asked = re.findall(r"```promql\n(.*?)\n```", page(alert, config), re.DOTALL)
    of_queries = asked[len(alert.rules(config)) :]
    assert len(of_queries) == len(alert.queries)
    chosen = alert.labels(config)
    narrowed = 0
    for query, text in zip(alert.queries, of_queries, strict=True):
        before = {each.name: each.matchers for each in selectors(query.expression(config))}
        for each in selectors(text):
            assert set(before[each.name]) <= set(each.matchers)
            added = set(map(str, each.matchers)) - set(map(str, before[each.name]))
            assert added <= {f'{label}="${label}"' for label in chosen}
            narrowed += bool(added)
            for matcher in each.matchers:
                assert not matcher.value.startswith("$") or f"`{matcher.value}`" in page(
                    alert, config
                )
    assert narrowed or "job" not in chosen


NARROWED = {
    "sum(cqrs:command_total:rate5m)": (
        'sum(cqrs:command_total:rate5m{job="$job", command_type="$command_type"})'
    ),
    'cqrs:command_total:rate5m{command_status="error"} > 0': (
        'cqrs:command_total:rate5m{job="$job", command_type="$command_type", '
        'command_status="error"} > 0'
    ),
    "cqrs:instances:count": 'cqrs:instances:count{job="$job"}',
    # Another service may tell of the projection than the one that the alert is about.
    "cqrs:projection_pending:max": "cqrs:projection_pending:max",
    'cqrs:command_total:rate5m{error_type="a}", status="b"}': (
        'cqrs:command_total:rate5m{job="$job", command_type="$command_type", '
        'error_type="a}", status="b"}'
    ),
    'cqrs:slo_burn_rate:1h{slo="a"}': (
        'cqrs:slo_burn_rate:1h{job="$job", command_type="$command_type", slo="a"}'
    ),
    "up == 0": "up == 0",
}


@pytest.mark.parametrize("expression", NARROWED)
def test_a_query_is_narrowed_by_labels_that_its_series_has(expression: str) -> None:
    """Besides what it chooses already; what others export stays as it is."""
    labels = ("job", "command_type", "slo")
    assert narrow(expression, labels, Config()) == NARROWED[expression]


@EACH_ALERT
def test_words_mention_only_alerts_that_exist(alert: AnyAlert) -> None:
    """A runbook that refers to another one can be followed."""
    mentioned = set(re.findall(r"\bCqrs[A-Z]\w+", page(alert, Config())))
    assert mentioned <= {other.name for other in ALERTS}


def test_there_are_no_words_without_an_alert() -> None:
    """An alert that is removed or renamed takes its words along."""
    texts = {text.name for text in (files("cqrs_alerts") / "runbook_texts").iterdir()}
    assert texts == {runbook_page(alert.name) for alert in ALERTS}


def test_a_changed_threshold_shows() -> None:
    """Rule and runbook change together."""
    alert = next(a for a in ALERTS if a.name == "CqrsCommandLatencyHigh")
    section = replace(Config().alerts.command_latency_high, above_ms=250, for_="7m")
    config = replace(Config(), alerts=replace(Config().alerts, command_latency_high=section))
    text = page(alert, config)
    for fact in ("> 250\n", "for 7m", "above_ms: 250 ", "for: 7m ", "duration > 250ms"):
        assert fact in text


def test_an_alert_that_is_off_has_no_page() -> None:
    """Nobody is sent to a runbook of an alert that does not exist."""
    off = replace(Config().alerts.telemetry_faults, enabled=False)
    config = replace(Config(), alerts=replace(Config().alerts, telemetry_faults=off))
    assert "CqrsTelemetryFaults.md" not in render_runbooks(config)


@EACH_ALERT
def test_labels_that_alerts_have_are_not_to_be_set(alert: AnyAlert) -> None:
    """One label for all alerts must not take the place of one that tells alerts apart."""
    own = {
        *alert.labels(Config()),
        *(name for rule in alert.rules(Config()) for name in rule.labels),
    }
    for label in {*own, "alertname", "alertstate", "severity", "side"} - {"job"}:
        with pytest.raises(ValidationError, match=f"alerts use the label {label}"):
            RuleSettings(labels=Labels({label: "x"}.items()))


def test_time_to_detection_follows_the_settings() -> None:
    """A later offset of queries and a wider objective of one type are told."""
    slos = replace(
        Config().slos,
        command_latency=replace(
            Config().slos.command_latency,
            types=(OwnLatency(type="Import", objective=0.95, within_ms=1000),),
        ),
    )
    config = Config(rules=RuleSettings(query_offset="10m"), slos=slos)
    pages = render_runbooks(config)
    assert "Time to detection: 15m to 20m after" in pages["CqrsCommandErrorsHigh.md"]
    burning = pages["CqrsCommandLatencyBurn.md"]
    # 14.4 times the budget of an hour, two minutes of waiting, ten of the offset.
    assert "Time to detection: 21m (56m for Import) while all is bad" in burning
