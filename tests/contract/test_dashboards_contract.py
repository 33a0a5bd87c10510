"""Dashboards ask only for recorded series, by labels that these series have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import promql_parser
import pytest

from cqrs_alerts import alerting, foreign_metrics, recording, recording_rules, slo_rules
from cqrs_alerts.config import Config
from cqrs_alerts.dashboard_settings import DashboardSettings
from cqrs_alerts.derived import labels_of_derived
from cqrs_alerts.foreign_metrics import ALERT_NAME, ALERT_STATE
from cqrs_alerts.label_names import ALERT_LABELS, SLO
from cqrs_alerts.live.selectors import Selector, selectors
from cqrs_alerts.naming import recorded_label, series_name
from cqrs_alerts.rule_files import recording_groups
from cqrs_alerts.windows import RATE_WINDOW
from cqrs_dashboards import instance_panels
from cqrs_dashboards.bundle import dashboards, render
from cqrs_dashboards.questions import PanelQuestion, questions
from cqrs_dashboards.questions import panels as every_panel
from cqrs_telemetry import catalog

RECORDINGS = {each.name: each for each in recording.RECORDINGS}
CONFIGS = (Config(), Config(group_labels=("cluster", "namespace", "job")))
CLOSED = {
    attribute.key.replace(".", "_"): attribute.values
    for metric in catalog.METRICS
    for attribute in metric.attributes
    if attribute.values
}


def expressions(config: Config) -> Iterator[tuple[str, str]]:
    """Every panel query as written, with its panel, but for those by instance."""
    for dashboard in map(render, dashboards(config)):
        yield from panel_expressions(dashboard, dashboard["panels"])
        for row in dashboard["panels"]:
            if row["title"] != instance_panels.TITLE:
                yield from panel_expressions(dashboard, row.get("panels", []))
        for annotation in dashboard["annotations"]["list"]:
            yield f"{dashboard['title']}: {annotation['name']}", annotation["expr"]


def raw_expressions(config: Config) -> Iterator[tuple[str, str]]:
    """The queries by instance, inside collapsed rows: nobody asks them before a row is opened."""
    for dashboard in map(render, dashboards(config)):
        for row in dashboard["panels"]:
            if row["title"] == instance_panels.TITLE:
                yield from panel_expressions(dashboard, row["panels"])


def panel_expressions(dashboard: Any, panels: list[Any]) -> Iterator[tuple[str, str]]:
    """The queries of some panels of a dashboard."""
    for panel in panels:
        for target in panel.get("targets", []):
            yield f"{dashboard['title']}: {panel['title']}", target["expr"]


def labels_of(name: str, config: Config) -> set[str]:
    """Labels of a recorded series, or of one that Prometheus makes."""
    if name in RECORDINGS:
        return set(recording_rules.labels(RECORDINGS[name], config))
    if name in (derived := labels_of_derived(config)):
        return set(derived[name])
    if name == foreign_metrics.ALERTS:
        return {*config.group_labels, ALERT_NAME, ALERT_STATE, *ALERT_LABELS}
    if name in foreign_metrics.OF_PROMETHEUS:
        return {foreign_metrics.RULE_GROUP}
    assert name in foreign_metrics.OF_SCRAPES, name
    return set(config.group_labels)


def panel_selectors(config: Config) -> Iterator[tuple[str, Selector]]:
    """Every selector of every panel query."""
    for where, expression in expressions(config):
        for selector in selectors(expression):
            yield where, selector


@pytest.mark.parametrize("config", CONFIGS)
def test_every_query_parses_after_substitution(config: Config) -> None:
    """What Grafana sends, all variables at All, is PromQL without a variable left."""
    asked = [
        expression
        for dashboard in map(render, dashboards(config))
        for question in questions(dashboard, config)
        if isinstance(question, PanelQuestion)
        for expression in question.expressions
    ]
    assert asked
    for expression in asked:
        promql_parser.parse(expression)
        assert not re.search(r"\$[a-z_{]", expression)


@pytest.mark.parametrize("config", CONFIGS)
def test_selectors_are_recorded_series(config: Config) -> None:
    """No raw metric is asked for: its name would depend on the export pipeline."""
    recorded = {*RECORDINGS, *labels_of_derived(config)}
    made_by_prometheus = {
        foreign_metrics.ALERTS, *foreign_metrics.OF_SCRAPES, *foreign_metrics.OF_PROMETHEUS,
    }  # fmt: skip
    asked = {selector.name for _, selector in panel_selectors(config)}
    assert asked <= recorded | made_by_prometheus


@pytest.mark.parametrize("config", CONFIGS)
def test_raw_series_are_in_collapsed_rows(config: Config) -> None:
    """There, each is one of the catalogue, follows the variables and suits the panel's width."""
    raw = {series_name(metric, config.naming) for metric in catalog.METRICS}
    raw |= {series_name(metric, config.naming, "bucket") for metric in catalog.METRICS}
    checked = 0
    for where, expression in raw_expressions(config):
        for selector in selectors(expression.replace("$__rate_interval", "5m")):
            assert selector.name in raw, where
            matchers = {str(matcher) for matcher in selector.matchers}
            assert {f'{label}=~"${label}"' for label in config.group_labels} <= matchers, where
            checked += 1
        windows = re.findall(r"\[([^]]+)\]", expression)
        assert set(windows) <= {"$__rate_interval"}, where
        assert expression.startswith("topk("), where
    assert checked


