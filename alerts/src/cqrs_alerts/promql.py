"""PromQL as composable strings: each function returns one well-formed expression."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Matcher:
    """One label matcher; ``operator`` is ``=``, ``!=``, ``=~`` or ``!~``."""

    label: str
    operator: str
    value: str

    def __str__(self) -> str:
        # JSON's escapes are a subset of PromQL's (Go's) for double-quoted strings.
        return f"{self.label}{self.operator}{json.dumps(self.value, ensure_ascii=False)}"


def equals(label: str, value: str) -> Matcher:
    """``label="value"``."""
    return Matcher(label, "=", value)


def differs(label: str, value: str) -> Matcher:
    """``label!="value"``."""
    return Matcher(label, "!=", value)


def select(name: str, matchers: Iterable[Matcher] = ()) -> str:
    """An instant vector selector."""
    inner = ", ".join(map(str, matchers))
    return f"{name}{{{inner}}}" if inner else name


def rate(selector: str, window: str) -> str:
    """Per-second rate of a counter over ``window``."""
    return f"rate({selector}[{window}])"


def sum_by(labels: Iterable[str], expression: str) -> str:
    """Sum that keeps ``labels`` and drops every other."""
    return f"sum by ({', '.join(labels)}) ({expression})"


def quantile(q: float, buckets: str) -> str:
    """Quantile of a classic histogram whose bucket rates are ``buckets``."""
    return f"histogram_quantile({q:g}, {buckets})"


def ratio(numerator: str, denominator: str) -> str:
    """Share of one rate in another; absent, not NaN, where the denominator is zero."""
    return f"({numerator}) / ({denominator} > 0)"
