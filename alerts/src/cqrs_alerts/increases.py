"""What raw counters grew by, to the event.

``increase()`` of PromQL extrapolates and leaves out what is added between two windows that meet
(https://prometheus.io/docs/prometheus/latest/querying/functions/#rate). That is good enough for a
graph, but not for objectives, whose long windows are sums of short ones.
"""

from __future__ import annotations

from collections.abc import Iterable

from cqrs_telemetry.catalog import Metric

from .config import Config
from .label_names import INSTANCE
from .naming import Part, series_name
from .promql import (
    Matcher,
    count_by,
    duration,
    label_list,
    max_by,
    rename_labels,
    select,
    sum_by,
)
from .recording import ALIVE
from .windows import RATE_WINDOW, RATE_WINDOW_SECONDS

# A scrape is stored up to its timeout (10 s by default) after the time of its samples, and a push
# up to its own. What is not there yet would be in neither of two windows that meet.
_LATE_SECONDS = 10
_NOW = f"offset {_LATE_SECONDS}s"
_BEFORE = f"offset {duration(RATE_WINDOW_SECONDS + _LATE_SECONDS)}"
_BOTH = duration(2 * RATE_WINDOW_SECONDS)


def increase(
    metric: Metric,
    part: Part,
    config: Config,
    chosen: Iterable[Matcher] = (),
    names: Iterable[tuple[str, str]] = (),
) -> str:
    """Growth within the rate window, summed to the service labels and the labels in ``names``.

    ``chosen`` are further matchers. ``names`` are pairs: the label as exported, and as recorded.
    The growth of a native histogram is a native histogram.
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
    holds counts:

    - The series went on.
    - It began again once, as its process did, after what it had reached, and has not come so far.
    - It began again more often, or is above that already: by PromQL's estimate.
    - It began later than its process, and so at 0.
    - Its process is new, or was not scraped before. What it counted before its first sample may be
      old, and is left out.

    Of native histograms, of which PromQL knows neither the least nor the most, the second case and
    the last are estimates.
    """
    within, earlier = f"{selector}[{RATE_WINDOW}] {_NOW}", f"{selector}[{RATE_WINDOW}] {_BEFORE}"
    both = f"{selector}[{_BOTH}] {_NOW}"
    last, before = f"last_over_time({within})", f"last_over_time({earlier})"
    restarts = f"resets({both}) - resets({earlier})"
    went_on = f"{last} - {before} unless {restarts} > 0"
    is_new = f"({last} and count_over_time({within}) < {samples})"
    cases: tuple[str, ...]
    if native:
        cases = (went_on, f"(increase({within}) and {before})", is_new, f"increase({within})")
    else:
        most = f"max_over_time({within})"
        cases = (
            went_on,
            f"(({most} > {last}) - {before} + {last} unless {restarts} > 1)",
            f"(clamp_min(increase({both}) - increase({earlier}), 0) and {last})",
            is_new,
            f"{last} - min_over_time({within})",
        )
    return "\n   " + "\nor ".join(cases) + "\n"


def _samples_of_processes(config: Config) -> str:
    """How many samples there are of a process in the window and the one before, to compare with."""
    process = (*config.group_labels, INSTANCE)
    alive = select(series_name(ALIVE, config.naming, ""), config.selector)
    most = max_by(process, f"count_over_time({alive}[{_BOTH}] {_NOW})")
    return f"on ({label_list(process)}) group_left () {most}"
