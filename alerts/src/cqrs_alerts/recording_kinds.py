"""Kinds of recorded series: how each is named, and what it is derived from.

Names follow ``level:metric:operations`` (https://prometheus.io/docs/practices/rules/) with the
constant level ``cqrs``, because the labels that are kept besides the type are the user's choice
(``group_labels``) and must not change the names that dashboards use.

Units are the metric's: durations and lag in ms, rates per second.
"""

from __future__ import annotations

from dataclasses import dataclass

from cqrs_telemetry import catalog
from cqrs_telemetry.catalog import Attribute, Metric, Status

from .naming import Part
from .windows import FIRST_WINDOW, RATE_WINDOW


@dataclass(frozen=True)
class Outcome:
    """One outcome of operations."""

    status: Attribute
    value: Status
    plural: str  # as names say it


def errors(status: Attribute) -> Outcome:
    """What failed. A rejection by the domain is none of it."""
    return Outcome(status, catalog.ERROR, "errors")


def rejections(status: Attribute) -> Outcome:
    """What the domain refused."""
    return Outcome(status, catalog.REJECTED, "rejections")


@dataclass(frozen=True)
class Rate:
    """Rate of a counter, or of one part of a histogram, summed to ``by``."""

    metric: Metric
    by: tuple[Attribute, ...]
    part: Part = ""
    outcome: Outcome | None = None  # the only one that counts

    @property
    def name(self) -> str:
        """Name of the recorded series."""
        what = self.outcome.plural if self.outcome else self.part
        return f"cqrs:{_stem(self.metric)}{f'_{what}' if what else ''}:rate{RATE_WINDOW}"


@dataclass(frozen=True)
class Firsts:
    """Events with which the series of a counter began, while it is new; else 0.

    A rate sees what is added to a series, and so not the first event of its kind. Whatever a
    process counted before it was first scraped is not new.
    """

    of: Rate
    alive: Metric  # that each process reports from its start

    @property
    def metric(self) -> Metric:
        """The counter."""
        return self.of.metric

    @property
    def by(self) -> tuple[Attribute, ...]:
        """Attributes that the series keeps."""
        return self.of.by

    @property
    def name(self) -> str:
        """Name of the recorded series."""
        return f"{self.of.name.rpartition(':')[0]}:first{FIRST_WINDOW}"


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
class Fact:
    """What processes say at this moment, as a sum over them or the highest; absent when none does.

    A sample that is older than the next one should be is no answer: what was pushed lingers.
    """

    metric: Metric
    by: tuple[Attribute, ...]
    highest: bool = False

    @property
    def name(self) -> str:
        """Name of the recorded series."""
        return f"cqrs:{_stem(self.metric)}:{'max' if self.highest else 'sum'}"


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
        others = (self.status, catalog.EVENT_TYPE, catalog.PROJECTION_PHASE)
        return tuple(a for a in self.rate.by if a not in others)

    @property
    def name(self) -> str:
        """Name of the recorded series."""
        return f"cqrs:{_stem(self.metric)}_errors:ratio_rate{RATE_WINDOW}"


@dataclass(frozen=True)
class Share:
    """Share of a rate that has one value of an attribute; absent without traffic."""

    rate: Rate
    attribute: Attribute
    value: str
    what: str  # as the name says it

    @property
    def metric(self) -> Metric:
        """The metric."""
        return self.rate.metric

    @property
    def by(self) -> tuple[Attribute, ...]:
        """Attributes that the series keeps."""
        return tuple(a for a in self.rate.by if a is not self.attribute)

    @property
    def name(self) -> str:
        """Name of the recorded series."""
        return f"cqrs:{_stem(self.metric)}_{self.what}:ratio_rate{RATE_WINDOW}"


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


Recording = (
    Rate
    | Firsts
    | Level
    | Fact
    | Quantile
    | Mean
    | ErrorRatio
    | Share
    | Instances
    | InstanceSeries
    | Restarts
)


def _stem(metric: Metric) -> str:
    return metric.name.removeprefix("cqrs.").replace(".", "_")
