"""The series that a PromQL expression reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import promql_parser

from ..promql import Matcher, select

_OPERATORS = (
    (promql_parser.MatchOp.Equal, "="),
    (promql_parser.MatchOp.NotEqual, "!="),
    (promql_parser.MatchOp.Re, "=~"),
    (promql_parser.MatchOp.NotRe, "!~"),
)  # no mapping: MatchOp has no hash


@dataclass(frozen=True)
class Selector:
    """A metric's name, empty when a matcher chooses it, and the label matchers."""

    name: str
    matchers: tuple[Matcher, ...]

    def __str__(self) -> str:
        return select(self.name, self.matchers)


def selectors(expression: str) -> tuple[Selector, ...]:
    """All selectors of an expression, each once, in the order in which they are written.

    Raises:
        ValueError: The expression is not PromQL.
    """
    found: dict[Selector, None] = {}

    def visit(node: Any) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            matchers = tuple(
                Matcher(each.name, _operator(each.op), each.value)
                for each in node.matchers.matchers
            )
            found[Selector(node.name or "", matchers)] = None

    promql_parser.walk(promql_parser.parse(expression), visit)
    return tuple(found)


def _operator(operator: promql_parser.MatchOp) -> str:
    return next(text for each, text in _OPERATORS if each == operator)
