"""Settings of what is planned, and so no reason to tell anyone."""

from __future__ import annotations

import difflib
import re
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator
from pydantic.dataclasses import dataclass

from .alert_settings import Alerts
from .objective_settings import Objectives
from .schedules import UTC, check_zone, covers_week, read_hours
from .setting_types import CLOSED, Labels, LabelValues
from .slo_settings import Slos

_ALERTS = (
    *Alerts.__dataclass_fields__,
    *(key for key in Slos.__dataclass_fields__ if isinstance(getattr(Slos(), key), Objectives)),
)


def _check_alert(key: str) -> str:
    if key in _ALERTS:
        return key
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key.removeprefix("Cqrs").removesuffix("Burn"))
    close = difflib.get_close_matches(words.lower(), _ALERTS, n=1)
    hint = f"did you mean {close[0]}?" if close else "write keys of the sections alerts and slos"
    raise ValueError(f"is no alert; {hint}")


def _require_one(keys: tuple[str, ...]) -> tuple[str, ...]:
    if not keys:
        raise ValueError("name at least one alert")
    return keys


def _check_reason(text: str) -> str:
    if not text.strip() or "\n" in text.strip():
        raise ValueError("write one line: runbooks tell it to whoever wonders")
    return text.strip()


def _check_hours(text: str) -> str:
    read_hours(text)
    return text


AlertKey = Annotated[str, AfterValidator(_check_alert)]
Times = tuple[Annotated[str, AfterValidator(_check_hours)], ...]


@dataclass(frozen=True, config=CLOSED)
class Exemption:
    """Some alerts do not fire for some labels, or at some times, or both."""

    alerts: Annotated[
        tuple[AlertKey, ...],
        AfterValidator(_require_one),
        Field(description="their keys in the sections alerts and slos"),
    ]
    reason: Annotated[
        str,
        AfterValidator(_check_reason),
        Field(description="why; runbooks tell it to whoever wonders"),
    ]
    labels: Annotated[
        LabelValues,
        Field(description="values of labels that the alert has, all of them: {job: billing}"),
    ] = Labels()
    during: Annotated[Times, Field(description="when it holds: [Sat-Sun 00:00-24:00]")] = ()
    outside: Annotated[Times, Field(description="when it does not: [Mon-Fri 07:00-19:00]")] = ()
    time_zone: Annotated[
        str, AfterValidator(check_zone), Field(description="of these hours, such as Europe/Vienna")
    ] = UTC

    @model_validator(mode="after")
    def _check(self) -> Exemption:
        if self.during and self.outside:
            raise ValueError("has during and outside: keep one, or write two exemptions")
        if covers_week(self.outside):
            raise ValueError("never holds: outside of the whole week there is no time")
        timed = self.outside or (self.during and not covers_week(self.during))
        if not self.labels and not timed:
            raise ValueError(
                "would switch its alerts off: name labels or hours, or set enabled: false there"
            )
        if self.time_zone != UTC and not self.during and not self.outside:
            raise ValueError("has a time_zone and no hours: name them by during or outside")
        return self
