"""Service level objectives: what is good, over which windows it is counted, how series are named.

All are counts or derive from counts: a ratio of sums, never a mean of ratios. One series per
objective and service, whatever the number of types; a type with an objective of its own
(``types``) counts against that one alone. ``slo_rules`` records them.
"""

from __future__ import annotations

from dataclasses import dataclass

from cqrs_telemetry import catalog
from cqrs_telemetry.catalog import Attribute

from .config import Config
from .label_names import SLO
from .naming import recorded_label
from .objective_settings import AvailabilityObjectives, LatencyObjectives, TimeObjectives
from .promql import duration_seconds
from .recording import (
    COMMAND_DURATION_BUCKETS,
    COMMAND_RATE,
    PROJECTION_LAG_BUCKETS,
    QUERY_DURATION_BUCKETS,
    QUERY_RATE,
    STALENESS,
    Fact,
    Rate,
)
from .windows import RATE_WINDOW

OBJECTIVE = "cqrs:slo_objective:ratio"


@dataclass(frozen=True)
class Availability:
    """Good is what does not end in an error; a rejection by the domain is good."""

    name: str
    title: str
    side: catalog.Side
    rate: Rate
    status: Attribute
    type: Attribute

    @property
    def recording(self) -> Rate:
        """What good and bad are counted from."""
        return self.rate

    def settings(self, config: Config) -> AvailabilityObjectives:
        """The objective's section of a configuration."""
        settings: AvailabilityObjectives = getattr(config.slos, self.name)
        return settings


@dataclass(frozen=True)
class Latency:
    """Good is what takes no longer than a bucket's bound."""

    name: str
    title: str
    side: catalog.Side
    buckets: Rate
    type: Attribute

    @property
    def recording(self) -> Rate:
        """What good and bad are counted from."""
        return self.buckets

    def settings(self, config: Config) -> LatencyObjectives:
        """The objective's section of a configuration."""
        settings: LatencyObjectives = getattr(config.slos, self.name)
        return settings


@dataclass(frozen=True)
class Staleness:
    """Good is time in which the readers of a projection see no more than promised of the past.

    What is counted are seconds of each projection, and so with several of them more than one a
    second. Time of which nothing is known does not count, nor does a rebuild.
    """

    name: str
    title: str
    side: catalog.Side
    fact: Fact
    type: Attribute

    @property
    def recording(self) -> Fact:
        """What good and bad are counted from."""
        return self.fact

    def settings(self, config: Config) -> TimeObjectives:
        """The objective's section of a configuration."""
        settings: TimeObjectives = getattr(config.slos, self.name)
        return settings


Sli = Availability | Latency | Staleness

COMMAND_AVAILABILITY = Availability(
    "command_availability", "Commands succeed", catalog.WRITE,
    COMMAND_RATE, catalog.COMMAND_STATUS, catalog.COMMAND_TYPE,
)  # fmt: skip
COMMAND_LATENCY = Latency(
    "command_latency", "Commands are fast", catalog.WRITE,
    COMMAND_DURATION_BUCKETS, catalog.COMMAND_TYPE,
)  # fmt: skip
QUERY_AVAILABILITY = Availability(
    "query_availability", "Queries succeed", catalog.READ,
    QUERY_RATE, catalog.QUERY_STATUS, catalog.QUERY_TYPE,
)  # fmt: skip
QUERY_LATENCY = Latency(
    "query_latency", "Queries are fast", catalog.READ,
    QUERY_DURATION_BUCKETS, catalog.QUERY_TYPE,
)  # fmt: skip
PROJECTION_FRESHNESS = Latency(
    "projection_freshness", "Readers see events in time", catalog.PROJECTION,
    PROJECTION_LAG_BUCKETS, catalog.PROJECTION_NAME,
)  # fmt: skip
PROJECTION_STALENESS = Staleness(
    "projection_staleness", "Readers see the present", catalog.PROJECTION,
    STALENESS, catalog.PROJECTION_NAME,
)  # fmt: skip
SLIS: tuple[Sli, ...] = (
    COMMAND_AVAILABILITY, COMMAND_LATENCY, QUERY_AVAILABILITY, QUERY_LATENCY, PROJECTION_FRESHNESS,
    PROJECTION_STALENESS,
)  # fmt: skip
TYPES = tuple(dict.fromkeys(sli.type for sli in SLIS))


def slis(config: Config) -> tuple[Sli, ...]:
    """The indicators whose objectives the configuration leaves on."""
    return tuple(sli for sli in SLIS if sli.settings(config).enabled)


def windows(config: Config) -> tuple[str, ...]:
    """Every window that a burn rate is recorded over, from short to long."""
    pairs = config.slos.burn_rates
    found = {
        RATE_WINDOW,
        config.slos.period,
        *(w for rate in pairs for w in (rate.long, rate.short)),
    }
    by_length = {duration_seconds(window): window for window in sorted(found)}
    return tuple(by_length[seconds] for seconds in sorted(by_length))


def long_windows(config: Config) -> tuple[str, ...]:
    """Long windows of the alerting rules, from short to long; the period without such rules."""
    found = {burn.long for burn in config.slos.burn_rates}
    return tuple(w for w in windows(config) if w in found) or (config.slos.period,)


def events(window: str) -> str:
    """Name of the series that counts the events in a window."""
    return f"cqrs:slo_events:increase{window}"


def bad_events(window: str) -> str:
    """Name of the series that counts the bad events in a window."""
    return f"cqrs:slo_bad_events:increase{window}"


COUNTS = (events, bad_events)


def burn_rate(window: str) -> str:
    """Name of the series that says how fast the budget burns; at 1 it lasts just the period."""
    return f"cqrs:slo_burn_rate:{window}"


def budget_remaining(config: Config) -> str:
    """Name of the series with the share of the period's budget that is left; below 0: overdrawn."""
    return f"cqrs:slo_budget_remaining:ratio{config.slos.period}"


def meanings(config: Config) -> dict[str, str]:
    """What each recorded series says, the windows left open."""
    window, period = "WINDOW", config.slos.period
    return {
        OBJECTIVE: "share of good events that is promised",
        events(window): "events within the window that count towards the objective, or seconds",
        bad_events(window): "those of them that do not keep it",
        burn_rate(window): f"how fast the budget burns; at 1 it lasts just {period}",
        budget_remaining(
            config
        ): f"share of the budget of {period} that is left; below 0: overdrawn",
    }


def labels(config: Config) -> tuple[str, ...]:
    """Labels of the recorded series; a type's label only where it has an objective of its own."""
    own = (recorded_label(each) for each in (catalog.SIDE, *TYPES))
    return (*config.service_labels, SLO, *own)
