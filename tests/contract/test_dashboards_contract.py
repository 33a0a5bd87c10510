"""Dashboards ask only for recorded series, by labels that these series have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import promql_parser
import pytest

from cqrs_alerts import recording
from cqrs_alerts.config import Config
from cqrs_dashboards.bundle import dashboards, render
from cqrs_dashboards.questions import PanelQuestion, questions
from cqrs_dashboards.selectors import Selector, selectors
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
    """Every panel query as written, with its panel."""
    for dashboard in map(render, dashboards(config)):
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                yield f"{dashboard['title']}: {panel['title']}", target["expr"]


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
        assert "$" not in expression


@pytest.mark.parametrize("config", CONFIGS)
def test_selectors_are_recorded_series(config: Config) -> None:
    """No raw metric is asked for: its name would depend on the export pipeline."""
    assert {selector.name for _, selector in panel_selectors(config)} <= RECORDINGS.keys()


@pytest.mark.parametrize("config", CONFIGS)
def test_selectors_use_labels_of_the_series(config: Config) -> None:
    """Each matcher names a label that the recorded series carries."""
    for where, selector in panel_selectors(config):
        known = recording.labels(RECORDINGS[selector.name], config)
        assert {matcher.label for matcher in selector.matchers} <= set(known), where


@pytest.mark.parametrize("config", CONFIGS)
def test_selectors_follow_the_group_variables(config: Config) -> None:
    """Each selector is narrowed by every group label's variable."""
    for where, selector in panel_selectors(config):
        matchers = {str(matcher) for matcher in selector.matchers}
        assert {f'{label}=~"${label}"' for label in config.group_labels} <= matchers, where


@pytest.mark.parametrize("config", CONFIGS)
def test_selectors_follow_the_type_variable(config: Config) -> None:
    """Where a series has the dashboard's type label, the type variable narrows it."""
    for dashboard in map(render, dashboards(config)):
        kind = dashboard["templating"]["list"][-1]["name"]
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                for selector in selectors(target["expr"]):
                    labels = recording.labels(RECORDINGS[selector.name], config)
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
            *(
                set(recording.labels(RECORDINGS[selector.name], config))
                for selector in selectors(str(node.expr))
            )
        )
        assert set(node.modifier.labels) <= known
        checked += 1

    for _, expression in expressions(config):
        promql_parser.walk(promql_parser.parse(expression), visit)
    assert checked


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


def test_every_recorded_rate_is_shown() -> None:
    """What is recorded and shown nowhere would be cost without use."""
    shown = {selector.name for _, selector in panel_selectors(Config())}
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
