"""Observations of the Prometheus servers that tests start, repeated when a scrape failed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from cqrs_alerts.live.prometheus import Prometheus
from waits import wait_for

MARGIN = 5  # seconds after a failed scrape within which rules record every series again

T = TypeVar("T")


def observe_undisturbed(url: str, look: Callable[[str], T]) -> T:
    """Return what ``look`` finds at a server during a time in which no target's ``up`` changes.

    These servers scrape every second, so the scrape timeout is one second. On a busy machine a
    scrape sometimes takes longer, and the target's series are missing until the next scrape.
    """
    changed: object = None

    def attempt() -> tuple[T] | None:
        nonlocal changed
        begin = time.monotonic()
        found = look(url)
        seconds = int(time.monotonic() - begin) + MARGIN
        with Prometheus(url) as prometheus:
            changed = prometheus.query(f"changes(up[{seconds}s]) > 0")
        return None if changed else (found,)

    what = f"observation of {url} without a change of up"
    return wait_for(what, attempt, saw=lambda: changed)[0]
