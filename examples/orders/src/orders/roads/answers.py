"""The contract's three questions, asked on one road, against what the load and the stores counted.

Counters and numbers of observations must be equal, so nothing was lost and nothing came twice.
Rates and quantiles are asked as the contract writes them and as they are recorded; the load ran
entirely within their window, so a rate times the window is the increase, but for what Prometheus
extrapolates: https://prometheus.io/docs/prometheus/latest/querying/functions/#rate.
"""

from __future__ import annotations

import math
import sqlite3
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cqrs_alerts import promql, recording
from cqrs_alerts.config import Config
from cqrs_alerts.label_names import LE
from cqrs_alerts.live.prometheus import Prometheus
from cqrs_alerts.naming import label_name, recorded_label, series_name
from cqrs_alerts.windows import RATE_WINDOW, RATE_WINDOW_SECONDS
from cqrs_telemetry import catalog
from cqrs_telemetry.catalog import Attribute, Metric

from ..load.tally import quantile
from ..projection import PROJECTIONS
from ..read_model import view_path
from .plan import INTERVAL, Cell

Key = tuple[str, ...]
Counts = Mapping[Key, float]

FEW = 4  # events by which an increase may be off
# Intervals between samples by which an increase is extrapolated at most: beyond the first sample by
# a half, as the window begins long before it, and up to the window's end by this many.
EXTRAPOLATED = 0.5 + 1.1
Span = tuple[float, float]


@dataclass(frozen=True)
class Truth:
    """What happened: ``tally`` is the load's, ``lags`` (in ms, by projection) the read stores'."""

    tally: Mapping[str, Any]
    lags: Mapping[str, Sequence[float]]

    @property
    def commands(self) -> Counts:
        """By type and outcome."""
        return _flat(self.tally["commands"])

    @property
    def queries(self) -> Counts:
        """By type."""
        return _totals(self.tally["queries"])

    @property
    def events(self) -> Counts:
        """By type of event."""
        named = Counter[str]()
        for events in self.tally["events"].values():
            named.update(events)
        return {(name,): count for name, count in named.items()}

    @property
    def operations(self) -> int:
        """Commands and queries together."""
        return int(sum(self.commands.values()) + sum(self.queries.values()))

    @property
    def applied(self) -> Counts:
        """Events by projection."""
        return {(name,): len(lags) for name, lags in self.lags.items()}


def read_truth(tally: Mapping[str, Any], data: Path) -> Truth:
    """The load's tally beside the read stores' own times."""
    lags = {}
    for projection in PROJECTIONS:
        with closing(sqlite3.connect(view_path(data, projection.name))) as view:
            rows = view.execute("SELECT projected_at - occurred_at FROM history")
            lags[projection.name] = [1_000 * lag for (lag,) in rows]
    return Truth(tally, lags)


