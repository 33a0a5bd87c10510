"""Observations of the Prometheus servers that tests start, repeated when a scrape failed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from cqrs_alerts.config import Config
from cqrs_alerts.live.check import RuleReport, check_live
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


def check_rules(url: str, config: Config) -> RuleReport:
    """Return the report on a server's rules at a time when each group is evaluated in its interval.

    These servers evaluate every second. On a busy machine an evaluation sometimes takes longer,
    and the report then says so, with good reason.
    """
    late: object = None

    def attempt() -> RuleReport | None:
        nonlocal late
        report = observe_undisturbed(url, lambda url: check_live(url, config))
        late = [each for each in report.findings if each.status == "late"]
        return None if late else report

    return wait_for(f"report on {url} without a late group", attempt, saw=lambda: late)
