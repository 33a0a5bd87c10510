"""Cases of the alerts of projections."""

from __future__ import annotations

from cqrs_alerts.links import PROJECTIONS_UID

from .case import Case
from .traffic import apply_times, events, lags, skewed

CASES = (
    Case(
        "CqrsProjectionErrorsHigh",
        "projection", "critical", PROJECTIONS_UID, {"projection_name": "orders"},
        "Projection orders fails on 6% of events", "5m",
        fires=events(success=94, error=6),
        quiet={
            "just below": events(success=952, error=48),
            "too few to tell": events(success=1, error=2.9),
        },
    ),
    Case(
        "CqrsProjectionApplyLatencyHigh",
        "projection", "warning", PROJECTIONS_UID, {"projection_name": "orders"},
        "Projection orders takes longer than 750 ms for 5% of events", "9m",
        fires=apply_times({20.0: 90, 800.0: 10}),
        quiet={
            "just below": apply_times({400.0: 96, 800.0: 4}),
            "too few to tell": apply_times({800.0: 3.9}),
        },
    ),
    Case(
        "CqrsProjectionLagHigh",
        "projection", "critical", PROJECTIONS_UID, {"projection_name": "orders"},
        # Rank 99 of 100 is half way through the two in the bucket (30 s, 60 s].
        "1% of events reach projection orders later than 45000 ms", "9m",
        fires=lags({20.0: 98, 50_000.0: 2}),
        quiet={
            "just below": lags({20_000.0: 99.5, 50_000.0: 0.5}),
            "too few to tell": lags({50_000.0: 3.9}),
        },
    ),
    Case(
        "CqrsProjectionClockSkew",
        "projection", "warning", PROJECTIONS_UID, {"projection_name": "orders"},
        "6% of the events of projection orders bear a time in the future", "14m",
        fires=skewed(6, of=100),
        quiet={
            "just below": skewed(48, of=1000),
            "too few to tell": skewed(3.9, of=3.9),
        },
    ),
)  # fmt: skip