class Answers:
    """What one Prometheus says, by the names of its road, of a service in so many processes.

    So many events as are ``lost`` with one of them may be missing in rates.
    """

    def __init__(
        self, prometheus: Prometheus, config: Config, processes: int = 1, lost: float = 0
    ) -> None:
        self._prometheus = prometheus
        self._config = config
        # In each process the first failures of their kind come with their series: no rate has them.
        self._few = FEW * processes + lost

    def miscounted(self, truth: Truth) -> list[str]:
        """What is counted otherwise than it happened, one line for each kind."""
        return list(self._miscounted(truth))

    def differing(self, truth: Truth) -> list[str]:
        """What the three questions answer otherwise; empty when all is right."""
        return [*self._throughput(truth), *self._p95(truth), *self._p99(truth)]

    def _miscounted(self, truth: Truth) -> Iterator[str]:
        commands = (catalog.COMMAND_TYPE, catalog.COMMAND_STATUS)
        for what, found, expected in (
            ("commands", self._counted(catalog.COMMAND_TOTAL, *commands), truth.commands),
            ("queries", self._counted(catalog.QUERY_TOTAL, catalog.QUERY_TYPE), truth.queries),
            ("events", self._counted(catalog.EVENTS_PRODUCED, catalog.EVENT_TYPE), truth.events),
            (
                "applied events",
                self._counted(catalog.PROJECTION_TOTAL, catalog.PROJECTION_NAME),
                truth.applied,
            ),
            (
                "durations of queries",
                self._observed(catalog.QUERY_DURATION, catalog.QUERY_TYPE),
                truth.queries,
            ),
            (
                "lags",
                self._observed(catalog.PROJECTION_LAG, catalog.PROJECTION_NAME),
                truth.applied,
            ),
        ):
            if others := _others(found, expected):
                yield f"{what}: {others}"

    def _throughput(self, truth: Truth) -> Iterator[str]:
        """Question 1: command throughput by type."""
        expected = _totals(truth.tally["commands"])
        share = self._extrapolated_share(catalog.COMMAND_TOTAL)
        for what, per_second in (
            ("asked", self._rate(catalog.COMMAND_TOTAL, catalog.COMMAND_TYPE)),
            ("recorded", self._recorded(recording.COMMAND_RATE, catalog.COMMAND_TYPE)),
        ):
            found = {name: rate * RATE_WINDOW_SECONDS for name, rate in per_second.items()}
            wrong = [
                f"{'/'.join(name)} {found.get(name, math.nan):.1f}, true {count:g}"
                for name, count in expected.items()
                if not math.isclose(
                    found.get(name, math.nan), count, rel_tol=share, abs_tol=self._few
                )
            ]
            if wrong:
                yield f"command throughput, {what}: {'; '.join(wrong)}"

    def _p95(self, truth: Truth) -> Iterator[str]:
        """Question 2: p95 of queries by type, against what the service said in its answers."""
        true: dict[Key, Span] = {
            (name,): (each["p90"], each["p99"])
            for name, each in truth.tally["server_ms"].items()
            if (name,) in truth.queries  # all but the streamed one
        }
        yield from self._quantiles(
            "query p95",
            self._quantile(0.95, catalog.QUERY_DURATION, catalog.QUERY_TYPE),
            self._recorded(recording.QUERY_DURATION_P95, catalog.QUERY_TYPE),
            truth.queries,
            true,
            catalog.QUERY_DURATION.bounds,
        )

    def _p99(self, truth: Truth) -> Iterator[str]:
        """Question 3: p99 of lag by projection, against the times in the read stores."""
        true: dict[Key, Span] = {
            (name,): (quantile(lags, 0.97), quantile(lags, 1)) for name, lags in truth.lags.items()
        }
        yield from self._quantiles(
            "projection lag p99",
            self._quantile(0.99, catalog.PROJECTION_LAG, catalog.PROJECTION_NAME),
            self._recorded(recording.PROJECTION_LAG_P99, catalog.PROJECTION_NAME),
            truth.applied,
            true,
            catalog.PROJECTION_LAG.bounds,
        )

    def _quantiles(
        self,
        what: str,
        asked: Counts,
        recorded: Counts,
        names: Counts,
        true: Mapping[Key, Span],
        bounds: Sequence[float],
    ) -> Iterator[str]:
        """A quantile lies in the bucket of a true one of about that rank, or in the next to it.

        A rate lacks the first observations of a series, which move the rank where they are few.
        What is measured ends a little before or after what the truth was taken from, so a value at
        the edge may fall on its other side.
        """
        for how, found in (("asked", asked), ("recorded", recorded)):
            wrong = [f"{'/'.join(name)} is missing" for name in names if name not in found]
            wrong += [
                f"{'/'.join(name)} {found[name]:.2f} ms, true {low:.2f} to {high:.2f} ms"
                for name, (low, high) in true.items()
                if name in found
                and not bisect_left(bounds, low) - 1
                <= bisect_left(bounds, found[name])
                <= bisect_left(bounds, high) + 1
            ]
            if wrong:
                yield f"{what}, {how}: {'; '.join(wrong)}"

    def _counted(self, metric: Metric, *attributes: Attribute) -> Counts:
        by = self._labels(attributes)
        return self._ask(promql.sum_by(by, self._raw(metric)) + " > 0", by)

    def _observed(self, metric: Metric, attribute: Attribute) -> Counts:
        """How many observations a histogram has."""
        by = self._labels([attribute])
        if self._config.histograms == "native":
            samples = promql.histogram_part("count", promql.sum_by(by, self._raw(metric)))
        else:
            counts = promql.select(series_name(metric, self._config.naming, "count"))
            samples = promql.sum_by(by, counts)
        return self._ask(f"{samples} > 0", by)

    def _rate(self, metric: Metric, attribute: Attribute) -> Counts:
        by = self._labels([attribute])
        return self._ask(promql.sum_by(by, promql.rate(self._raw(metric), RATE_WINDOW)), by)

    def _extrapolated_share(self, metric: Metric) -> float:
        """By which an increase may be more than what was sampled; less where samples are many."""
        found = self._prometheus.query(f"max(count_over_time({self._raw(metric)}[{RATE_WINDOW}]))")
        # Between n samples are n - 1 intervals; what is recorded may have seen one sample less.
        return EXTRAPOLATED / max(1, found[0].value - 2) if found else 0

    def _quantile(self, q: float, metric: Metric, attribute: Attribute) -> Counts:
        by = self._labels([attribute])
        if self._config.histograms == "native":
            buckets = promql.sum_by(by, promql.rate(self._raw(metric), RATE_WINDOW))
        else:
            raw = promql.select(series_name(metric, self._config.naming, "bucket"))
            buckets = promql.sum_by([LE, *by], promql.rate(raw, RATE_WINDOW))
        return self._ask(promql.quantile(q, buckets), by)

    def _recorded(self, recorded: recording.Recording, attribute: Attribute) -> Counts:
        by = [recorded_label(attribute)]
        return self._ask(promql.sum_by(by, recorded.name), by)

    def _raw(self, metric: Metric) -> str:
        return promql.select(series_name(metric, self._config.naming))

    def _labels(self, attributes: Sequence[Attribute]) -> list[str]:
        return [label_name(each, self._config.naming) for each in attributes]

    def _ask(self, expression: str, by: Sequence[str]) -> Counts:
        found = self._prometheus.query(expression)
        labels = [(dict(sample.labels), sample.value) for sample in found]
        return {
            tuple(each.get(label, "") for label in by): value
            for each, value in labels
            if not math.isnan(value)
        }