@pytest.mark.parametrize("config", CONFIGS)
def test_selectors_use_labels_of_the_series(config: Config) -> None:
    """Each matcher names a label that the recorded series carries."""
    for where, selector in panel_selectors(config):
        known = labels_of(selector.name, config)
        assert {matcher.label for matcher in selector.matchers} <= known, where


@pytest.mark.parametrize("config", CONFIGS)
def test_selectors_follow_the_group_variables(config: Config) -> None:
    """Each selector is narrowed by every group label's variable."""
    for where, selector in panel_selectors(config):
        if selector.name in foreign_metrics.OF_PROMETHEUS:
            continue  # Prometheus evaluates one set of rules for all services
        matchers = {str(matcher) for matcher in selector.matchers}
        assert {f'{label}=~"${label}"' for label in config.group_labels} <= matchers, where


@pytest.mark.parametrize("config", CONFIGS)
def test_selectors_follow_the_type_variable(config: Config) -> None:
    """Where a series has the dashboard's type label, the type variable narrows it."""
    for dashboard in map(render, dashboards(config)):
        kind = dashboard["templating"]["list"][-2]["name"]
        if kind in config.group_labels:
            continue  # a dashboard about all types
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                for selector in selectors(target["expr"]):
                    labels = labels_of(selector.name, config)
                    if selector.name == foreign_metrics.ALERTS and kind != SLO:
                        continue  # labels of an alert depend on the alert
                    matched = {matcher.label for matcher in selector.matchers}
                    assert (kind in labels) == (kind in matched), panel["title"]


@pytest.mark.parametrize("config", CONFIGS)
def test_aggregations_keep_labels_of_the_series(config: Config) -> None:
    """``by`` names labels that what it aggregates has, and legends name labels that are kept."""
    checked = 0

    def visit(node: Any) -> None:
        nonlocal checked
        if not isinstance(node, promql_parser.AggregateExpr) or node.modifier is None:
            return
        known = set.intersection(
            *(labels_of(selector.name, config) for selector in selectors(str(node.expr)))
        )
        made = set(re.findall(r'label_replace\(.*, "(\w+)", "\$1"', str(node.expr)))
        assert set(node.modifier.labels) <= known | made
        checked += 1

    for _, expression in expressions(config):
        promql_parser.walk(promql_parser.parse(expression), visit)
    assert checked


@pytest.mark.parametrize("config", CONFIGS)
def test_projections_of_two_services_stay_two(config: Config) -> None:
    """What tells projections apart keeps and shows the service, as two may name theirs alike."""
    projection, services = recorded_label(catalog.PROJECTION_NAME), set(config.service_labels)
    found: list[set[str]] = []

    def visit(node: Any) -> None:
        if isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
            found.append(set(node.modifier.labels))

    for dashboard in map(render, dashboards(config)):
        for panel in every_panel(dashboard):
            found += [set(columns(step)) for step in panel.get("transformations", ())]
            for target in panel.get("targets", ()):
                found.append(set(re.findall(r"{{(\w+)}}", target["legendFormat"])))
                expression = target["expr"].replace("$__rate_interval", RATE_WINDOW)
                promql_parser.walk(promql_parser.parse(expression), visit)
    # An objective is one promise for all services, its panels show the worst of them.
    by_projection = [labels for labels in found if projection in labels and SLO not in labels]
    assert len(by_projection) > 40
    assert all(services <= labels for labels in by_projection)


