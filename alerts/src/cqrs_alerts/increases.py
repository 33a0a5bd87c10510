"""What raw counters grew by, to the event.

``increase()`` of PromQL extrapolates and leaves out what is added between two windows that meet
(https://prometheus.io/docs/prometheus/latest/querying/functions/#rate). That is good enough for a
graph, but not for objectives, whose long windows are sums of short ones.
"""

from __future__ import annotations

from collections.abc import Iterable

from cqrs_telemetry import catalog
from cqrs_telemetry.catalog import Metric

from .config import Config
from .label_names import INSTANCE
from .naming import Part, series_name
from .promql import (
    Matcher,
    count_by,
    duration,
    histogram_part,
    label_list,
    max_by,
    rename_labels,
    select,
    sum_by,
)
from .windows import RATE_WINDOW, RATE_WINDOW_SECONDS

# A process exports this from its start on, which tells a new series from a new process.
ALIVE = catalog.TELEMETRY_OVERFLOW


def increase(
    metric: Metric,
    part: Part,
    config: Config,
    chosen: Iterable[Matcher] = (),
    names: Iterable[tuple[str, str]] = (),
) -> str:
    """Growth within the rate window, per service and the labels of ``names``.

    Of what is left of ``chosen`` series; ``names`` are pairs of a label as it is exported and as it
    is to be called. A native histogram grows by a native histogram.
    """
    selector = _select(metric, part, config, chosen)
    native = metric.kind == "histogram" and not part
    pairs = (*config.group_names, *names)
    grown = _grown(selector, _samples_of_processes(config), native=native)
    return rename_labels(pairs, sum_by((exported for exported, _ in pairs), grown))


def zero(metric: Metric, part: Part, config: Config, chosen: Iterable[Matcher] = ()) -> str:
    """0 for each service that has such series within the rate window."""
    selector = _select(metric, part, config, chosen)
    present = count_by(config.group_labels, f"last_over_time({selector}[{RATE_WINDOW}])")
    return f"0 * {rename_labels(config.group_names, present)}"


def _select(metric: Metric, part: Part, config: Config, chosen: Iterable[Matcher]) -> str:
    return select(series_name(metric, config.naming, part), [*config.selector, *chosen])


def _grown(selector: str, samples: str, *, native: bool) -> str:
    """Growth of each series from its last sample before the window to its last sample.

    Windows that meet share that sample, and so each event is in one of them. The first case that
    holds counts: the series went on; it began again, as its process did, after what it had reached;
    it began later than its process, and so at 0; its process is new or was not scraped before, and
    then what it counted before its first sample is left out. A counter that restarts and passes its
    old value within the window is not told from one that went on. Of native histograms the second
    and the last case are estimates.
    """
    within = f"{selector}[{RATE_WINDOW}]"
    last, before = f"last_over_time({within})", f"last_over_time({within} offset {RATE_WINDOW})"
    grown = f"{last} - {before}"
    if native:  # of these PromQL knows neither the least nor the most
        went_on = f"{grown} and {histogram_part('count', grown)} >= 0"
        began_again, first_seen = f"(increase({within}) and {before})", f"increase({within})"
    else:
        went_on = f"{grown} >= 0"
        began_again = f"{last} + clamp_min(max_over_time({within}) - {before}, 0)"
        first_seen = f"{last} - min_over_time({within})"
    is_new = f"({last} and count_over_time({within}) < {samples})"
    return "\n   " + "\nor ".join((went_on, began_again, is_new, first_seen)) + "\n"


def _samples_of_processes(config: Config) -> str:
    """How many samples there are of a process in the window and the one before, to compare with."""
    process = (*config.group_labels, INSTANCE)
    alive = select(series_name(ALIVE, config.naming, ""), config.selector)
    most = max_by(process, f"count_over_time({alive}[{duration(2 * RATE_WINDOW_SECONDS)}])")
    return f"on ({label_list(process)}) group_left () {most}"
