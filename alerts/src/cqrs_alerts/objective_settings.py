"""Settings of objectives: what is promised of one thing, and of types that differ."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from .promql import number
from .setting_types import CLOSED, Count, Flag, Milliseconds, Objective

TypeName = Annotated[str, Field(min_length=1)]

_OBJECTIVE = Field(description="share of good events that is promised, 0.999 is 99.9 %")
_WITHIN = Field(description="good is what takes no longer; has to be a bound of the histogram")


@dataclass(frozen=True, config=CLOSED)
class OwnAvailability:
    """A type whose objective differs."""

    type: Annotated[TypeName, Field(description="name of the command, query or projection")]
    objective: Annotated[Objective, _OBJECTIVE]


@dataclass(frozen=True, config=CLOSED)
class OwnLatency(OwnAvailability):
    """A type whose objective for latency differs."""

    within_ms: Annotated[Milliseconds, _WITHIN]


@dataclass(frozen=True, config=CLOSED)
class Objectives:
    """What all objectives have in common."""

    enabled: Annotated[Flag, Field(description="false leaves rules and alerts out")] = True
    objective: Annotated[Objective, _OBJECTIVE] = 0.999
    excluded: Annotated[
        tuple[TypeName, ...], Field(description="types that nothing is promised of: [OrdersV1]")
    ] = ()


@dataclass(frozen=True, config=CLOSED)
class EventObjectives(Objectives):
    """What the objectives for availability and latency have in common."""

    minimum_events: Annotated[
        Count, Field(description="does not fire below so many events in the long window")
    ] = 100

    @property
    def floor(self) -> int:
        """How many events have to be in the long window."""
        return self.minimum_events


def _check_types(own: tuple[OwnAvailability, ...], excluded: tuple[str, ...]) -> None:
    names = [*(each.type for each in own), *excluded]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise ValueError(f"types and excluded: {twice} is there twice; keep one")


@dataclass(frozen=True, config=CLOSED)
class AvailabilityObjectives(EventObjectives):
    """Share of operations that do not end in an error."""

    types: Annotated[
        tuple[OwnAvailability, ...],
        Field(description="types with an objective of their own: [{type: X, objective: 0.99}]"),
    ] = ()

    @model_validator(mode="after")
    def _check(self) -> AvailabilityObjectives:
        _check_types(self.types, self.excluded)
        return self


@dataclass(frozen=True, config=CLOSED)
class LatencyObjectives(EventObjectives):
    """Share of operations that take no longer than a bound."""

    objective: Annotated[Objective, _OBJECTIVE] = 0.99
    within_ms: Annotated[Milliseconds, _WITHIN] = 1000
    types: Annotated[
        tuple[OwnLatency, ...],
        Field(
            description="types with an objective of their own: "
            "[{type: X, objective: 0.99, within_ms: 250}]"
        ),
    ] = ()

    @model_validator(mode="after")
    def _check(self) -> LatencyObjectives:
        _check_types(self.types, self.excluded)
        return self


@dataclass(frozen=True, config=CLOSED)
class OwnTime(OwnAvailability):
    """A projection whose objective differs."""


@dataclass(frozen=True, config=CLOSED)
class TimeObjectives(Objectives):
    """Share of time in which something holds."""

    objective: Annotated[Objective, _OBJECTIVE] = 0.99
    minimum_seconds: Annotated[
        Count,
        Field(description="does not fire where less is known of the long window, in seconds"),
    ] = 600
    types: Annotated[
        tuple[OwnTime, ...],
        Field(
            description="projections with an objective of their own: [{type: X, objective: 0.95}]"
        ),
    ] = ()

    @property
    def floor(self) -> int:
        """How many seconds have to be known of the long window."""
        return self.minimum_seconds

    @model_validator(mode="after")
    def _check(self) -> TimeObjectives:
        _check_types(self.types, self.excluded)
        return self


def promise(objective: Objectives | OwnAvailability) -> str:
    """What is promised: ``99.9 %``, ``99 % within 500 ms`` or ``99 % of the time``."""
    share = f"{number(objective.objective * 100)} %"
    if isinstance(objective, LatencyObjectives | OwnLatency):
        return f"{share} within {number(objective.within_ms)} ms"
    if isinstance(objective, TimeObjectives | OwnTime):
        return f"{share} of the time"
    return share
