"""Recording rules of service level objectives: counts of five minutes, and what follows from them.

The count of a longer window is the sum of the counts of shorter, adjacent windows. No event is left
out or counted twice, and the samples read depend on the number of parts, not on the window's length
(docs/adr/0007-objectives-from-counts.md).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from cqrs_telemetry import catalog

from . import slo
from .config import Config
from .increases import increase, zero
from .label_names import LE, PART, SLO
from .naming import label_name, recorded_label
from .projection_state import STALE
from .promql import (
    Matcher,
    count_by,
    duration,
    duration_seconds,
    equals,
    number,
    observed_up_to,
    ratio,
    select,
    sum_by,
)
from .windows import RATE_WINDOW

_REMEMBERED = "1d"  # a service that is down must not lose its objective just then
_TIME_STEP = "5s"  # between two looks at what is counted in seconds; the shortest usual interval
# Go's shortest spelling of a number, which Prometheus 3 gives to what it scrapes.
_SCIENTIFIC_FROM = 1e6
# Counted as well where a window would be made of more than so many parts of the one before.
_STEPS = ("1h", "6h", "1d", "7d", "30d", "90d")
_MOST_PARTS = 12
# What Prometheus did not record as a part ended, because it was down, is replaced by what it
# recorded before: within this share of the part, and at most within so many seconds.
_GAP_SHARE, _LONGEST_GAP = 1 / 4, 6 * 3600
_LOOKBACK_SECONDS = 300  # Prometheus' own, of an instant selector

Types = tuple[str, str] | None  # operator and value of a matcher; None for all


def names(config: Config) -> tuple[str, ...]:
    """Names of all recorded series of the objectives."""
    if not slo.slis(config):
        return ()
    return (
        slo.OBJECTIVE,
        *(count(each) for each in counted_windows(config) for count in slo.COUNTS),
        *map(slo.burn_rate, slo.windows(config)),
        slo.budget_remaining(config),
    )


def units(scope: str, config: Config) -> list[list[dict[str, Any]]]:
    """The recording rules of the objectives on a scope's metrics, in the order of their evaluation.

    A list per objective, then one per window: its counts are of one instant, and so are its parts
    to each other, also where another group records them.
    """
    chosen = [sli for sli in slo.slis(config) if sli.recording.metric.scope == scope]
    if not chosen:
        return []
    label = recorded_label(catalog.SIDE)
    side = [equals(label, chosen[0].side)]
    found = [unit for sli in chosen for unit in _objectives(sli, config)]
    counted: list[str] = []
    for window in counted_windows(config):
        # The label is there already; repeated, it tells promtool that the rules of two scopes
        # write different series.
        found.append(
            [
                {"record": name, "expr": expression, "labels": {label: chosen[0].side}}
                for name, expression in _of_window(window, counted, side, config)
            ]
        )
        counted.append(window)
    return found


def _of_window(
    window: str, shorter: Sequence[str], side: Sequence[Matcher], config: Config
) -> Iterator[tuple[str, str]]:
    """What is counted in a window, and what follows from it."""
    if shorter:
        for count in slo.COUNTS:
            yield count(window), _sum_of_parts(window, shorter, count, side)
    if window in slo.windows(config):
        whole, bad = (select(count(window), side) for count in slo.COUNTS)
        objective = f"last_over_time({select(slo.OBJECTIVE, side)}[{_REMEMBERED}])"
        yield slo.burn_rate(window), f"{ratio(bad, whole)} / (1 - {objective})"
    if window == config.slos.period:
        left = select(slo.burn_rate(window), side)
        yield slo.budget_remaining(config), f"1 - {left}"


def counted_windows(config: Config) -> tuple[str, ...]:
    """Every window that events are counted in, from short to long.

    Those of the burn rates, and further ones where a window would have too many parts.
    """
    found: list[str] = []
    for window in slo.windows(config):
        reach = _MOST_PARTS * duration_seconds(found[-1] if found else window)
        while duration_seconds(window) > reach:
            found.append([step for step in _STEPS if duration_seconds(step) <= reach][-1])
            reach = _MOST_PARTS * duration_seconds(found[-1])
        found.append(window)
    return tuple(found)


def parts(window: str, shorter: Sequence[str]) -> Iterator[tuple[str, float]]:
    """The shorter windows that a window consists of, and how many seconds ago each ended."""
    length, covered = duration_seconds(window), 0.0
    for part in reversed(shorter):
        while covered + duration_seconds(part) <= length:
            yield part, covered
            covered += duration_seconds(part)


def _sum_of_parts(
    window: str, shorter: Sequence[str], count: Callable[[str], str], side: Sequence[Matcher]
) -> str:
    """Sum of the parts that there are: a service may be younger than the window, or have ended."""
    found: list[str] = []
    for part, ago in parts(window, shorter):
        counts = select(count(part), side)
        if ago:
            gap = min(duration_seconds(part) * _GAP_SHARE, _LONGEST_GAP)
            offset = f"offset {duration(ago)}"
            if gap > _LOOKBACK_SECONDS:
                counts = f"last_over_time({counts}[{duration(gap)}] {offset})"
            else:
                counts = f"{counts} {offset}"
        found.append(f'label_replace({counts}, "{PART}", "{len(found)}", "", "")')
    return f"sum without ({PART}) (\n   " + "\nor ".join(found) + "\n)"


def _objectives(sli: slo.Sli, config: Config) -> Iterator[list[dict[str, Any]]]:
    """The whole side with its objective, then each type that has an objective of its own."""
    settings = sli.settings(config)
    apart = (*(own.type for own in settings.types), *settings.excluded)
    rest = "|".join(map(re.escape, apart))
    label = recorded_label(sli.type)
    if isinstance(sli, slo.Latency) and config.histograms == "native":
        yield [{"record": _growth(sli), "expr": _native_growth(sli, config)}]
    yield list(_objective(sli, settings, ("!~", rest) if rest else None, {}, config))
    for own in settings.types:
        yield list(_objective(sli, own, ("=", own.type), {label: own.type}, config))


def _objective(
    sli: slo.Sli,
    promise: Any,
    chosen: Types,
    own: dict[str, str],
    config: Config,
) -> Iterator[dict[str, Any]]:
    labels = {SLO: sli.name, recorded_label(catalog.SIDE): sli.side, **own}
    if isinstance(sli, slo.Availability):
        whole, bad, none = _operations(sli, chosen, config)
    elif isinstance(sli, slo.Staleness):
        whole, bad, none = _seconds(sli, chosen, config)
    else:
        whole, in_time, none = _observations(sli, chosen, promise.within_ms, config)
        no_type = {} if own else {recorded_label(sli.type): ""}
        matchers = [equals(*each) for each in {**labels, **no_type}.items()]
        counted = sum_by(config.service_labels, select(slo.events(RATE_WINDOW), matchers))
        bad = f"clamp_min({counted} - ({in_time}), 0)"  # restarts may be estimates
    for name, expression in (
        (slo.events(RATE_WINDOW), whole),
        (slo.bad_events(RATE_WINDOW), bad),
        (slo.OBJECTIVE, f"{none} + {number(promise.objective)}"),
    ):
        yield {"record": name, "expr": expression, "labels": labels}


def _operations(sli: slo.Availability, chosen: Types, config: Config) -> tuple[str, str, str]:
    """Operations, those that failed, and none."""
    types = _matchers(label_name(sli.type, config.naming), chosen)
    failed = equals(label_name(sli.status, config.naming), catalog.ERROR)
    metric = sli.rate.metric
    none = zero(metric, "", config, types)
    bad = increase(metric, "", config, [*types, failed])
    return increase(metric, "", config, types), f"{bad} or {none}", none


def _observations(
    sli: slo.Latency, chosen: Types, bound: float, config: Config
) -> tuple[str, str, str]:
    """Observations, those up to a bound, and none."""
    metric, types = sli.buckets.metric, _matchers(label_name(sli.type, config.naming), chosen)
    if config.histograms == "native":
        recorded = _matchers(recorded_label(sli.type), chosen)
        grown = sum_by(config.service_labels, select(_growth(sli), recorded))
        none = zero(metric, "", config, types)
        return observed_up_to(math.inf, grown), observed_up_to(bound, grown), none
    return (
        increase(metric, "count", config, types),
        increase(metric, "bucket", config, [*types, up_to(bound)]),
        zero(metric, "count", config, types),
    )


def _seconds(sli: slo.Staleness, chosen: Types, config: Config) -> tuple[str, str, str]:
    """Seconds of which something is known, those of them that are bad, and none.

    A projection that began a moment ago has few, and one look at it, as its rebuild begins, is no
    evidence.
    """
    stale = select(STALE, _matchers(recorded_label(sli.type), chosen))
    looks, seconds = f"{stale}[{RATE_WINDOW}:{_TIME_STEP}]", number(duration_seconds(_TIME_STEP))
    return (
        sum_by(config.service_labels, f"count_over_time({looks})") + f" * {seconds}",
        sum_by(config.service_labels, f"sum_over_time({looks})") + f" * {seconds}",
        f"0 * {count_by(config.service_labels, f'count_over_time({stale}[{RATE_WINDOW}])')}",
    )


def _growth(sli: slo.Latency) -> str:
    """Name of the series that a native histogram's growth is recorded as."""
    return f"{sli.buckets.name.partition('_bucket:')[0]}:increase{RATE_WINDOW}"


def _native_growth(sli: slo.Latency, config: Config) -> str:
    types = ((label_name(sli.type, config.naming), recorded_label(sli.type)),)
    return increase(sli.buckets.metric, "", config, names=types)


def _matchers(label: str, chosen: Types) -> list[Matcher]:
    return [Matcher(label, *chosen)] if chosen else []


def up_to(bound: float) -> Matcher:
    """The bucket that ends at a bound, however it is spelt.

    OTLP makes it 5, the Python exporter 5.0, and Prometheus 3 makes 3.6e+06 of what it scrapes.
    """
    spellings = [f"{re.escape(number(bound))}{'([.]0)?' if bound == int(bound) else ''}"]
    if bound >= _SCIENTIFIC_FROM:
        digits, exponent = f"{bound:.12e}".split("e")
        spellings.append(re.escape(f"{number(float(digits))}e{exponent}"))
    return Matcher(LE, "=~", "|".join(spellings))
