"""Kinds of values that settings have, each with its limits; shared by all sections."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field

from .promql import duration_seconds

Severity = Literal["critical", "warning", "info"]

KEY = "key"  # where an error's context says which of a section's keys is at fault
CLOSED = ConfigDict(extra="forbid", validate_by_name=True)


def _check_duration(value: str) -> str:
    duration_seconds(value)
    return value


def _check_address(value: str) -> str:
    if re.search(r"[\s{}<>\"]", value) or not re.match(r"https?://[^/]", value):
        raise ValueError(
            "people click on it in messages: write an address that begins with http:// or "
            "https://, without blanks, braces and quotes"
        )
    return value.rstrip("/")


Flag = Annotated[bool, Field(strict=True)]
Duration = Annotated[str, AfterValidator(_check_duration)]
Address = Annotated[str, AfterValidator(_check_address)]
OptionalAddress = Annotated[str, AfterValidator(lambda value: value and _check_address(value))]
Text = Annotated[str, Field(min_length=1, pattern=r"^[a-zA-Z0-9_.-]+$")]
Share = Annotated[float, Field(strict=True, ge=0, lt=1, allow_inf_nan=False)]
Milliseconds = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(strict=True, ge=0)]
