"""Spellings under which other exporters may have stored a metric of the catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterable

from cqrs_telemetry.catalog import Metric

from ..naming import Part

_SUFFIXES = r"(?:_milliseconds|_ms|_seconds|_ratio)?"
_TOTAL = "(?:_total)?"


def find_other_names(
    metric: Metric, part: Part, names: Iterable[str], expected: str
) -> list[tuple[str, str]]:
    """Names that look like ``metric``, each with the translation strategy that makes it so."""
    words = metric.name.split(".")
    # A prefix: exporters can put a namespace before every name.
    pattern = re.compile(
        rf"(?:\w+_)?{'[._]'.join(map(re.escape, words))}{_SUFFIXES}{_TOTAL}"
        + (f"_{part}" if part else "")
    )
    return [
        (name, _strategy(metric, name, part))
        for name in sorted(names)
        if name != expected and pattern.fullmatch(name)
    ]


def _strategy(metric: Metric, name: str, part: Part) -> str:
    own = name.removesuffix(f"_{part}") if part else name
    if own == metric.name:
        return "NoTranslation"
    if own.startswith(metric.name):
        return "NoUTF8EscapingWithSuffixes"
    if own == metric.name.replace(".", "_"):
        return "UnderscoreEscapingWithoutSuffixes"
    return "a rule of its own (a namespace, or another unit)"
