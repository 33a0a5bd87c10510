"""Kinds of values that settings have, each with its limits; shared by all sections."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    PlainSerializer,
)

from .promql import duration_seconds, number

Severity = Literal["critical", "warning", "info"]

KEY = "key"  # where an error's context says which of a section's keys is at fault
_PERCENT = 100
CLOSED = ConfigDict(extra="forbid", validate_by_name=True)


def require_unit(value: Any) -> Any:
    """A duration, but for a bare number, of which it is said what to write."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf:
        raise ValueError(f"a duration has a unit: write {value}s for seconds")
    return value


def _require_share(value: Any) -> Any:
    if isinstance(value, int | float) and 1 < value < _PERCENT:
        raise ValueError(f"is a share, not per cent: write {number(value / _PERCENT)}")
    return value


def _check_duration(value: str) -> str:
    duration_seconds(value)
    return value


class Labels(tuple[tuple[str, str], ...]):
    """Names of labels with their values, which do not change."""

    __slots__ = ()


def _read_labels(value: Any) -> Any:
    if isinstance(value, Labels):
        return value
    if not isinstance(value, Mapping):
        raise ValueError("write names with their values, such as {team: checkout}")
    for name, text in value.items():
        if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", str(name)) or str(name).startswith("__"):
            raise ValueError(
                f"{name} is not a label name; use letters, digits and _, such as "
                f"{re.sub('[^a-zA-Z0-9_]', '_', str(name)).lstrip('_0123456789') or 'team'}"
            )
        if not isinstance(text, str) or not text or "\n" in text:
            raise ValueError(
                f'the value of {name} has to be text of one line; a number needs quotes: "1"'
            )
    return Labels(value.items())


def _check_address(value: str) -> str:
    if not re.fullmatch(r"https?://[^/][^\s{}<>\"?#]*", value):
        raise ValueError(
            "people click on it in messages: write an address that begins with http:// or "
            "https://, without blanks, braces, quotes, ? and #"
        )
    return value.rstrip("/")


LabelValues = Annotated[InstanceOf[Labels], BeforeValidator(_read_labels), PlainSerializer(dict)]
Flag = Annotated[bool, Field(strict=True)]
Duration = Annotated[str, BeforeValidator(require_unit), AfterValidator(_check_duration)]
Address = Annotated[str, AfterValidator(_check_address)]
OptionalAddress = Annotated[str, AfterValidator(lambda value: value and _check_address(value))]
Text = Annotated[str, Field(min_length=1, pattern=r"^[a-zA-Z0-9_.-]+$")]
Share = Annotated[
    float, Field(strict=True, ge=0, lt=1, allow_inf_nan=False), BeforeValidator(_require_share)
]
Objective = Annotated[
    float, Field(strict=True, gt=0, lt=1, allow_inf_nan=False), BeforeValidator(_require_share)
]
Milliseconds = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(strict=True, ge=0)]
