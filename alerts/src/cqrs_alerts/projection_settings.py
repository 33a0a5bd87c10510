"""Settings of projections' states: when one counts as stalled, how long it is remembered."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from .promql import duration_seconds
from .setting_types import CLOSED, Duration, Text


@dataclass(frozen=True, config=CLOSED)
class ProjectionSettings:
    """What the states of projections are derived with, besides the objective for freshness."""

    stalled_after: Annotated[
        Duration,
        Field(description="stalled is what had events to apply for so long, and applied none"),
    ] = "2m"
    seen_within: Annotated[
        Duration,
        Field(description="how long a projection or its watcher that is gone is remembered"),
    ] = "6h"
    across: Annotated[
        tuple[Text, ...],
        Field(description="group labels in which a projection, its watcher and writers may differ"),
    ] = ("job",)

    @model_validator(mode="after")
    def _check_order(self) -> ProjectionSettings:
        if duration_seconds(self.seen_within) <= duration_seconds(self.stalled_after):
            raise ValueError("seen_within has to be longer than stalled_after")
        return self