def test_closed_values_are_of_the_catalogue() -> None:
    """A literal status or side in a query is one that the instrumentation can emit."""
    literals = [
        (matcher.label, matcher.value)
        for _, selector in panel_selectors(Config())
        for matcher in selector.matchers
        if matcher.operator == "=" and matcher.label in CLOSED
    ]
    assert literals
    for label, value in literals:
        assert value in CLOSED[label]


def test_empty_results_are_a_bucket_of_their_own() -> None:
    """The share of empty results reads a bucket bound that the histogram has."""
    assert catalog.QUERY_RESULT_SIZE.bounds[0] == 0.0


def test_every_recorded_series_is_used() -> None:
    """What is recorded and neither shown, alerted on nor recorded further would be of no use."""
    shown = {selector.name for _, selector in panel_selectors(Config())}
    groups = (*recording_groups(Config()), *alerting.rule_groups(Config()))
    rules = (rule for group in groups for rule in group["rules"])
    shown |= {selector.name for rule in rules for selector in selectors(rule["expr"])}
    unused = {
        name
        for name, each in RECORDINGS.items()
        # The medians and p99 by type serve alerts and a user's own panels.
        if name not in shown and not isinstance(each, recording.Quantile)
    }
    assert unused == set()


@pytest.mark.parametrize(
    ("dashboard", "title", "series"),
    [
        ("cqrs-write-path", "Throughput by command type", recording.COMMAND_RATE),
        ("cqrs-read-path", "Latency p95 by query type", recording.QUERY_DURATION_P95),
        ("cqrs-projections", "Lag p99 by projection", recording.PROJECTION_LAG_P99),
    ],
)
def test_the_contract_s_three_questions(
    dashboard: str, title: str, series: recording.Recording
) -> None:
    """Throughput by type, read p95 by type and lag p99 by projection each have their panel."""
    (expression,) = [
        target["expr"]
        for drawn in map(render, dashboards(Config()))
        if drawn["uid"] == dashboard
        for panel in drawn["panels"]
        if panel["title"] == title
        for target in panel["targets"]
    ]
    assert [selector.name for selector in selectors(expression)] == [series.name]


OPEN = {
    attribute.key.replace(".", "_")
    for metric in catalog.METRICS
    for attribute in metric.attributes
    if not attribute.values and attribute != catalog.ATTRIBUTE_KEY  # as many as are declared
}


def test_where_types_may_be_many_a_query_is_bounded() -> None:
    """A line per type or exception: the ten largest, whatever the number of types."""
    objectives = set(slo_rules.names(Config()))  # as many as the configuration names
    checked = 0
    for dashboard in map(render, dashboards(Config())):
        for panel in every_panel(dashboard):
            for target in panel.get("targets", []):
                shown = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
                if panel["type"] == "table":
                    shown = {label for step in panel["transformations"] for label in columns(step)}
                expression = target["expr"].replace("$__rate_interval", "5m")
                read = {selector.name for selector in selectors(expression)}
                if shown & OPEN and not read <= objectives:
                    assert "topk(" in target["expr"], f"{dashboard['title']}: {panel['title']}"
                    checked += 1
    assert checked > 20


def columns(transformation: Any) -> list[str]:
    """Labels that a table shows."""
    return list(transformation["options"]["indexByName"])


def test_the_row_that_a_runbook_names_shows_what_the_alert_is_about() -> None:
    """It is there under that title, and draws a series that the alert or its runbook asks for."""
    config = Config(dashboards=DashboardSettings(collector=True))
    shown = dict[tuple[str, str], set[str]]()
    for dashboard in map(render, dashboards(config)):
        row = ""
        for panel in dashboard["panels"]:
            row = panel["title"] if panel["type"] == "row" else row
            names = shown.setdefault((dashboard["uid"], row), set())
            for _, text in panel_expressions(dashboard, [panel, *panel.get("panels", [])]):
                window = text.replace("$__rate_interval", "5m")
                names |= {each.name for each in selectors(window)}
    for alert in alerting.ALERTS:
        asked = [
            *(rule.expression for rule in alert.rules(config)),
            *(query.expression(config) for query in alert.queries),
        ]
        names = {each.name for text in asked for each in selectors(text)}
        assert shown[alert.dashboard, alert.row] & names, alert.name