def _others(found: Counts, expected: Counts) -> str:
    """Where two counts differ."""
    return "; ".join(
        f"{'/'.join(name)} {found.get(name, 0):g}, true {expected.get(name, 0):g}"
        for name in sorted({*found, *expected})
        if found.get(name, 0) != expected.get(name, 0)
    )


def _flat(counts: Mapping[str, Mapping[str, int]]) -> Counts:
    return {
        (name, outcome): count for name, each in counts.items() for outcome, count in each.items()
    }


def _totals(counts: Mapping[str, Mapping[str, int]]) -> Counts:
    return {(name,): sum(each.values()) for name, each in counts.items()}


def may_be_lost(cell: Cell, rate: float) -> float:
    """How many operations at most: those of a worker that it had not exported yet."""
    return rate * promql.duration_seconds(INTERVAL) if cell.road.disturbance == "worker" else 0.0


def lost_with_worker(prometheus: Prometheus, cell: Cell, truth: Truth, lost: float) -> list[str]:
    """What is wrong with the counts after a worker was killed; what it did not answer is open."""
    totals = [
        promql.select(series_name(metric, cell.strategy))
        for metric in (catalog.COMMAND_TOTAL, catalog.QUERY_TOTAL)
    ]
    found = prometheus.value(" + ".join(f"sum({each})" for each in totals)) or 0
    unanswered = sum(sum(each.values()) for each in truth.tally["unanswered"].values())
    alive = promql.select(series_name(catalog.TELEMETRY_OVERFLOW, cell.strategy))
    instances = prometheus.count(promql.count_by(["instance"], alive))
    expected = cell.road.workers + 2  # the projections' process, and the successor
    low, high = truth.operations - lost, truth.operations + unanswered
    wrong = []
    if not low <= found <= high:
        wrong.append(f"operations: {found:g}, true {low:g} to {high:g}")
    if instances != expected:
        wrong.append(f"instances: {instances}, true {expected}")
    return wrong
