"""Recorded series as rules: the one place that names what services export.

An exporter's names and the kind of its histograms end here: labels and names of what is recorded
are the same for each, so that whatever reads them need not know
(docs/adr/0009-buckets-from-native-histograms.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from cqrs_telemetry import catalog
from cqrs_telemetry.catalog import Attribute, Metric

from .config import Config
from .label_names import INSTANCE, LE
from .naming import Part, label_name, recorded_label, series_name, stored_parts
from .promql import (
    Matcher,
    count_by,
    differs,
    duration_seconds,
    equals,
    histogram_part,
    label_list,
    max_by,
    number,
    observed_up_to,
    quantile,
    rate,
    ratio,
    rename_labels,
    resets,
    select,
    sum_by,
)
from .recording import (
    RECORDINGS,
    ErrorRatio,
    Fact,
    Firsts,
    Instances,
    InstanceSeries,
    Level,
    Mean,
    Outcome,
    Quantile,
    Rate,
    Recording,
    Restarts,
    Share,
)
from .windows import FIRST_WINDOW, RATE_WINDOW

FACTS_LIVE = 2.5  # samples: one may be late, two are not there


def labels(recording: Recording, config: Config) -> tuple[str, ...]:
    """Labels that the recorded series carries: the group labels, then its own."""
    return tuple(recorded for _, recorded in _label_pairs(recording, config))


def expression(recording: Recording, config: Config) -> str:
    """The PromQL that the recorded series stands for.

    Of buckets made from native histograms it is that of one bucket, with ``le`` for its bound.
    """
    match recording:
        case Rate(part="bucket") if native := _native(recording, config):
            return observed_up_to(LE, native.name)
        case Rate(metric=metric, part=part):
            samples = rate(_select_raw(metric, part, config, recording.outcome), RATE_WINDOW)
            if part not in stored_parts(metric, config.histograms):
                samples = histogram_part(part, samples)
            return _aggregate(sum_by, samples, recording, config)
        case Firsts(of=of, alive=alive):
            counted = _select_raw(of.metric, of.part, config, of.outcome)
            # Of a process that was there before the series, or the scrape is what is the first.
            process = label_list((*config.group_labels, INSTANCE))
            there = f"{_select_raw(alive, '', config)} offset {FIRST_WINDOW}"
            new = f"{counted} unless {counted} offset {FIRST_WINDOW} and on ({process}) {there}"
            return _aggregate(sum_by, f"{new} or 0 * {counted}", recording, config)
        case Level():
            raw = _select_raw(recording.metric, "", config)
            return _aggregate(sum_by, raw, recording, config)
        case Fact():
            raw = _select_raw(recording.metric, "", config)
            age = number(FACTS_LIVE * duration_seconds(config.scrape_interval))
            now = f"{raw} and timestamp({raw}) >= time() - {age}"
            operation = max_by if recording.highest else sum_by
            return _aggregate(operation, now, recording, config)
        case Quantile():
            return quantile(recording.q, recording.buckets.name)
        case Mean():
            observations = select(recording.buckets.name, [equals(LE, "+Inf")])
            by = labels(recording, config)
            return ratio(sum_by(by, recording.total.name), sum_by(by, observations))
        case ErrorRatio(status=attribute):
            return _share(recording, attribute, catalog.ERROR, config)
        case Share(attribute=attribute, value=value):
            return _share(recording, attribute, value, config)
        case Restarts():
            counters = (recording.metric, *recording.others)
            back = " or ".join(
                resets(_select_raw(metric, "", config), RATE_WINDOW) for metric in counters
            )
            each = max_by((*config.group_labels, INSTANCE), back)
            return _aggregate(sum_by, each, recording, config)
        case InstanceSeries():
            raw = _select_raw(recording.metric, "", config)
            return _aggregate(count_by, raw, recording, config)
        case Instances():
            raw = _select_raw(recording.metric, "", config)
            each = count_by((*config.group_labels, INSTANCE), raw)
            return _aggregate(count_by, each, recording, config)


def units_by_scope(config: Config) -> dict[str, list[list[dict[str, Any]]]]:
    """The recording rules by instrumentation scope, as Prometheus loads them; a list per series."""
    units: dict[str, list[list[dict[str, Any]]]] = {}
    for recording in RECORDINGS:
        units.setdefault(recording.metric.scope, []).append(list(_rules(recording, config)))
    return units


def intermediate(recording: Recording, config: Config) -> Rate | None:
    """The series that a recorded one is made from, where it is not one of RECORDINGS."""
    if isinstance(recording, Rate) and recording.part == "bucket":
        return _native(recording, config)
    return None


def _rules(recording: Recording, config: Config) -> Iterator[dict[str, Any]]:
    native = intermediate(recording, config)
    if native is None:
        yield {"record": recording.name, "expr": expression(recording, config)}
        return
    # Buckets at the catalogue's bounds: whatever reads them reads what classic ones would say.
    yield {"record": native.name, "expr": expression(native, config)}
    for bound in (*native.metric.bounds, math.inf):
        yield {
            "record": recording.name,
            "expr": observed_up_to(bound, native.name),
            "labels": {LE: "+Inf" if bound == math.inf else str(bound)},
        }


def _native(buckets: Rate, config: Config) -> Rate | None:
    """Rate of the native histogram that buckets are made from."""
    return Rate(buckets.metric, buckets.by) if config.histograms == "native" else None


def _label_pairs(recording: Recording, config: Config) -> tuple[tuple[str, str], ...]:
    """Each label as the exporter has it and as the recorded series does."""
    own = ((label_name(a, config.naming), recorded_label(a)) for a in recording.by)
    le = ((LE, LE),) if isinstance(recording, Rate) and recording.part == "bucket" else ()
    instance = ((INSTANCE, INSTANCE),) if isinstance(recording, InstanceSeries) else ()
    return (*config.group_names, *own, *le, *instance)


def _aggregate(
    operation: Callable[[Iterable[str], str], str],
    raw: str,
    recording: Recording,
    config: Config,
) -> str:
    """Raw series summed or counted to the recorded labels."""
    pairs = _label_pairs(recording, config)
    return rename_labels(pairs, operation((exported for exported, _ in pairs), raw))


def _share(recording: ErrorRatio | Share, attribute: Attribute, value: str, config: Config) -> str:
    by = labels(recording, config)
    chosen = select(recording.rate.name, [equals(recorded_label(attribute), value)])
    total = sum_by(by, recording.rate.name)
    return ratio(f"{sum_by(by, chosen)} or 0 * {total}", total)


def _select_raw(metric: Metric, part: Part, config: Config, outcome: Outcome | None = None) -> str:
    matchers: list[Matcher] = list(config.selector)
    if outcome:
        # Errors of a type start at 0 in a series without an exception, so that panels have one.
        reason = differs(label_name(catalog.ERROR_TYPE, config.naming), "")
        matchers += [equals(label_name(outcome.status, config.naming), outcome.value), reason]
    stored: Part = part if part in stored_parts(metric, config.histograms) else ""
    return select(series_name(metric, config.naming, stored), matchers)
