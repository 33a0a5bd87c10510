"""Settings of alerts: when each of them fires, for how long, and how loud."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator
from pydantic.dataclasses import dataclass

from cqrs_telemetry import catalog
from cqrs_telemetry.catalog import Metric

from .promql import duration_seconds, number
from .setting_types import CLOSED, Count, Duration, Flag, Milliseconds, Severity, Share
from .windows import RATE_WINDOW

_Minimum = Annotated[
    Count,
    Field(description=f"does not fire below so many operations in {RATE_WINDOW}"),
]


@dataclass(frozen=True, config=CLOSED)
class AlertSettings:
    """What can be set for every alert."""

    enabled: Annotated[Flag, Field(description="false leaves the alert out")] = True
    severity: Annotated[Severity, Field(description="critical, warning or info")] = "warning"
    for_: Annotated[
        Duration, Field(alias="for", description="how long it has to be so before it fires")
    ] = "10m"
    keep_firing_for: Annotated[
        Duration, Field(description="how long it goes on firing once it is no longer so")
    ] = "0s"


@dataclass(frozen=True, config=CLOSED)
class RatioAlert(AlertSettings):
    """Fires on a share of operations."""

    above_ratio: Annotated[Share, Field(description="fires above this share, 0.05 is 5 %")] = 0.05
    minimum_operations: _Minimum = 20


@dataclass(frozen=True, config=CLOSED)
class LatencyAlert(AlertSettings):
    """Fires on a quantile of a histogram in milliseconds."""

    above_ms: Annotated[Milliseconds, Field(description="fires above so many milliseconds")] = 1000
    minimum_operations: _Minimum = 20


@dataclass(frozen=True, config=CLOSED)
class AbsenceAlert(AlertSettings):
    """Fires on what was there and is gone."""

    seen_within: Annotated[
        Duration, Field(description="how far back a service counts as one that should be there")
    ] = "6h"

    @model_validator(mode="after")
    def _check_order(self) -> AbsenceAlert:
        if duration_seconds(self.seen_within) <= duration_seconds(self.for_):
            raise ValueError("could never fire: seen_within has to be longer than for")
        return self


def _reaches(metric: Metric) -> Callable[[LatencyAlert], LatencyAlert]:
    def check(settings: LatencyAlert) -> LatencyAlert:
        if settings.above_ms >= metric.bounds[-1]:
            raise ValueError(
                f"could never fire: above_ms has to be below {number(metric.bounds[-1])}, "
                f"the last bucket of {metric.name}"
            )
        return settings

    return check


@dataclass(frozen=True, config=CLOSED)
class Alerts:
    """One section per alert; ``alerting`` says what each of them watches."""

    command_errors_high: RatioAlert = RatioAlert(severity="critical", for_="5m")
    command_latency_high: Annotated[
        LatencyAlert, AfterValidator(_reaches(catalog.COMMAND_DURATION))
    ] = LatencyAlert(above_ms=1000)
    query_errors_high: RatioAlert = RatioAlert(severity="critical", for_="5m")
    query_latency_high: Annotated[
        LatencyAlert, AfterValidator(_reaches(catalog.QUERY_DURATION))
    ] = LatencyAlert(above_ms=500)
    projection_errors_high: RatioAlert = RatioAlert(severity="critical", for_="5m")
    projection_apply_latency_high: Annotated[
        LatencyAlert, AfterValidator(_reaches(catalog.PROJECTION_DURATION))
    ] = LatencyAlert(above_ms=500)
    projection_lag_high: Annotated[
        LatencyAlert, AfterValidator(_reaches(catalog.PROJECTION_LAG))
    ] = LatencyAlert(severity="critical", above_ms=30_000)
    projection_clock_skew: RatioAlert = RatioAlert(for_="15m")
    telemetry_absent: AbsenceAlert = AbsenceAlert(severity="critical")
    telemetry_faults: AlertSettings = AlertSettings(keep_firing_for="15m")
    type_name_overflow: AlertSettings = AlertSettings(keep_firing_for="15m")
