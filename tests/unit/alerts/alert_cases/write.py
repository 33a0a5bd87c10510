"""Cases of the alerts of the write side."""

from __future__ import annotations

from cqrs_alerts.links import WRITE_PATH_UID

from .case import Case
from .traffic import command_times, commands

CASES = (
    Case(
        "CqrsCommandErrorsHigh",
        "write", "critical", WRITE_PATH_UID, {"command_type": "PlaceOrder"},
        "6% of PlaceOrder commands fail", "5m",
        fires=commands(success=94, error=6),
        quiet={
            "just below": commands(success=952, error=48),
            "rejections are answers": commands(success=50, rejected=40, cancelled=10),
            "too few to tell": commands(success=1, error=2.9),
        },
    ),
    Case(
        "CqrsCommandLatencyHigh",
        "write", "warning", WRITE_PATH_UID, {"command_type": "PlaceOrder"},
        # Rank 95 of 100 is half way through the ten in the bucket (1000, 2500].
        "5% of PlaceOrder commands take longer than 1750 ms", "9m",
        fires=command_times({20.0: 90, 2000.0: 10}),
        quiet={
            "just below": command_times({900.0: 96, 2000.0: 4}),
            "too few to tell": command_times({2000.0: 3.9}),
        },
    ),
)  # fmt: skip
