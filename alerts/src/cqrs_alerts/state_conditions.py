"""Conditions on the state of a projection, of which a process that watches it tells.

Where nobody does, or the probe fails, ``without_backlog`` says so, and the past has to do.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from .conditions import Text
from .config import Config
from .projection_state import (
    CATCHING_UP,
    CODE,
    LAGGING,
    UNKNOWN,
    WATCHED,
    State,
    draining,
    shared_labels,
)
from .promql import duration, duration_seconds, label_list
from .recording import PENDING, STALENESS
from .recording_rules import FACTS_LIVE


def waiting_while(state: State) -> Text:
    """Events wait for a projection in this state; the value is their number."""
    return lambda _: f"{PENDING.name} > 0\nand {CODE} == {state.code}"


def unknown(_: Config) -> str:
    """Nobody knows the backlog of a projection that was watched within the memory."""
    return f"{CODE} == {UNKNOWN.code}\nand {WATCHED} == 1"


def stale(config: Config) -> str:
    """What readers see is older than promised, and will be; the value is its age in milliseconds.

    Over a window of its own: a state looks at the last minutes, in which any backlog shrinks at
    times.
    """
    late = " or ".join(f"{CODE} == {each.code}" for each in (CATCHING_UP, LAGGING))
    window = config.alerts.projection_stale.window
    return f"{STALENESS.name}\nand ({late})\nunless ({draining(window)})"


def facts_end(config: Config) -> str:
    """What a process that is gone told of itself counts until its last sample is too old."""
    return duration(math.ceil(FACTS_LIVE * duration_seconds(config.scrape_interval)))


def stale_within(config: Config) -> str:
    """Until the backlog is late, and its past in the window no longer looks as if it went."""
    promised = config.slos.projection_freshness
    late = max([promised.within_ms, *(own.within_ms for own in promised.types)]) / 1000
    window = duration_seconds(config.alerts.projection_stale.window)
    return duration(math.ceil(window + late))


def without_backlog(condition: Callable[[Config], str]) -> Callable[[Config], str]:
    """The condition, but for a projection of which it is known what waits."""

    def expression(config: Config) -> str:
        on = label_list(shared_labels(config))
        return f"{condition(config)}\nunless on ({on}) {PENDING.name}"

    return expression
