"""Service level objectives as recorded series: events, bad events, burn rates, budgets.

All are counts or derive from counts: a ratio of sums, never a mean of ratios. One series per
objective and service, whatever the number of types; a type with an objective of its own
(``types``) counts against that one alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cqrs_telemetry import catalog
from cqrs_telemetry.catalog import Attribute

from .config import Config
from .label_names import LE, SLO
from .naming import recorded_label
from .projection_state import STALE
from .promql import (
    Matcher,
    count_by,
    duration_seconds,
    equals,
    number,
    ratio,
    select,
    sum_by,
)
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
from .slo_settings import AvailabilityObjectives, LatencyObjectives, TimeObjectives
from .windows import RATE_WINDOW, RATE_WINDOW_SECONDS

EVENTS_RATE = f"cqrs:slo_events:rate{RATE_WINDOW}"
BAD_EVENTS_RATE = f"cqrs:slo_bad_events:rate{RATE_WINDOW}"
OBJECTIVE = "cqrs:slo_objective:ratio"

_REMEMBERED = "1d"  # a service that is down must not lose its objective just then
# Long windows read the five-minute rates every five minutes: these tile the time without overlap.
_FINE_STEP, _COARSE_STEP, _FINE_LIMIT = "1m", RATE_WINDOW, "6h"
_TIME_STEP = "5s"  # between two looks at what is counted in seconds; the shortest usual interval
# Go's shortest spelling of a number, which Prometheus 3 gives to what it scrapes.
_SCIENTIFIC_FROM = 1e6


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


def burn_rate(window: str) -> str:
    """Name of the series that says how fast the budget burns; at 1 it lasts just the period."""
    return f"cqrs:slo_burn_rate:{window}"


def budget_remaining(config: Config) -> str:
    """Name of the series with the share of the period's budget that is left; below 0: overdrawn."""
    return f"cqrs:slo_budget_remaining:ratio{config.slos.period}"


def names(config: Config) -> tuple[str, ...]:
    """Names of all recorded series."""
    scopes = dict.fromkeys(sli.recording.metric.scope for sli in SLIS)
    return tuple(dict.fromkeys(r["record"] for scope in scopes for r in rules(scope, config)))


def meanings(config: Config) -> dict[str, str]:
    """What each recorded series says, the windows left open."""
    window, period = "WINDOW", config.slos.period
    return {
        EVENTS_RATE: "events per second that count towards the objective, or seconds of time",
        BAD_EVENTS_RATE: "those of them that do not keep it",
        OBJECTIVE: "share of good events that is promised",
        events(window): "events within the window",
        bad_events(window): "bad events within the window",
        burn_rate(window): f"how fast the budget burns; at 1 it lasts just {period}",
        budget_remaining(
            config
        ): f"share of the budget of {period} that is left; below 0: overdrawn",
    }


def labels(config: Config) -> tuple[str, ...]:
    """Labels of the recorded series; a type's label only where it has an objective of its own."""
    own = (recorded_label(each) for each in (catalog.SIDE, *TYPES))
    return (*config.service_labels, SLO, *own)


def rules(scope: str, config: Config) -> list[dict[str, Any]]:
    """The recording rules of the objectives on a scope's metrics, in the order of their evaluation.

    They go into the group that records what they read, so that all are of the same instant.
    """
    chosen = [sli for sli in slis(config) if sli.recording.metric.scope == scope]
    if not chosen:
        return []
    label = recorded_label(catalog.SIDE)
    side = [equals(label, chosen[0].side)]
    objective = f"last_over_time({select(OBJECTIVE, side)}[{_REMEMBERED}])"
    derived: dict[str, str] = {}
    for window in windows(config):
        whole, bad = (select(count(window), side) for count in (events, bad_events))
        derived |= {
            events(window): _increase(select(EVENTS_RATE, side), window),
            bad_events(window): _increase(select(BAD_EVENTS_RATE, side), window),
            burn_rate(window): f"{ratio(bad, whole)} / (1 - {objective})",
        }
    derived[budget_remaining(config)] = f"1 - {select(burn_rate(config.slos.period), side)}"
    return [
        *(rule for sli in chosen for rule in _objectives(sli, config)),
        # The label is there already; repeated, it tells promtool that the rules of two scopes
        # write different series.
        *(
            {"record": name, "expr": expression, "labels": {label: chosen[0].side}}
            for name, expression in derived.items()
        ),
    ]


