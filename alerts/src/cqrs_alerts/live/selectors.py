"""The series that a PromQL expression reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import promql_parser

from ..label_names import NAME
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
            found[read_selector(node)] = None

    promql_parser.walk(promql_parser.parse(expression), visit)
    return tuple(found)


def read_selector(node: promql_parser.VectorSelector) -> Selector:
    """The selector that a parsed expression holds.

    A name in quotes is a matcher to the parser, and what it prints of one it does not read again.
    """
    matchers = [
        Matcher(each.name, _operator(each.op), each.value) for each in node.matchers.matchers
    ]
    quoted = [each for each in matchers if (each.label, each.operator) == (NAME, "=")]
    if node.name or len(quoted) != 1:
        return Selector(node.name or "", tuple(matchers))
    return Selector(quoted[0].value, tuple(each for each in matchers if each not in quoted))


def normalize(expression: str) -> str:
    """An expression as the parser spells it, each selector's matchers in alphabetical order.

    Prometheus shows a rule in its own spelling, a name in quotes after the other matchers.

    Raises:
        ValueError: The expression is not PromQL.
    """
    parsed = promql_parser.parse(expression)
    spellings: dict[str, str] = {}

    def visit(node: Any) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found = read_selector(node)
            written, brace, _ = str(node).rpartition("}")  # an offset comes after it
            ordered = tuple(sorted(found.matchers, key=str))
            spellings[written + brace] = str(Selector(found.name, ordered))

    promql_parser.walk(parsed, visit)
    text = str(parsed)
    for written in sorted(spellings, key=len, reverse=True):
        text = text.replace(written, spellings[written])
    return text


def is_same(loaded: str, expected: str) -> bool:
    """Whether a server's expression is the expected one, in whatever spelling."""
    try:
        return normalize(loaded) == normalize(expected)
    except ValueError:  # PromQL of another ruler, such as MetricsQL
        return False


def _operator(operator: promql_parser.MatchOp) -> str:
    return next(text for each, text in _OPERATORS if each == operator)
