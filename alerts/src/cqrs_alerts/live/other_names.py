"""Spellings under which an exporter may have stored a metric, and the settings that fit them."""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass
from itertools import product

from cqrs_telemetry.catalog import METRICS, Metric

from ..config import Config
from ..naming import HISTOGRAMS, STRATEGIES, Histograms, Strategy, series_name, stored_parts

_PARTS = "(?:_bucket|_count|_sum)?"
_SUFFIXES = r"(?:_milliseconds|_ms|_seconds|_ratio)?"
_TOTAL = "(?:_total)?"

_Spelling = tuple[Strategy, Histograms]
_SPELLINGS: tuple[_Spelling, ...] = tuple(product(STRATEGIES, HISTOGRAMS))


@dataclass(frozen=True)
class OtherName:
    """A name that is there in place of the expected one; ``naming`` is None for none of ours."""

    name: str
    naming: Strategy | None = None
    histograms: Histograms | None = None


def find_other_name(metric: Metric, names: Set[str], config: Config) -> OtherName | None:
    """What stands for ``metric`` among the names of a server, besides those that are expected.

    One metric may be spelt alike by several strategies: the one that explains most names wins.
    """
    expected = _names(metric, config.naming, config.histograms)
    known: dict[_Spelling, str] = {
        (strategy, histograms): found[0]
        for strategy, histograms in _SPELLINGS
        if (found := sorted(_names(metric, strategy, histograms) & names - expected))
    }
    if known:
        best = max(known, key=lambda each: _fit(each, names, config))
        return OtherName(known[best], *best)
    words = r"[._]".join(map(re.escape, metric.name.split(".")))
    # A prefix: exporters can put a namespace before every name.
    pattern = re.compile(rf"(?:[\w.]+[._])?{words}{_SUFFIXES}{_TOTAL}{_PARTS}")
    others = sorted(name for name in names - expected if pattern.fullmatch(name))
    return OtherName(others[0]) if others else None


def _names(metric: Metric, strategy: Strategy, histograms: Histograms) -> set[str]:
    return {series_name(metric, strategy, part) for part in stored_parts(metric, histograms)}


def _fit(spelling: _Spelling, names: Set[str], config: Config) -> tuple[int, int]:
    """How many metrics a spelling explains, then how much of it the configuration has."""
    strategy, histograms = spelling
    explained = sum(bool(_names(each, strategy, histograms) & names) for each in METRICS)
    return explained, (strategy == config.naming) + (histograms == config.histograms)
