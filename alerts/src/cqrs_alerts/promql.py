"""PromQL as composable strings: each function returns one well-formed expression."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

_MATCHER = re.compile(
    r"""\s*(?P<label>[a-zA-Z_][a-zA-Z0-9_]*)\s*(?P<operator>=~|!~|!=|=)"""
    r"""\s*(?P<value>"(?:[^"\\\n]|\\.)*")\s*"""
)
_DURATION = re.compile(
    r"(?:(?P<y>\d+)y)?(?:(?P<w>\d+)w)?(?:(?P<d>\d+)d)?"
    r"(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m)?(?:(?P<s>\d+)s)?(?:(?P<ms>\d+)ms)?"
)
_SECONDS = {"y": 31_536_000, "w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1, "ms": 0.001}


@dataclass(frozen=True)
class Matcher:
    """One label matcher; ``operator`` is ``=``, ``!=``, ``=~`` or ``!~``."""

    label: str
    operator: str
    value: str

    def __str__(self) -> str:
        # JSON's escapes are a subset of PromQL's (Go's) for double-quoted strings.
        return f"{self.label}{self.operator}{json.dumps(self.value, ensure_ascii=False)}"


def parse_matcher(text: str) -> Matcher:
    """A matcher from its PromQL text, such as ``namespace="shop"``.

    Raises:
        ValueError: The text is not one matcher with a double-quoted value.
    """
    found = _MATCHER.fullmatch(text)
    if found is None:
        raise ValueError('write it as in PromQL: label="value", with =, !=, =~ or !~')
    try:
        value = json.loads(found["value"], strict=False)
        value.encode()
    except ValueError:  # a JSON or an encoding error
        raise ValueError(
            r"the value has an escape that is not one of \\ \" \n \t \r \uXXXX; "
            r"double each backslash of a regular expression"
        ) from None
    return Matcher(found["label"], found["operator"], value)


def duration_seconds(text: str) -> float:
    """Seconds in a Prometheus duration such as ``5m`` or ``1h30m``.

    Raises:
        ValueError: The text is not a duration.
    """
    found = _DURATION.fullmatch(text)
    if found is None or not text:
        raise ValueError("write a Prometheus duration, such as 30s, 5m or 1h30m")
    return sum(int(n) * _SECONDS[unit] for unit, n in found.groupdict().items() if n)


def duration(seconds: float) -> str:
    """A Prometheus duration of whole seconds, in minutes where it comes out even."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes * 60 + rest}s" if rest else f"{minutes}m"


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


def resets(selector: str, window: str) -> str:
    """How often a counter went back within ``window``."""
    return f"resets({selector}[{window}])"


def sum_by(labels: Iterable[str], expression: str) -> str:
    """Sum that keeps ``labels`` and drops every other."""
    return f"sum by ({', '.join(labels)}) ({expression})"


def count_by(labels: Iterable[str], expression: str) -> str:
    """Number of series per set of ``labels``."""
    return f"count by ({', '.join(labels)}) ({expression})"


def quantile(q: float, buckets: str) -> str:
    """Quantile of a classic histogram whose bucket rates are ``buckets``."""
    return f"histogram_quantile({q:g}, {buckets})"


def ratio(numerator: str, denominator: str) -> str:
    """Share of one rate in another; absent, not NaN, where the denominator is zero."""
    return f"({numerator}) / ({denominator} > 0)"


def number(value: float) -> str:
    """A literal without float noise: ``0.05``, ``1000``."""
    return f"{value:.12g}"
