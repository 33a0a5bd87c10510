"""A dashboard's JSON becomes the queries that Grafana would send."""

from __future__ import annotations

from typing import Any

import pytest

from cqrs_alerts.config import Config
from cqrs_dashboards.interpolation import Choice, interpolate
from cqrs_dashboards.questions import PanelQuestion, VariableQuestion, questions
from interpolations import CASES, OPTIONS, Case


def dashboard(expression: str, *variables: dict[str, Any]) -> dict[str, Any]:
    """A dashboard with one panel."""
    return {
        "title": "D",
        "templating": {"list": list(variables)},
        "panels": [{"title": "P", "targets": [{"expr": expression}]}],
    }


def asked(expression: str, *variables: dict[str, Any]) -> str:
    """What the panel asks."""
    (question,) = [
        each
        for each in questions(dashboard(expression, *variables), Config(scrape_interval="15s"))
        if isinstance(each, PanelQuestion)
    ]
    return question.expressions[0]


@pytest.mark.parametrize("reference", ["$job", "${job}", "${job:regex}", "[[job]]"])
def test_every_form_of_reference(reference: str) -> None:
    """Grafana's four spellings of a variable are replaced by the value for All."""
    variable = {"name": "job", "type": "custom", "allValue": ".+", "current": {"value": ["$__all"]}}
    assert asked(f'up{{job=~"{reference}"}}', variable) == 'up{job=~".+"}'


def test_chosen_values_are_escaped() -> None:
    """Several values become an alternative; what a regular expression would read is escaped."""
    current = {"value": ["a.b", "c"]}
    variable = {"name": "job", "type": "custom", "multi": True, "current": current}
    assert asked('up{job=~"$job"}', variable) == r'up{job=~"(a\\.b|c)"}'


def test_a_variable_without_choice_takes_everything() -> None:
    """Without an all-value Grafana would offer everything that there is."""
    assert asked('up{job=~"$job"}', {"name": "job", "type": "custom"}) == 'up{job=~".*"}'


def test_macros() -> None:
    """Intervals derive from the scrape interval, as in Grafana: four of them for a rate."""
    expression = "rate(x[$__rate_interval]) + rate(x[${__interval}]) + $__range_s + $__interval_ms"
    assert asked(expression) == "rate(x[60s]) + rate(x[15s]) + 3600 + 15000"


def test_an_unknown_reference_stays() -> None:
    """What is not known is left, so that Prometheus' own message names it."""
    assert interpolate('up{job=~"$jbo"}', {"job": Choice(["x"])}) == 'up{job=~"$jbo"}'


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.text}-{case.replaced}")
def test_variables_are_replaced_as_in_grafana(case: Case) -> None:
    """Formats, All and escapes are Grafana's, as in the preview."""
    choice = Choice(case.values, case.multi, OPTIONS, case.all_value)
    assert interpolate(case.text, {"v": choice}) == case.replaced


@pytest.mark.parametrize(
    ("variable", "interval"),
    [
        ({"query": "1m,10m", "current": {"value": "10m"}}, "10m"),
        ({"query": "1m, 10m", "auto": True, "current": {"value": "$__auto_interval_w"}}, "1m"),
        ({"query": "5m"}, "5m"),
    ],
)
def test_intervals_can_be_chosen(variable: dict[str, Any], interval: str) -> None:
    """The chosen one, or the first where Grafana would compute one."""
    interval_variable = {"name": "w", "type": "interval", **variable}
    assert asked("rate(x[$w])", interval_variable) == f"rate(x[{interval}])"


def test_constants_and_text_boxes_are_their_text() -> None:
    """Neither is a choice, so neither becomes everything."""
    constant = {"name": "c", "type": "constant", "query": "prod"}
    assert asked('up{env="$c"}', constant) == 'up{env="prod"}'


LOKI = {"type": "loki", "uid": "l"}


def test_hidden_queries_and_those_of_other_sources_are_left_out() -> None:
    """By what the target says, else the panel; a variable stands for the source that it chooses."""
    logs = {"name": "logs", "type": "datasource", "query": "loki"}
    metrics = {"name": "metrics", "type": "datasource", "query": "prometheus"}
    targets = [
        {"expr": "hidden", "hide": True},
        {"expr": "a", "datasource": LOKI},
        {"expr": "b", "datasource": {"uid": "${logs}"}},
        {"expr": "c", "datasource": {"uid": "${metrics}"}},
        {"expr": "d", "datasource": "$logs"},
        {"expr": "e"},
    ]
    of_loki = {"title": "Logs", "datasource": LOKI, "targets": [{"expr": '{app="x"}'}]}
    drawn = {
        "title": "D",
        "templating": {"list": [logs, metrics]},
        "panels": [{"title": "P", "targets": targets}, of_loki, {"title": "none", "targets": None}],
    }
    assert list(questions(drawn, Config())) == [PanelQuestion("D", "P", ("c", "e"))]


def test_variables_of_other_sources_are_left_out() -> None:
    """Prometheus has no values for them."""
    of_loki = {"name": "v", "type": "query", "query": "label_values(app)", "datasource": LOKI}
    assert list(questions(dashboard("up", of_loki), Config())) == [PanelQuestion("D", "P", ("up",))]


def test_variables_are_asked_too() -> None:
    """A query variable is a question about label values, with its own variables replaced."""
    job = {"name": "job", "type": "query", "allValue": ".+", "query": "label_values(job)"}
    kind = {
        "name": "kind", "type": "query", "label": "Kind",
        "query": {"query": 'label_values(up{job=~"$job", x="1,2"}, kind)'},
    }  # fmt: skip
    first, second, _ = questions(dashboard("up", job, kind), Config())
    assert first == VariableQuestion("D", "job", "job", None)
    assert second == VariableQuestion("D", "Kind", "kind", 'up{job=~".+", x="1,2"}')


def test_panels_inside_collapsed_rows_are_asked() -> None:
    """A collapsed row hides panels from the eye, not from the doctor."""
    inner = dashboard("up")["panels"]
    row = {"title": "R", "type": "row", "panels": inner}
    found = list(questions({"title": "D", "panels": [row]}, Config()))
    assert found == [PanelQuestion("D", "P", ("up",))]
