"""Time windows of the rules."""

from __future__ import annotations

RATE_WINDOW = "5m"  # the contract's; part of the recorded names
SAMPLES_PER_WINDOW = 4  # fewer, and one failed scrape makes a rate disappear
