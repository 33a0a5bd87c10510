"""Observations of Prometheus servers of tests that no failed scrape falsified."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from cqrs_alerts.live.prometheus import Prometheus
from waits import wait_for

MARGIN = 5  # seconds: that long after a failed scrape, rules have recorded everything again

T = TypeVar("T")


def observe_undisturbed(url: str, look: Callable[[str], T]) -> T:
    """What ``look`` finds at a server while no target comes or goes.

    Servers of tests scrape every second, so a scrape has no more than one second. On a busy
    machine that is too short now and then, and until the next scrape the target's series are gone.
    """
    came_or_went: object = None

    def attempt() -> tuple[T] | None:
        nonlocal came_or_went
        begin = time.monotonic()
        found = look(url)
        seconds = int(time.monotonic() - begin) + MARGIN
        with Prometheus(url) as prometheus:
            came_or_went = prometheus.query(f"changes(up[{seconds}s]) > 0")
        return None if came_or_went else (found,)

    what = f"look at {url} during which no target came or went"
    return wait_for(what, attempt, saw=lambda: came_or_went)[0]
