"""PromQL as composable strings: each function returns one well-formed expression."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_STRING = r'"(?:[^"\\\n]|\\.)*"'
_MATCHER = re.compile(
    rf"""\s*(?:(?P<label>[a-zA-Z_][a-zA-Z0-9_]*)|(?P<quoted>{_STRING}))"""
    rf"""\s*(?P<operator>=~|!~|!=|=)\s*(?P<value>{_STRING})\s*"""
)
# What needs no quotes; anything else does, in Prometheus 3:
# https://prometheus.io/docs/prometheus/latest/querying/basics/#time-series-selectors
_PLAIN_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_PLAIN_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_DURATION = re.compile(
    r"(?:(?P<y>\d+)y)?(?:(?P<w>\d+)w)?(?:(?P<d>\d+)d)?"
    r"(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m)?(?:(?P<s>\d+)s)?(?:(?P<ms>\d+)ms)?"
)
# Above the threshold of zero that Prometheus (1e-128) and its client libraries (2.9e-39) use.
_BEYOND_ZERO = 1e-30
_SECONDS = {"y": 31_536_000, "w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1, "ms": 0.001}


@dataclass(frozen=True)
class Matcher:
    """One label matcher; ``operator`` is ``=``, ``!=``, ``=~`` or ``!~``."""

    label: str
    operator: str
    value: str

    def __str__(self) -> str:
        return f"{_spell_label(self.label)}{self.operator}{_quote(self.value)}"


def parse_matcher(text: str) -> Matcher:
    """A matcher from its PromQL text, such as ``namespace="shop"`` or ``"k8s.pod.name"="a"``.

    Raises:
        ValueError: The text is not one matcher with a double-quoted value.
    """
    found = _MATCHER.fullmatch(text)
    if found is None:
        raise ValueError('write it as in PromQL: label="value", with =, !=, =~ or !~')
    try:
        label = found["label"] or json.loads(found["quoted"], strict=False)
        value = json.loads(found["value"], strict=False)
        f"{label}{value}".encode()
    except ValueError:  # a JSON or an encoding error
        raise ValueError(
            r"the value has an escape that is not one of \\ \" \n \t \r \uXXXX; "
            r"double each backslash of a regular expression"
        ) from None
    if not label:
        raise ValueError("names no label between the first quotes")
    return Matcher(label, found["operator"], value)


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
    """A Prometheus duration of whole seconds, in the longest unit in which it comes out even."""
    unit = next(unit for unit in ("d", "h", "m", "s") if not round(seconds) % _SECONDS[unit])
    return f"{round(seconds / _SECONDS[unit])}{unit}"


def equals(label: str, value: str) -> Matcher:
    """``label="value"``."""
    return Matcher(label, "=", value)


def differs(label: str, value: str) -> Matcher:
    """``label!="value"``."""
    return Matcher(label, "!=", value)


def select(name: str, matchers: Iterable[Matcher] = ()) -> str:
    """An instant vector selector; a name that is no plain one goes between the braces."""
    plain = not name or _PLAIN_METRIC.fullmatch(name)
    inner = ", ".join([*([] if plain else [_quote(name)]), *map(str, matchers)])
    return f"{name if plain else ''}{{{inner}}}" if inner else name


def rate(selector: str, window: str) -> str:
    """Per-second rate of a counter over ``window``."""
    return f"rate({selector}[{window}])"


def resets(selector: str, window: str) -> str:
    """How often a counter went back within ``window``."""
    return f"resets({selector}[{window}])"


def sum_by(labels: Iterable[str], expression: str) -> str:
    """Sum that keeps ``labels`` and drops every other."""
    return f"sum by ({label_list(labels)}) ({expression})"


def count_by(labels: Iterable[str], expression: str) -> str:
    """Number of series per set of ``labels``."""
    return f"count by ({label_list(labels)}) ({expression})"


def max_by(labels: Iterable[str], expression: str) -> str:
    """Largest value per set of ``labels``."""
    return f"max by ({label_list(labels)}) ({expression})"


def label_list(labels: Iterable[str]) -> str:
    """Labels as ``by`` and ``on`` take them."""
    return ", ".join(map(_spell_label, labels))


def copy_labels(names: Iterable[tuple[str, str]], expression: str) -> str:
    """The same series with labels under another name, too: pairs of the present and the other.

    A join of one label copies it without the regular expression of ``label_replace``.
    """
    for old, new in names:
        if old != new:
            expression = f'label_join({expression}, {_quote(new)}, "", {_quote(old)})'
    return expression


def rename_labels(names: Sequence[tuple[str, str]], aggregated: str) -> str:
    """Series that have just the labels of ``names``, pairs of the present and the wanted name.

    Renaming after an aggregation, when the series are few, costs next to nothing; the sum drops the
    old names.
    """
    renamed = copy_labels(names, aggregated)
    return sum_by((new for _, new in names), renamed) if renamed != aggregated else aggregated


def quantile(q: float, buckets: str) -> str:
    """Quantile of a classic histogram whose bucket rates are ``buckets``, or of a native one."""
    return f"histogram_quantile({q:g}, {buckets})"


def histogram_part(part: str, native: str) -> str:
    """Count or sum of a native histogram's observations."""
    return f"histogram_{part}({native})"


def observed_up_to(bound: float | str, native: str) -> str:
    """How many of a native histogram's observations are at most ``bound``, as its bucket would say.

    The share of none is NaN, which the comparison drops: then their count, 0, is the answer.
    """
    count = histogram_part("count", native)
    if bound == math.inf:
        return count
    # The bucket of zeros reaches a little further than 0, and a share up to its middle halves it.
    limit = bound if isinstance(bound, str) else number(bound or _BEYOND_ZERO)
    return f"histogram_fraction(-Inf, {limit}, {native}) * {count} >= 0 or {count}"


def ratio(numerator: str, denominator: str) -> str:
    """Share of one rate in another; absent, not NaN, where the denominator is zero."""
    return f"({numerator}) / ({denominator} > 0)"


def number(value: float) -> str:
    """A literal without float noise: ``0.05``, ``1000``."""
    return f"{value:.12g}"


def _spell_label(name: str) -> str:
    return name if _PLAIN_LABEL.fullmatch(name) else _quote(name)


def _quote(text: str) -> str:
    # JSON's escapes are a subset of PromQL's (Go's) for double-quoted strings.
    return json.dumps(text, ensure_ascii=False)