def _objectives(sli: Sli, config: Config) -> Iterator[dict[str, Any]]:
    """The whole side with its objective, then each type that has an objective of its own."""
    settings = sli.settings(config)
    label = recorded_label(sli.type)
    rest = "|".join(re.escape(own.type) for own in settings.types)
    everything = [Matcher(label, "!~", rest)] if rest else []
    yield from _objective(sli, settings, everything, {}, config)
    for own in settings.types:
        yield from _objective(sli, own, [equals(label, own.type)], {label: own.type}, config)


def _objective(
    sli: Sli, promise: Any, chosen: list[Matcher], own: dict[str, str], config: Config
) -> Iterator[dict[str, Any]]:
    side = recorded_label(catalog.SIDE)
    labels = {SLO: sli.name, side: sli.side, **own}
    if isinstance(sli, Availability):
        whole = _sum(sli.rate, chosen, config)
        failed = equals(recorded_label(sli.status), catalog.ERROR)
        bad = f"{_sum(sli.rate, [*chosen, failed], config)} or 0 * {whole}"
        services = whole
    elif isinstance(sli, Staleness):
        # Seconds of which something is known: a projection that began a moment ago has few, and
        # one look at it, as its rebuild begins, is no evidence.
        stale = select(STALE, chosen)
        looks = number(RATE_WINDOW_SECONDS / duration_seconds(_TIME_STEP))
        whole, bad = (
            sum_by(config.service_labels, f"{count}({stale}[{RATE_WINDOW}:{_TIME_STEP}])")
            + f" / {looks}"
            for count in ("count_over_time", "sum_over_time")
        )
        services = count_by(config.service_labels, f"count_over_time({stale}[{RATE_WINDOW}])")
    else:
        whole = _sum(sli.buckets, [*chosen, equals(LE, "+Inf")], config)
        in_time = _sum(sli.buckets, [*chosen, up_to(promise.within_ms)], config)
        bad = f"{whole} - {in_time}"
        services = whole
    yield {"record": EVENTS_RATE, "expr": whole, "labels": labels}
    yield {"record": BAD_EVENTS_RATE, "expr": bad, "labels": labels}
    # Per service, so that two configurations in one Prometheus do not write one series.
    yield {
        "record": OBJECTIVE,
        "expr": f"0 * {services} + {number(promise.objective)}",
        "labels": labels,
    }


def up_to(bound: float) -> Matcher:
    """The bucket that ends at a bound, however it is spelt.

    OTLP makes it 5, the Python exporter 5.0, and Prometheus 3 makes 3.6e+06 of what it scrapes.
    """
    spellings = [f"{re.escape(number(bound))}{'([.]0)?' if bound == int(bound) else ''}"]
    if bound >= _SCIENTIFIC_FROM:
        digits, exponent = f"{bound:.12e}".split("e")
        spellings.append(re.escape(f"{number(float(digits))}e{exponent}"))
    return Matcher(LE, "=~", "|".join(spellings))


def _increase(rate: str, window: str) -> str:
    seconds = duration_seconds(window)
    if seconds <= RATE_WINDOW_SECONDS:
        return f"{rate} * {number(seconds)}"
    step = _FINE_STEP if seconds <= duration_seconds(_FINE_LIMIT) else _COARSE_STEP
    # A subquery looks at whole steps of the clock alone: before the first, the rate stands for it.
    return f"(sum_over_time({rate}[{window}:{step}]) or {rate}) * {number(duration_seconds(step))}"


def _sum(rate: Rate, matchers: list[Matcher], config: Config) -> str:
    return sum_by(config.service_labels, select(rate.name, matchers))
