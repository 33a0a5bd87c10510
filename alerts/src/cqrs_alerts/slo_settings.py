"""Settings of service level objectives: what is promised, and how fast a budget may burn.

Windows and factors follow the multi-window, multi-burn-rate alerts of Google's SRE workbook
(https://sre.google/workbook/alerting-on-slos/).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic.dataclasses import dataclass
from pydantic_core import PydanticCustomError

from cqrs_telemetry import catalog
from cqrs_telemetry.catalog import Metric

from .objective_settings import (
    AvailabilityObjectives,
    LatencyObjectives,
    Objectives,
    TimeObjectives,
)
from .promql import duration, duration_seconds, number
from .setting_types import (
    CLOSED,
    KEY,
    Duration,
    Severity,
    require_unit,
)
from .windows import RATE_WINDOW, RATE_WINDOW_SECONDS

_LONGEST_WINDOW = "1y"


def _check_window(value: str) -> str:
    seconds = duration_seconds(value)
    if not seconds or seconds % RATE_WINDOW_SECONDS:
        raise ValueError(f"events are counted in {RATE_WINDOW}: write a multiple of {RATE_WINDOW}")
    if seconds > duration_seconds(_LONGEST_WINDOW):
        raise ValueError(f"write at most {_LONGEST_WINDOW}")
    return duration(seconds)  # as one name of the series, however it was written


Factor = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
Window = Annotated[str, BeforeValidator(require_unit), AfterValidator(_check_window)]


@dataclass(frozen=True, config=CLOSED)
class BurnRate:
    """One alerting rule of each objective: a pair of windows and how fast is too fast."""

    factor: Annotated[Factor, Field(description="times faster than the budget lasts the period")]
    long: Annotated[Window, Field(description="window that tells a burn from a blip")]
    short: Annotated[Window, Field(description="window that tells that it still burns")]
    for_: Annotated[Duration, Field(alias="for", description="how long it has to be so")]
    severity: Annotated[Severity, Field(description="critical, warning or info")]

    @model_validator(mode="after")
    def _check_order(self) -> BurnRate:
        if duration_seconds(self.short) >= duration_seconds(self.long):
            raise ValueError("short has to be shorter than long")
        return self


def _on_a_bound(metric: Metric) -> Callable[[LatencyObjectives], LatencyObjectives]:
    """Between two bounds a histogram cannot tell good from bad."""

    def check(settings: LatencyObjectives) -> LatencyObjectives:
        for within in (settings.within_ms, *(own.within_ms for own in settings.types)):
            if within not in metric.bounds:
                index = bisect_left(metric.bounds, within)
                near = metric.bounds[max(index - 1, 0) : index + 1]
                raise ValueError(
                    f"within_ms {number(within)} is no bucket bound of {metric.name}; "
                    f"take {' or '.join(map(number, near))}"
                )
        return settings

    return check


def _check_burn_rates(rates: tuple[BurnRate, ...]) -> tuple[BurnRate, ...]:
    pairs = [(rate.long, rate.short) for rate in rates]
    if len(set(pairs)) < len(pairs):
        raise ValueError("has one pair of windows twice")
    return rates


@dataclass(frozen=True, config=CLOSED)
class Slos:
    """Objectives of the three sides, and the burn rates at which someone is told."""

    command_availability: Annotated[
        AvailabilityObjectives, Field(description="share of commands without an error")
    ] = AvailabilityObjectives()
    command_latency: Annotated[
        LatencyObjectives,
        AfterValidator(_on_a_bound(catalog.COMMAND_DURATION)),
        Field(description="share of commands that are handled in time"),
    ] = LatencyObjectives(within_ms=1000)
    query_availability: Annotated[
        AvailabilityObjectives, Field(description="share of queries without an error")
    ] = AvailabilityObjectives()
    query_latency: Annotated[
        LatencyObjectives,
        AfterValidator(_on_a_bound(catalog.QUERY_DURATION)),
        Field(description="share of queries that are answered in time"),
    ] = LatencyObjectives(within_ms=500)
    projection_freshness: Annotated[
        LatencyObjectives,
        AfterValidator(_on_a_bound(catalog.PROJECTION_LAG)),
        Field(description="share of events that readers see in time"),
    ] = LatencyObjectives(within_ms=30_000)
    projection_staleness: Annotated[
        TimeObjectives,
        Field(description="share of time in which no event waits longer than projection_freshness"),
    ] = TimeObjectives()
    period: Annotated[Window, Field(description="time for which a budget has to last")] = "30d"
    burn_rates: Annotated[
        tuple[BurnRate, ...],
        AfterValidator(_check_burn_rates),
        Field(description="alerting rules of each objective; two pages, two tickets"),
    ] = (
        BurnRate(factor=14.4, long="1h", short="5m", for_="2m", severity="critical"),
        BurnRate(factor=6, long="6h", short="30m", for_="15m", severity="critical"),
        BurnRate(factor=3, long="1d", short="2h", for_="1h", severity="warning"),
        BurnRate(factor=1, long="3d", short="6h", for_="3h", severity="warning"),
    )

    @model_validator(mode="after")
    def _check_period(self) -> Slos:
        for rate in self.burn_rates:
            if duration_seconds(rate.long) > duration_seconds(self.period):
                raise ValueError(f"period {self.period} is shorter than the window {rate.long}")
        return self

    @model_validator(mode="after")
    def _check_factors(self) -> Slos:
        """Refuse what would never fire, however much goes wrong.

        When all events are bad, a budget burns 1 / (1 - objective) times as fast as it may.
        """
        highest = max((rate.factor for rate in self.burn_rates), default=0.0)
        for key, objective in self._objectives():
            limit = round(1 / (1 - objective), 6)
            if highest >= limit:
                raise PydanticCustomError(
                    "factor",
                    "with objective {objective} a budget burns at most {limit} times as fast as it "
                    "may, so that factor {factor} of slos.burn_rates never fires: write factors "
                    "below {limit}, or an objective of at least {needed}",
                    {
                        KEY: key,
                        "objective": number(objective),
                        "limit": number(limit),
                        "factor": number(highest),
                        "needed": number(_least_objective(highest)),
                    },
                )
        return self

    def _objectives(self) -> Iterator[tuple[tuple[str | int, ...], float]]:
        """Each objective that has rules, with its place in the section."""
        for name, section in vars(self).items():
            if isinstance(section, Objectives) and section.enabled:
                yield (name, "objective"), section.objective
                for index, own in enumerate(getattr(section, "types", ())):
                    yield (name, "types", index, "objective"), own.objective


def _least_objective(factor: float) -> float:
    """The least objective for which a factor can be reached, rounded up to few digits."""
    parts = 10.0 ** max(4, math.ceil(math.log10(factor)) + 1)
    return (math.floor((1 - 1 / factor) * parts) + 1) / parts
