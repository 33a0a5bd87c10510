"""Settings of alerts: when each of them fires, for how long, and how loud."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, model_validator
from pydantic.dataclasses import dataclass

from cqrs_telemetry import catalog
from cqrs_telemetry.catalog import Metric

from .promql import duration_seconds, number
from .setting_types import CLOSED, Count, Duration, Flag, Milliseconds, Severity, Share
from .windows import RATE_WINDOW

_SHORTEST_PAST = 120  # seconds; it is looked at in steps of a minute

_Minimum = Annotated[
    Count,
    Field(description=f"does not fire below so many operations in {RATE_WINDOW}"),
]
_Factor = Annotated[
    float, Field(strict=True, gt=1, allow_inf_nan=False, description="how many times the past")
]


def _check_past(value: str) -> str:
    if duration_seconds(value) < _SHORTEST_PAST:
        raise ValueError(f"too short to compare with: at least {number(_SHORTEST_PAST)}s")
    return value


def _check_length(value: str) -> str:
    if duration_seconds(value) < _SHORTEST_PAST:
        raise ValueError(f"too short to be measured: at least {number(_SHORTEST_PAST)}s")
    return value


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

    @property
    def limit(self) -> float:
        """What the quantile exceeds."""
        return self.above_ms


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


_PastMinimum = Annotated[
    Count, Field(description="does not fire when the past had fewer operations than that")
]
_Past = Annotated[
    Duration, AfterValidator(_check_past), Field(description="how long the past is to compare with")
]


@dataclass(frozen=True, config=CLOSED)
class StuckAlert(AlertSettings):
    """Fires on operations that do not end."""

    minimum_in_flight: Annotated[
        Count, Field(ge=1, description="fires when at least so many are in flight")
    ] = 1
    window: Annotated[
        Duration, Field(description="how long they have to be in flight, besides for")
    ] = RATE_WINDOW


@dataclass(frozen=True, config=CLOSED)
class StoppedAlert(AlertSettings):
    """Fires on traffic that ends."""

    minimum_operations: _PastMinimum = 100
    past: _Past = "1h"


@dataclass(frozen=True, config=CLOSED)
class SurgeAlert(RatioAlert):
    """Fires on a share that is many times that of the past."""

    factor: _Factor = 3
    minimum_past_operations: _PastMinimum = 100
    past: _Past = "6h"


@dataclass(frozen=True, config=CLOSED)
class SizeAlert(AlertSettings):
    """Fires on results that are many times as large as in the past."""

    above_items: Annotated[
        float, Field(strict=True, ge=0, description="fires above so many items")
    ] = 1000
    factor: _Factor = 5
    minimum_operations: _Minimum = 20
    past: _Past = "1d"


@dataclass(frozen=True, config=CLOSED)
class ExpectationAlert(AlertSettings):
    """Fires on events that fail to appear, measured by the past."""

    minimum_events: Annotated[
        Count,
        Field(ge=1, description=f"fires when at least so many are to be expected in {RATE_WINDOW}"),
    ] = 20
    past: _Past = "1h"


@dataclass(frozen=True, config=CLOSED)
class GrowthAlert(LatencyAlert):
    """Fires on lag that grows."""

    above_ms_per_second: Annotated[
        Milliseconds, Field(description="fires when a second adds more milliseconds than that")
    ] = 50
    window: Annotated[Duration, Field(description="time over which growth is measured")] = "10m"

    @model_validator(mode="after")
    def _check_window(self) -> GrowthAlert:
        if duration_seconds(self.for_) < duration_seconds(self.window):
            raise ValueError("one late event would fire it: for has to be as long as window")
        return self


@dataclass(frozen=True, config=CLOSED)
class BacklogAlert(AlertSettings):
    """Fires on a backlog that does not shrink."""

    window: Annotated[
        Duration, Field(description="time over which it has to shrink to be left alone")
    ] = "15m"


@dataclass(frozen=True, config=CLOSED)
class LengthAlert(AlertSettings):
    """Fires on what takes too long."""

    above: Annotated[
        Duration, AfterValidator(_check_length), Field(description="fires when it takes longer")
    ] = "4h"


@dataclass(frozen=True, config=CLOSED)
class ReplayAlert(AlertSettings):
    """Fires on aggregates that are made of many events."""

    above_events: Annotated[
        float, Field(strict=True, ge=0, description="fires above so many events a load")
    ] = 500
    minimum_operations: _Minimum = 20

    @property
    def limit(self) -> float:
        """What the quantile exceeds."""
        return self.above_events


@dataclass(frozen=True, config=CLOSED)
class LoadAlert(AlertSettings):
    """Fires on a share of the time there is."""

    above_ratio: Annotated[Share, Field(description="fires above this share of the interval")] = 0.8


_OnQuantile = TypeVar("_OnQuantile", LatencyAlert, ReplayAlert)


def _reaches(metric: Metric, key: str = "above_ms") -> Callable[[_OnQuantile], _OnQuantile]:
    def check(settings: _OnQuantile) -> _OnQuantile:
        if settings.limit >= metric.bounds[-1]:
            raise ValueError(
                f"could never fire: {key} has to be below {number(metric.bounds[-1])}, "
                f"the last bucket of {metric.name}"
            )
        return settings

    return check


@dataclass(frozen=True, config=CLOSED)
class Alerts:
    """One section per alert; ``alerting`` says what each of them watches."""

    command_errors_high: RatioAlert = RatioAlert(for_="5m")
    command_latency_high: Annotated[
        LatencyAlert, AfterValidator(_reaches(catalog.COMMAND_DURATION))
    ] = LatencyAlert(above_ms=1000)
    commands_stuck: StuckAlert = StuckAlert(severity="critical", for_="5m")
    commands_stopped: StoppedAlert = StoppedAlert()
    command_type_unknown: AlertSettings = AlertSettings(for_="2m", keep_firing_for="15m")
    command_rejections_surge: SurgeAlert = SurgeAlert()
    commands_without_events: ExpectationAlert = ExpectationAlert()
    aggregate_needs_snapshot: Annotated[
        ReplayAlert, AfterValidator(_reaches(catalog.AGGREGATE_LOAD_EVENTS, "above_events"))
    ] = ReplayAlert(severity="info", for_="30m")
    query_errors_high: RatioAlert = RatioAlert(for_="5m")
    query_latency_high: Annotated[
        LatencyAlert, AfterValidator(_reaches(catalog.QUERY_DURATION))
    ] = LatencyAlert(above_ms=500)
    queries_stuck: StuckAlert = StuckAlert(severity="critical", for_="5m")
    queries_stopped: StoppedAlert = StoppedAlert()
    query_type_unknown: AlertSettings = AlertSettings(for_="2m", keep_firing_for="15m")
    query_results_huge: SizeAlert = SizeAlert()
    read_your_writes_timeout: RatioAlert = RatioAlert(for_="5m")
    projection_errors_high: RatioAlert = RatioAlert(for_="5m")
    projection_apply_latency_high: Annotated[
        LatencyAlert, AfterValidator(_reaches(catalog.PROJECTION_DURATION))
    ] = LatencyAlert(above_ms=500)
    projection_lag_high: Annotated[
        LatencyAlert, AfterValidator(_reaches(catalog.PROJECTION_LAG))
    ] = LatencyAlert(above_ms=30_000)
    projection_falling_behind: GrowthAlert = GrowthAlert(for_="15m", above_ms=5000)
    projection_clock_skew: RatioAlert = RatioAlert(for_="15m")
    projection_failed: AlertSettings = AlertSettings(severity="critical", for_="5m")
    projection_stopped: AlertSettings = AlertSettings(severity="critical", for_="5m")
    projection_stalled: AlertSettings = AlertSettings(severity="critical", for_="5m")
    projection_not_progressing: ExpectationAlert = ExpectationAlert(
        severity="critical", for_="5m", minimum_events=5, past="6h"
    )
    projection_state_unknown: AlertSettings = AlertSettings(for_="15m")
    projection_stale: BacklogAlert = BacklogAlert(for_="15m")
    rebuild_stuck: AlertSettings = AlertSettings(severity="critical")
    rebuild_slow: LengthAlert = LengthAlert(for_="15m")
    rebuild_forgotten: AlertSettings = AlertSettings(for_="15m")
    telemetry_absent: AbsenceAlert = AbsenceAlert(severity="critical", for_="5m")
    telemetry_faults: AlertSettings = AlertSettings(for_="2m", keep_firing_for="15m")
    type_name_overflow: AlertSettings = AlertSettings(for_="2m", keep_firing_for="15m")
    instance_silent: AbsenceAlert = AbsenceAlert()
    target_down: AbsenceAlert = AbsenceAlert()
    rule_evaluation_failing: AlertSettings = AlertSettings(severity="critical")
    rule_evaluation_slow: LoadAlert = LoadAlert(for_="15m")
    collector_refusing: AlertSettings = AlertSettings(keep_firing_for="10m")
    collector_dropping: AlertSettings = AlertSettings(keep_firing_for="10m")
