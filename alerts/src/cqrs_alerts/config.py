"""What a user can set in ``cqrs.yaml``."""

from __future__ import annotations

from dataclasses import dataclass

from .naming import Strategy
from .promql import Matcher


@dataclass(frozen=True)
class Config:
    """Settings of the bundle; the defaults suit one Prometheus job per service."""

    group_labels: tuple[str, ...] = ("job",)
    selector: tuple[Matcher, ...] = ()
    naming: Strategy = "UnderscoreEscapingWithSuffixes"
