"""Time windows of the rules."""

from __future__ import annotations

from .promql import duration_seconds

RATE_WINDOW = "5m"  # the contract's; part of the recorded names
RATE_WINDOW_SECONDS = duration_seconds(RATE_WINDOW)
FIRST_WINDOW = "2m"  # a series is new for so long: two evaluations, at a minute each
SAMPLES_PER_WINDOW = 4  # fewer, and one failed scrape makes a rate disappear
