"""What commands and queries have in common: fields with limits, checked at the edge."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field, StringConstraints

Sku = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Quantity = Annotated[int, Field(ge=1, le=1_000_000)]
Cents = Annotated[int, Field(ge=0, le=1_000_000_000)]
Limit = Annotated[int, Field(ge=1, le=10_000)]
Offset = Annotated[int, Field(ge=0, le=1_000_000_000)]
Position = Annotated[int, Field(ge=1, le=2**63 - 1)]  # in the events; SQLite counts no further


class Message:
    """Base of commands and queries: a field that is not theirs is a mistake, not ignored."""

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")
