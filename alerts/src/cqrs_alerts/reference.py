"""The reference of metrics and recorded series, in Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from cqrs_telemetry import catalog
from cqrs_telemetry.catalog import Metric

from . import projection_state, rebuilds, slo
from .config import Config
from .files import GENERATED_BY
from .label_names import STATE
from .naming import label_name, series_name, stored_parts
from .promql import number
from .recording import RECORDINGS, Recording
from .recording_rules import expression, intermediate, labels

_BEGIN, _END = "<!-- metrics:begin -->", "<!-- metrics:end -->"
_REGION = re.compile(f"(?<={re.escape(_BEGIN)}\n).*?(?={re.escape(_END)})", re.DOTALL)


def render_reference(config: Config) -> str:
    """All metrics in full, then all recorded series."""
    metrics = "\n\n".join(_describe(metric, config) for metric in catalog.METRICS)
    attributes = dict.fromkeys(a for metric in catalog.METRICS for a in metric.attributes)
    return f"""\
<!-- {GENERATED_BY} metrics. -->
# Metrics

Names in Prometheus are those of the naming strategy `{config.naming}`, with {config.histograms}
histograms; [naming.md](naming.md) has the others.

{_summary(config)}

## Attributes

{
        _table(
            ("attribute", "label", "values", "meaning"),
            (
                (
                    f"`{a.key}`",
                    f"`{label_name(a, config.naming)}`",
                    ", ".join(a.values) or "open, bounded",
                    a.description,
                )
                for a in attributes
            ),
        )
    }

{metrics}

## Recorded series

Rules and dashboards read these; their names are the same for every naming strategy
([ADR 4](adr/0004-recorded-series-names.md)).

{
        _table(
            ("series", "labels", "expression"),
            (
                (
                    f"`{recording.name}`",
                    _codes(labels(recording, config)),
                    f"`{expression(recording, config)}`",
                )
                for recording in _recordings(config)
            ),
        )
    }

## States of projections

Recorded for each projection, under the group labels of the process that watches it and, the
last, with the label `{STATE}` ([ADR 11](adr/0011-states-of-projections.md)).

{
        _table(
            ("series", "meaning"),
            ((f"`{name}`", meaning) for name, meaning in projection_state.meanings().items()),
        )
    }

{
        _table(
            ("state", "number", "meaning"),
            ((f"`{each.name}`", str(each.code), each.meaning) for each in projection_state.STATES),
        )
    }

## Rebuilds

Recorded for each rebuild under way, with the labels {_codes(rebuilds.labels(config))}.

{
        _table(
            ("series", "meaning"),
            ((f"`{name}`", meaning) for name, meaning in rebuilds.meanings().items()),
        )
    }

## Objectives

Recorded for each service and each objective in the section `slos` of the configuration, with the
labels {_codes(slo.labels(config))}; those of types only where a type has an objective of its own.
Windows are {_codes(slo.windows(config))}.

{
        _table(
            ("series", "meaning"),
            ((f"`{name}`", meaning) for name, meaning in slo.meanings(config).items()),
        )
    }
"""


def fill_region(text: str, config: Config) -> str:
    """``text`` with a table of metrics between its two marker comments.

    Raises:
        ValueError: The text does not have the two markers, once and in order.
    """
    filled, count = _REGION.subn(lambda _: f"\n{_summary(config)}\n\n", text)
    if count != 1:
        raise ValueError(f"needs a line {_BEGIN} and, below it, a line {_END}, once")
    return filled


def _recordings(config: Config) -> Iterator[Recording]:
    for recording in RECORDINGS:
        if source := intermediate(recording, config):
            yield source
        yield recording


def _summary(config: Config) -> str:
    return _table(
        ("metric", "kind", "unit", "in Prometheus", "meaning"),
        (
            (f"`{metric.name}`", _kind(metric), f"`{metric.unit}`",
             f"`{series_name(metric, config.naming)}`", metric.description)
            for metric in catalog.METRICS
        ),
    )  # fmt: skip


def _describe(metric: Metric, config: Config) -> str:
    parts = stored_parts(metric, config.histograms)
    series = (series_name(metric, config.naming, part) for part in parts)
    own = (label_name(attribute, config.naming) for attribute in metric.attributes)
    lines = [
        f"## `{metric.name}`",
        "",
        f"{metric.description}.",
        "",
        f"- {_kind(metric)}, unit `{metric.unit}`, scope `{metric.scope}`",
        f"- series: {_codes(series)}",
        f"- labels: {_codes(own)}",
    ]
    if metric.bounds:
        lines.append(f"- buckets: {', '.join(map(number, metric.bounds))}")
    return "\n".join(lines)


def _kind(metric: Metric) -> str:
    return metric.kind.replace("up_down_", "up-down ")


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = (head, ("---",) * len(head), *rows)
    # A regular expression in a selector may have the character that ends a cell.
    escaped = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in escaped)
