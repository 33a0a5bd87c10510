"""The mutation check: what it changes in a rule, what it reports, and a part of it for real."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from io import StringIO
from typing import Any

import click
import pytest
import yaml
from rich.console import Console

from ...mutation import run
from ...mutation.equivalents import EQUIVALENT
from ...mutation.mutants import Mutant, mutants
from .alert_cases.case import DEFAULT
from .conftest import rendered, rule_name

EXPRESSION = 'sum by (job, le) (rate(a{b="1 and 2"}[5m])) > 0.5\nunless on (job) c offset 1h'
RULE = {
    "alert": "Made",
    "expr": EXPRESSION,
    "for": "2m",
    "labels": {"side": "write"},
    "annotations": {"summary": "So it is"},
}
# Kind, change, and what the rule then says.
CHANGES = [
    ("comparison", "> to <", "expr", EXPRESSION.replace("> 0.5", "< 0.5")),
    ("threshold", "0.5 to 0.45", "expr", EXPRESSION.replace("0.5", "0.45")),
    ("threshold", "0.5 to 0.55", "expr", EXPRESSION.replace("0.5", "0.55")),
    ("window", "5m to 15m", "expr", EXPRESSION.replace("5m", "15m")),
    ("window", "1h to 3h", "expr", EXPRESSION.replace("1h", "3h")),
    ("label", 'b="1 and 2" to b!="1 and 2"', "expr", EXPRESSION.replace("b=", "b!=")),
    ("label", "by (job, le) without job", "expr", EXPRESSION.replace("job, le", "le")),
    ("label", "by (job, le) without le", "expr", EXPRESSION.replace("job, le", "job")),
    ("operator", "unless to and", "expr", EXPRESSION.replace("unless", "and")),
    ("operator", "sum to max", "expr", EXPRESSION.replace("sum", "max")),
    ("window", "for: 2m to 10m", "for", "10m"),
    ("window", "for: 2m to 0s", "for", "0s"),
    ("label", "labels.side", "labels", {"side": "writex"}),
    ("label", "annotations.summary", "annotations", {"summary": "So it isx"}),
]


@cache
def judges() -> dict[str, run.Judge]:
    """What judges the mutants of each rule, by its name."""
    return {each.name: each for each in run.judges()}


def test_what_is_changed_in_a_rule() -> None:
    """One thing in each mutant, and nothing inside of a label's value."""
    expected = [(kind, change, {**RULE, key: value}) for kind, change, key, value in CHANGES]
    found = [(each.kind, each.change, each.rule) for each in mutants(RULE)]
    key: Any = repr
    assert sorted(found, key=key) == sorted(expected, key=key)


def test_equal_changes_in_one_rule_are_told_apart() -> None:
    """Each has a name of its own, so that a reason to accept one does not cover the others."""
    changes = [each.change for each in mutants({"record": "a", "expr": "sum(b) / sum(c)"})]
    assert changes == ["sum to max", "sum to max (2)"]


def test_every_rule_is_judged() -> None:
    """A rule of the bundle cannot be left out of the check."""
    groups = [g for text in rendered(DEFAULT).values() for g in yaml.safe_load(text)["groups"]]
    rules = {rule_name(rule) for group in groups for rule in group["rules"]}
    assert set(judges()) == rules


def test_equivalents_are_of_rules() -> None:
    """No reason is left over of a rule that is gone."""
    assert {rule for rule, _ in EQUIVALENT} <= set(judges())


@pytest.mark.servers
@pytest.mark.usefixtures("promtool")
@pytest.mark.parametrize(
    "name",
    [
        "CqrsProjectionErrorsHigh",
        "CqrsTypeNameOverflow",
        "cqrs:projection_total:rate5m",
        "cqrs:projection_total_errors:rate5m",
        "cqrs:projection_total_errors:ratio_rate5m",
        "cqrs:slo_events:increase3d projection",
        "cqrs:slo_burn_rate:3d projection",
    ],
)
def test_mutants_are_noticed(name: str) -> None:
    """Of some rules each; all of them take minutes, and ``make mutants``."""
    with ThreadPoolExecutor(2) as workers:
        verdicts = run.judge(judges()[name], workers)
    run.check_equivalents(name, verdicts)
    assert [str(each) for each in verdicts if not each.killed and not each.equivalent] == []


def test_without_tests_nothing_is_noticed() -> None:
    """The share is that of the mutants that tests notice, and none is taken for granted."""
    with ThreadPoolExecutor(1) as workers:
        verdicts = run.judge(replace(judges()["CqrsTypeNameOverflow"], tests={}), workers)
    console = Console(file=StringIO(), width=200)
    assert run.report(verdicts, console) == 0
    assert isinstance(console.file, StringIO)
    assert f"{len(verdicts)} mutants, 0 killed: 0.0%" in console.file.getvalue()


def test_a_noticed_mutant_is_no_equivalent() -> None:
    """An entry that a test notices, or that is no mutant any more, is refused."""
    name, change = next(iter(EQUIVALENT))
    mutant = Mutant("operator", change, {})
    run.check_equivalents(name, [run.Verdict(name, mutant, killed=False)])
    with pytest.raises(click.ClickException, match=re.escape(f"{name}: {change}: a test notices")):
        run.check_equivalents(name, [run.Verdict(name, mutant, killed=True)])
    with pytest.raises(click.ClickException, match="or it is no mutant"):
        run.check_equivalents(name, [])


@pytest.mark.servers
@pytest.mark.usefixtures("promtool")
def test_tests_that_fail_anyway_judge_nothing() -> None:
    """A mutant is noticed by tests that pass without it."""
    each = judges()["cqrs:slo_budget_remaining:ratio30d write"]
    others = judges()["cqrs:slo_budget_remaining:ratio30d read"]
    with (
        ThreadPoolExecutor(1) as workers,
        pytest.raises(click.ClickException, match="fail without a mutant"),
    ):
        run.judge(replace(each, tests=others.tests), workers)
