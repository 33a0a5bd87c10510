"""Small changes to a rule, each of which a good test notices."""

from __future__ import annotations

import copy
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Rule = dict[str, Any]


@dataclass(frozen=True)
class Mutant:
    """A changed rule; ``kind`` is what was changed, ``change`` from what to what."""

    kind: str
    change: str
    rule: Rule


_OPPOSITES = {">": "<", "<": ">", ">=": "<", "<=": ">", "==": "!=", "!=": "=="}
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_COMPARISON = re.compile(r"(?<=\s)(>=|<=|==|!=|>|<)(?=\s)(?: bool)?")
_NUMBER = re.compile(r"(?<![\w.:\"\[])(\d+(?:\.\d+)?)(?![\w.:\"\]\[]|:)")
_WINDOW = re.compile(r"(?<=\[)(\d+)([smhd])(?=[:\]])")
_OFFSET = re.compile(r"(?<=offset )(\d+)([smhd])")
_MATCHER = re.compile(r"(\w+)(=~|!~|!=|=)(\"(?:[^\"\\]|\\.)*\")")
_GROUPING = re.compile(r"\b(by|on|ignoring) \(([^)]*)\)")
_SET = re.compile(r"\b(and|unless|or)\b")
_AGGREGATION = re.compile(r"\b(sum|max|min|count|avg)(?= by| ?\()")
_OTHER_SET = {"and": "unless", "unless": "and", "or": "and"}
_OTHER_AGGREGATION = {"sum": "max", "max": "min", "min": "max", "count": "sum", "avg": "sum"}
_FACTORS = (0.9, 1.1)
_INVERSE = {"=": "!=", "!=": "=", "=~": "!~", "!~": "=~"}


def mutants(rule: Rule) -> Iterator[Mutant]:
    """Every mutant of a rule, by what is changed."""
    seen = Counter[str]()
    for kind, change, expression in _expressions(rule["expr"]):
        seen[change] += 1
        which = f" ({seen[change]})" if seen[change] > 1 else ""  # equivalents have to name one
        yield Mutant(kind, change + which, {**rule, "expr": expression})
    yield from _around(rule)


def _expressions(text: str) -> Iterator[tuple[str, str, str]]:
    """Changed expressions: kind, change, text."""
    quoted = [found.span() for found in _QUOTED.finditer(text)]

    def places(*patterns: re.Pattern[str]) -> Iterator[re.Match[str]]:
        """Where a pattern is, but not in the value of a label."""
        for pattern in patterns:
            for found in pattern.finditer(text):
                if not any(start <= found.start() < end for start, end in quoted):
                    yield found

    def swap(found: re.Match[str], new: str) -> str:
        return text[: found.start()] + new + text[found.end() :]

    for found in places(_COMPARISON):
        new = _OPPOSITES[found[1]]
        yield "comparison", f"{found[0]} to {new}", swap(found, new)
    for found in places(_NUMBER):
        for factor in _FACTORS if float(found[0]) else ():
            new = f"{float(found[0]) * factor:.12g}"
            yield "threshold", f"{found[0]} to {new}", swap(found, new)
    for found in places(_WINDOW, _OFFSET):
        new = f"{int(found[1]) * 3}{found[2]}"
        yield "window", f"{found[0]} to {new}", swap(found, new)
    for found in places(_MATCHER):
        new = f"{found[1]}{_INVERSE[found[2]]}{found[3]}"
        yield "label", f"{found[0]} to {new}", swap(found, new)
    for found in places(_GROUPING):
        labels = found[2].split(", ")
        for dropped in labels if len(labels) > 1 else ():
            new = f"{found[1]} ({', '.join(label for label in labels if label != dropped)})"
            yield "label", f"{found[0]} without {dropped}", swap(found, new)
    for found in places(_SET):
        new = _OTHER_SET[found[1]]
        yield "operator", f"{found[1]} to {new}", swap(found, new)
    for found in places(_AGGREGATION):
        new = _OTHER_AGGREGATION[found[1]]
        yield "operator", f"{found[1]} to {new}", swap(found, new)


def _around(rule: Rule) -> Iterator[Mutant]:
    """Changes around the expression: how long, how loud, what it says."""
    for key in ("for", "keep_firing_for"):
        found = re.fullmatch(r"(\d+)([smhd])", rule.get(key, "0s"))
        if found and int(found[1]):
            for new in (f"{int(found[1]) * 5}{found[2]}", "0s"):
                yield Mutant("window", f"{key}: {rule[key]} to {new}", {**rule, key: new})
    for part in ("labels", "annotations"):
        for key in rule.get(part, {}):
            changed = copy.deepcopy(rule)
            changed[part][key] += "x"
            yield Mutant("label", f"{part}.{key}", changed)
