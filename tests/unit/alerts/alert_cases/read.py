"""Cases of the alerts of the read side."""

from __future__ import annotations

from cqrs_alerts.links import READ_PATH_UID

from .case import Case
from .traffic import queries, query_times

CASES = (
    Case(
        "CqrsQueryErrorsHigh",
        "read", "critical", READ_PATH_UID, {"query_type": "FindOrders"},
        "6% of FindOrders queries fail", "5m",
        fires=queries(success=94, error=6),
        quiet={
            "just below": queries(success=952, error=48),
            "rejections are answers": queries(success=50, rejected=40, cancelled=10),
            "too few to tell": queries(success=1, error=2.9),
        },
    ),
    Case(
        "CqrsQueryLatencyHigh",
        "read", "warning", READ_PATH_UID, {"query_type": "FindOrders"},
        # Rank 95 of 100 is half way through the ten in the bucket (500, 1000].
        "5% of FindOrders queries take longer than 750 ms", "9m",
        fires=query_times({20.0: 90, 800.0: 10}),
        quiet={
            "just below": query_times({400.0: 96, 800.0: 4}),
            "too few to tell": query_times({800.0: 3.9}),
        },
    ),
)  # fmt: skip
