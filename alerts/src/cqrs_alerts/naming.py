"""Names that a metric of the catalogue has in Prometheus, as a function of the export pipeline.

Prometheus and the OpenTelemetry exporters agree on four translation strategies
(https://prometheus.io/docs/guides/opentelemetry/#utf-8). Recording rules are the only place that
uses these names; everything behind them reads recorded series, whose names never change.
"""

from __future__ import annotations

import re
from typing import Literal, get_args

from cqrs_telemetry.catalog import Attribute, Metric

Strategy = Literal[
    "UnderscoreEscapingWithSuffixes",
    "UnderscoreEscapingWithoutSuffixes",
    "NoUTF8EscapingWithSuffixes",
    "NoTranslation",
]
Histograms = Literal["classic", "native"]
Part = Literal["", "bucket", "count", "sum"]

STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
HISTOGRAMS: tuple[Histograms, ...] = get_args(Histograms)

_ESCAPING = ("UnderscoreEscapingWithSuffixes", "UnderscoreEscapingWithoutSuffixes")
_WITH_SUFFIXES = ("UnderscoreEscapingWithSuffixes", "NoUTF8EscapingWithSuffixes")
# Units as the exporters spell them; a unit in braces is an annotation and leaves no trace.
_UNIT_SUFFIXES = {"ms": "milliseconds", "s": "seconds", "By": "bytes", "1": ""}
_TOTAL = "total"


class NamingError(ValueError):
    """A metric has no name that is the same on every pipeline."""


def series_name(metric: Metric, strategy: Strategy, part: Part = "") -> str:
    """Name of a metric's series in Prometheus; ``part`` picks one of a classic histogram's three.

    Raises:
        NamingError: The strategy or the metric's unit is not one that this module can translate.
    """
    name = metric.name
    unit = _unit_suffix(metric)
    if with_suffixes(strategy):
        # As Prometheus does it: ``total`` comes last and once, whatever stands before it.
        # https://github.com/prometheus/otlptranslator/blob/v1.0.0/metric_namer.go
        counted = metric.kind == "counter"
        if counted:
            name = re.sub(rf"[._]{_TOTAL}$", "", name)
        if unit and not name.endswith(unit):
            name = f"{name}_{unit}"
        if counted:
            name = f"{name}_{_TOTAL}"
    if escapes(strategy):
        name = escape(name)
    return f"{name}_{part}" if part else name


def stored_parts(metric: Metric, histograms: Histograms) -> tuple[Part, ...]:
    """Parts that a metric has as series of their own: a native histogram is one series."""
    split = metric.kind == "histogram" and histograms == "classic"
    return ("bucket", "sum", "count") if split else ("",)


def label_name(attribute: Attribute, strategy: Strategy) -> str:
    """Name of the label that carries an attribute on the exporter's series.

    Raises:
        NamingError: The strategy is not one that this module can translate.
    """
    return escape(attribute.key) if escapes(strategy) else attribute.key


def recorded_label(attribute: Attribute) -> str:
    """Name of the label that carries an attribute on recorded series, for every strategy."""
    return escape(attribute.key)


def escape(name: str) -> str:
    """A name that needs no quotes."""
    return re.sub(r"[^a-zA-Z0-9_:]", "_", name)


def escapes(strategy: Strategy) -> bool:
    """Whether dots become underscores.

    Raises:
        NamingError: The strategy does not exist.
    """
    return _require(strategy) in _ESCAPING


def with_suffixes(strategy: Strategy) -> bool:
    """Whether unit and kind are appended.

    Raises:
        NamingError: The strategy does not exist.
    """
    return _require(strategy) in _WITH_SUFFIXES


def _require(strategy: Strategy) -> Strategy:
    if strategy not in STRATEGIES:
        raise NamingError(f"naming {strategy!r} does not exist; use {', '.join(STRATEGIES)}")
    return strategy


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
