"""A dashboard's JSON becomes the queries that Grafana would send."""

from __future__ import annotations

from typing import Any

import pytest

from cqrs_alerts.config import Config
from cqrs_dashboards.questions import PanelQuestion, VariableQuestion, questions, substitute


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
    variable = {"name": "job", "type": "custom", "current": {"value": ["a.b", "c"]}}
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
    assert substitute('up{job=~"$jbo"}', {"job": "x"}) == 'up{job=~"$jbo"}'


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
