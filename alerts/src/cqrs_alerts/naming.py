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
Part = Literal["", "bucket", "count", "sum"]

STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
# What Prometheus knows besides; a configuration that asks for one is told so, not misread.
UNSUPPORTED_STRATEGIES = (
    "UnderscoreEscapingWithoutSuffixes",
    "NoUTF8EscapingWithSuffixes",
    "NoTranslation",
)

# Units as the exporters spell them; a unit in braces is an annotation and leaves no trace.
_UNIT_SUFFIXES = {"ms": "milliseconds", "s": "seconds", "By": "bytes", "1": ""}


class NamingError(ValueError):
    """A metric has no name that is the same on every pipeline."""


def series_name(metric: Metric, strategy: Strategy, part: Part = "") -> str:
    """Name of a metric's series in Prometheus; ``part`` picks one of a histogram's three.

    Raises:
        NamingError: The strategy or the metric's unit is not one that this module can translate.
    """
    _require_supported(strategy)
    suffixes = [_unit_suffix(metric)]
    if metric.kind == "counter":
        suffixes.append("total")
    name = _escape(metric.name)
    for suffix in suffixes:
        if suffix and not name.endswith(f"_{suffix}"):
            name = f"{name}_{suffix}"
    return f"{name}_{part}" if part else name


def label_name(attribute: Attribute, strategy: Strategy) -> str:
    """Name of the label that carries an attribute.

    Raises:
        NamingError: The strategy is not one that this module can translate.
    """
    _require_supported(strategy)
    return _escape(attribute.key)


def _require_supported(strategy: str) -> None:
    if strategy not in STRATEGIES:
        raise NamingError(f"naming {strategy!r} is not supported; use {', '.join(STRATEGIES)}")


def _unit_suffix(metric: Metric) -> str:
    if metric.unit.startswith("{"):
        return ""
    if metric.unit == "1" and metric.kind == "gauge":
        # The collector and Prometheus append _ratio, the Python exporter does not.
        raise NamingError(
            f"metric {metric.name}: a gauge of unit 1 is named differently by different exporters; "
            "give it an annotation as unit, such as {event}"
        )
    try:
        return _UNIT_SUFFIXES[metric.unit]
    except KeyError:
        raise NamingError(
            f"metric {metric.name}: unit {metric.unit!r} has no known suffix; "
            f"known are {', '.join(_UNIT_SUFFIXES)} and annotations such as {{event}}"
        ) from None


def _escape(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_:]", "_", name)
