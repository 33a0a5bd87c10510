"""Names that a metric of the catalogue has in Prometheus, as a function of the export pipeline.

Prometheus and the OpenTelemetry exporters agree on four translation strategies
(https://prometheus.io/docs/guides/opentelemetry/#utf-8). Recording rules are the only place that
uses these names; everything behind them reads recorded series, whose names never change.
"""

from __future__ import annotations

import re
from typing import Literal, get_args

from cqrs_telemetry.catalog import Attribute, Metric

Strategy = Literal["UnderscoreEscapingWithSuffixes"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
Part = Literal["", "bucket", "count", "sum"]

# Units as the exporters spell them; a unit in braces is an annotation and leaves no trace.
_UNIT_SUFFIXES = {"ms": "milliseconds", "1": ""}


def series_name(metric: Metric, strategy: Strategy, part: Part = "") -> str:
    """Name of a metric's series in Prometheus; ``part`` picks one of a histogram's three."""
    assert strategy == "UnderscoreEscapingWithSuffixes"  # noqa: S101 - the only one so far
    suffixes = [_unit_suffix(metric.unit)]
    if metric.kind == "counter":
        suffixes.append("total")
    name = _escape(metric.name)
    for suffix in suffixes:
        if suffix and not name.endswith(f"_{suffix}"):
            name = f"{name}_{suffix}"
    return f"{name}_{part}" if part else name


def label_name(attribute: Attribute, strategy: Strategy) -> str:
    """Name of the label that carries an attribute."""
    assert strategy == "UnderscoreEscapingWithSuffixes"  # noqa: S101 - the only one so far
    return _escape(attribute.key)


def _unit_suffix(unit: str) -> str:
    return "" if unit.startswith("{") else _UNIT_SUFFIXES[unit]


def _escape(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_:]", "_", name)
