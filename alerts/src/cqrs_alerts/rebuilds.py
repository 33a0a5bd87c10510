"""How far rebuilds under way are, as recorded series: of the process that rebuilds."""

from __future__ import annotations

from typing import Any

from .config import Config
from .recording import REBUILD_APPLIED, REBUILD_RATE, REBUILD_TARGET
from .recording_rules import labels as recorded_labels

DONE = "cqrs:projection_rebuild_done:ratio"
REMAINING = "cqrs:projection_rebuild_remaining:seconds"


def meanings() -> dict[str, str]:
    """What each recorded series says."""
    return {
        DONE: "share of the events that a rebuild will apply which it has applied; absent while "
        "their number is unknown",
        REMAINING: "seconds until a rebuild is done at the pace of the last minutes",
    }


def labels(config: Config) -> tuple[str, ...]:
    """Labels of the recorded series."""
    return recorded_labels(REBUILD_APPLIED, config)


def units() -> list[list[dict[str, Any]]]:
    """The recording rules, each by itself; events that happen meanwhile come on top."""
    applied, target, rate = REBUILD_APPLIED.name, REBUILD_TARGET.name, REBUILD_RATE.name
    return [
        [{"record": DONE, "expr": f"clamp_max({applied} / ({target} > 0), 1)"}],
        [{"record": REMAINING, "expr": f"clamp_min({target} - {applied}, 0) / ({rate} > 0)"}],
    ]
