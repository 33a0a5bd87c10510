"""What dashboards ask of recorded series, and the same asked of raw metrics."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from cqrs_alerts.rule_files import ALERTS_FILE, RECORDING_FILE

ROOT = Path(__file__).parents[2]
RULES = ROOT / "alerts" / "generated"
DASHBOARDS = ROOT / "dashboards" / "generated"

_SELECTOR = re.compile(r"(cqrs:[\w:]+)(?:\{([^}]*)\})?(?:\[([^\]]*)\])?")
_RAW = re.compile(r"\b(cqrs_\w+)(?!\w|\s*[,)])(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*")')

# The contract's own queries. Two of them lack the unit that the stock exporter appends, and find
# nothing; here they have it.
CONTRACT = """\
sum(rate(cqrs_command_total[5m])) by (command_type)
histogram_quantile(0.95, sum(rate(cqrs_query_duration_milliseconds_bucket[5m])) by (le, query_type))
histogram_quantile(0.99, sum(rate(cqrs_projection_lag_milliseconds_bucket[5m])) by (le, projection_name))
""".splitlines()  # noqa: E501


@dataclass(frozen=True)
class Question:
    """A query of a dashboard; of a range, or of its end alone."""

    dashboard: str
    expression: str
    instant: bool


def groups(file: str) -> dict[str, list[dict[str, Any]]]:
    """The rules of a generated file by group."""
    document = yaml.safe_load((RULES / file).read_text())
    return {group["name"]: group["rules"] for group in document["groups"]}


def rule_groups() -> dict[str, list[dict[str, Any]]]:
    """All rules that Prometheus evaluates."""
    return {**groups(RECORDING_FILE), **groups(ALERTS_FILE)}


def recording_rules() -> list[dict[str, Any]]:
    """All recording rules."""
    return [rule for rules in groups(RECORDING_FILE).values() for rule in rules]


def layers() -> list[list[dict[str, Any]]]:
    """Recording rules, first those of raw metrics, then each after all that it asks.

    promtool does not see what it has just backfilled.
    """
    rules = recording_rules()
    asked: dict[str, set[str]] = {rule["record"]: set() for rule in rules}
    for rule in rules:
        asked[rule["record"]] |= {name for name, *_ in _SELECTOR.findall(rule["expr"])} & set(asked)

    def depth(name: str) -> int:
        return 1 + max(map(depth, asked[name]), default=-1)

    found: list[list[dict[str, Any]]] = [[] for _ in range(1 + max(map(depth, asked)))]
    for rule in rules:
        found[depth(rule["record"])].append(rule)
    return found


def dashboard_questions() -> Iterator[Question]:
    """Every query of every panel, its variables at their first value, which is all."""
    for file in sorted(DASHBOARDS.glob("*.json")):
        document = json.loads(file.read_text())
        variables = {
            variable["name"]: variable["allValue"]
            for variable in document["templating"]["list"]
            if variable.get("allValue")
        }
        for panel in document["panels"]:
            for target in panel.get("targets", ()):
                if "expr" in target:
                    expression = target["expr"]
                    for name, value in variables.items():
                        expression = expression.replace(f"${name}", value)
                    yield Question(document["title"], expression, bool(target.get("instant")))


@cache
def _rules_by_name() -> dict[str, list[dict[str, Any]]]:
    rules: dict[str, list[dict[str, Any]]] = {}
    for rule in recording_rules():
        rules.setdefault(rule["record"], []).append(rule)
    return rules


def needs_history(expression: str) -> bool:
    """Whether it asks, directly or by its rules, for the past of a recorded series.

    Budgets over 30 days and states do. Of raw metrics one would ask otherwise, or not at all.
    """
    rules = _rules_by_name()
    asked = [(name, span) for name, _, span in _SELECTOR.findall(expression) if name in rules]
    return any(span for _, span in asked) or any(_has_history(name) for name, _ in asked)


@cache
def _has_history(name: str) -> bool:
    return any(needs_history(rule["expr"]) for rule in _rules_by_name()[name])


def on_raw_metrics(expression: str) -> str:
    """The expression with each recorded series replaced by what its rules ask.

    Matchers go to the raw selectors; labels that a rule adds are added. Not for what
    ``needs_history``.
    """
    rules = _rules_by_name()

    def replace(found: re.Match[str]) -> str:
        name, matchers, _ = found.groups()
        if name not in rules:
            return found.group()
        wanted = _MATCHER.findall(matchers or "")
        alternatives = [
            _expand(rule, wanted) for rule in rules[name] if _fits(rule.get("labels", {}), wanted)
        ]
        made = on_raw_metrics(" or ".join(alternatives)) if alternatives else "vector(0) > 1"
        return f"({made})"

    return _SELECTOR.sub(replace, expression)


def _fits(labels: dict[str, str], wanted: list[tuple[str, str, str]]) -> bool:
    for name, operator, quoted in wanted:
        if name in labels:
            value = json.loads(quoted)
            same = (
                bool(re.fullmatch(value, labels[name]))
                if "~" in operator
                else value == labels[name]
            )
            if same == operator.startswith("!"):
                return False
    return True


def _expand(rule: dict[str, Any], wanted: list[tuple[str, str, str]]) -> str:
    labels = rule.get("labels", {})
    pushed = [f"{name}{op}{value}" for name, op, value in wanted if name not in labels]
    expression = rule["expr"]

    def narrow(found: re.Match[str]) -> str:
        name, matchers, *rest = found.groups()
        inside = ", ".join(filter(None, [matchers, *pushed]))
        span = f"[{rest[0]}]" if rest and rest[0] else ""
        return f"{name}{{{inside}}}{span}" if inside else f"{name}{span}"

    for selector in (_SELECTOR, _RAW):
        expression = selector.sub(narrow, expression)
    for name, value in labels.items():
        expression = f'label_replace({expression}, "{name}", "{value}", "", "")'
    return f"({expression})"
