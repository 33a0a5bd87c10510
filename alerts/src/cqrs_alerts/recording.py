"""Recorded series: the only names that alerts and dashboards know.

Each object below is one series, derived from metrics of the catalogue. Names follow
``level:metric:operations`` (https://prometheus.io/docs/practices/rules/) with the constant level
``cqrs``, because the labels that are kept besides the type are the user's choice (``group_labels``)
and must not change the names that dashboards use.

Units are the metric's: durations and lag in ms, rates per second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from cqrs_telemetry import catalog
from cqrs_telemetry.catalog import Attribute, Metric

from .naming import Part
from .windows import RATE_WINDOW

QUANTILES = (0.5, 0.95, 0.99)


@dataclass(frozen=True)
class Rate:
    """Rate of a counter, or of one part of a histogram, summed to ``by``."""

    metric: Metric
    by: tuple[Attribute, ...]
    part: Part = ""
    failures: bool = False  # only what carries an error type

    @property
    def name(self) -> str:
        """Name of the recorded series."""
        what = "failures" if self.failures else self.part
        return f"cqrs:{_stem(self.metric)}{f'_{what}' if what else ''}:rate{RATE_WINDOW}"


@dataclass(frozen=True)
class Level:
    """Present value of an up-down counter or gauge, summed over instances to ``by``."""

    metric: Metric
    by: tuple[Attribute, ...]

    @property
    def name(self) -> str:
        """Name of the recorded series."""
        return f"cqrs:{_stem(self.metric)}:sum"


@dataclass(frozen=True)
class Quantile:
    """Quantile of a histogram over the rate window, from recorded bucket rates."""

    buckets: Rate
    q: float

    @property
    def metric(self) -> Metric:
        """The histogram."""
        return self.buckets.metric

    @property
    def by(self) -> tuple[Attribute, ...]:
        """Attributes that the series keeps."""
        return self.buckets.by

    @property
    def name(self) -> str:
        """Name of the recorded series."""
        return f"cqrs:{_stem(self.metric)}:p{self.q * 100:g}_{RATE_WINDOW}"


@dataclass(frozen=True)
class Mean:
    """Mean of a histogram over the rate window: exact, where a quantile knows buckets only."""

    total: Rate
    buckets: Rate

    @property
    def metric(self) -> Metric:
        """The histogram."""
        return self.buckets.metric

    @property
    def by(self) -> tuple[Attribute, ...]:
        """Attributes that the series keeps."""
        return self.buckets.by

    @property
    def name(self) -> str:
        """Name of the recorded series."""
        return f"cqrs:{_stem(self.metric)}:mean{RATE_WINDOW}"


@dataclass(frozen=True)
class ErrorRatio:
    """Share of operations that ended in status error; 0 without errors, absent without traffic."""

    rate: Rate
    status: Attribute

    @property
    def metric(self) -> Metric:
        """The counter."""
        return self.rate.metric

    @property
    def by(self) -> tuple[Attribute, ...]:
        """Attributes that the series keeps."""
        return tuple(a for a in self.rate.by if a not in (self.status, catalog.EVENT_TYPE))

    @property
    def name(self) -> str:
        """Name of the recorded series."""
        return f"cqrs:{_stem(self.metric)}_errors:ratio_rate{RATE_WINDOW}"


@dataclass(frozen=True)
class Instances:
    """Number of processes that report ``metric`` now; absent when none does."""

    metric: Metric
    by: tuple[Attribute, ...]

    @property
    def name(self) -> str:
        """Name of the recorded series."""
        return "cqrs:instances:count"


@dataclass(frozen=True)
class InstanceSeries:
    """Number of series of ``metric`` that one process reports; absent when it reports none."""

    metric: Metric
    by: tuple[Attribute, ...] = ()

    @property
    def name(self) -> str:
        """Name of the recorded series."""
        return "cqrs:instance_series:count"


@dataclass(frozen=True)
class Restarts:
    """Processes that started anew within the rate window: any of their counters went back.

    A counter that was still at 0 does not show it; each process has others.
    """

    metric: Metric
    others: tuple[Metric, ...]
    by: tuple[Attribute, ...] = ()

    @property
    def name(self) -> str:
        """Name of the recorded series."""
        return f"cqrs:restarts:resets{RATE_WINDOW}"


Recording = Rate | Level | Quantile | Mean | ErrorRatio | Instances | InstanceSeries | Restarts

_COMMAND = (catalog.COMMAND_TYPE,)
_QUERY = (catalog.QUERY_TYPE,)
_PROJECTION = (catalog.PROJECTION_NAME,)

COMMAND_RATE = Rate(catalog.COMMAND_TOTAL, (*_COMMAND, catalog.COMMAND_STATUS))
COMMAND_FAILURE_RATE = Rate(
    catalog.COMMAND_TOTAL,
    (*_COMMAND, catalog.COMMAND_STATUS, catalog.ERROR_TYPE),
    failures=True,
)
COMMAND_ERROR_RATIO = ErrorRatio(COMMAND_RATE, catalog.COMMAND_STATUS)
COMMAND_DURATION_BUCKETS = Rate(catalog.COMMAND_DURATION, _COMMAND, "bucket")
COMMAND_DURATION_P50, COMMAND_DURATION_P95, COMMAND_DURATION_P99 = (
    Quantile(COMMAND_DURATION_BUCKETS, q) for q in QUANTILES
)
COMMAND_ACTIVE = Level(catalog.COMMAND_ACTIVE, _COMMAND)
EVENTS_PRODUCED_RATE = Rate(catalog.EVENTS_PRODUCED, (*_COMMAND, catalog.EVENT_TYPE))

QUERY_RATE = Rate(catalog.QUERY_TOTAL, (*_QUERY, catalog.QUERY_STATUS))
QUERY_FAILURE_RATE = Rate(
    catalog.QUERY_TOTAL, (*_QUERY, catalog.QUERY_STATUS, catalog.ERROR_TYPE), failures=True
)
QUERY_ERROR_RATIO = ErrorRatio(QUERY_RATE, catalog.QUERY_STATUS)
QUERY_DURATION_BUCKETS = Rate(catalog.QUERY_DURATION, _QUERY, "bucket")
QUERY_DURATION_P50, QUERY_DURATION_P95, QUERY_DURATION_P99 = (
    Quantile(QUERY_DURATION_BUCKETS, q) for q in QUANTILES
)
QUERY_ACTIVE = Level(catalog.QUERY_ACTIVE, _QUERY)
RESULT_SIZE_BUCKETS = Rate(catalog.QUERY_RESULT_SIZE, _QUERY, "bucket")
RESULT_SIZE_P50, RESULT_SIZE_P95, RESULT_SIZE_P99 = (
    Quantile(RESULT_SIZE_BUCKETS, q) for q in QUANTILES
)

PROJECTION_RATE = Rate(
    catalog.PROJECTION_TOTAL, (*_PROJECTION, catalog.EVENT_TYPE, catalog.PROJECTION_STATUS)
)
PROJECTION_FAILURE_RATE = Rate(
    catalog.PROJECTION_TOTAL,
    (*_PROJECTION, catalog.EVENT_TYPE, catalog.PROJECTION_STATUS, catalog.ERROR_TYPE),
    failures=True,
)
PROJECTION_ERROR_RATIO = ErrorRatio(PROJECTION_RATE, catalog.PROJECTION_STATUS)
PROJECTION_LAG_BUCKETS = Rate(catalog.PROJECTION_LAG, _PROJECTION, "bucket")
PROJECTION_LAG_P50, PROJECTION_LAG_P95, PROJECTION_LAG_P99 = (
    Quantile(PROJECTION_LAG_BUCKETS, q) for q in QUANTILES
)
PROJECTION_LAG_SUM = Rate(catalog.PROJECTION_LAG, _PROJECTION, "sum")
PROJECTION_LAG_MEAN = Mean(PROJECTION_LAG_SUM, PROJECTION_LAG_BUCKETS)
# Replayed events have no lag: this counts those that arrived as they happened.
PROJECTION_LIVE_RATE = Rate(catalog.PROJECTION_LAG, (*_PROJECTION, catalog.EVENT_TYPE), "count")
PROJECTION_DURATION_BUCKETS = Rate(catalog.PROJECTION_DURATION, _PROJECTION, "bucket")
PROJECTION_DURATION_P50, PROJECTION_DURATION_P95, PROJECTION_DURATION_P99 = (
    Quantile(PROJECTION_DURATION_BUCKETS, q) for q in QUANTILES
)
CLOCK_SKEW_RATE = Rate(catalog.PROJECTION_CLOCK_SKEW, _PROJECTION)

OVERFLOW_RATE = Rate(catalog.TELEMETRY_OVERFLOW, (catalog.SIDE, catalog.ATTRIBUTE_KEY))
FAULT_RATE = Rate(catalog.TELEMETRY_FAULTS, (catalog.SIDE, catalog.ERROR_TYPE))
# A process exports this counter at 0 for all sides from the moment that it makes its telemetry: its
# presence tells a process that has nothing to do from one that is gone.
INSTANCES = Instances(catalog.TELEMETRY_OVERFLOW, ())
INSTANCE_SERIES = InstanceSeries(catalog.TELEMETRY_OVERFLOW)
RESTARTS = Restarts(catalog.COMMAND_TOTAL, (catalog.QUERY_TOTAL, catalog.PROJECTION_TOTAL))

RECORDINGS: tuple[Recording, ...] = tuple(
    v for v in list(vars().values()) if isinstance(v, get_args(Recording))
)


def _stem(metric: Metric) -> str:
    return metric.name.removeprefix("cqrs.").replace(".", "_")
