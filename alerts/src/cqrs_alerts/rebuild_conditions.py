"""Conditions on rebuilds, and what is no trouble during one.

A projection that is rebuilt is behind because it was told to be; so whatever else would tell of
that is silent, and the rebuild itself has to be watched.
"""

from __future__ import annotations

from collections.abc import Callable

from .config import Config
from .projection_state import shared_labels
from .promql import duration, duration_seconds, label_list, number
from .rebuilds import REMAINING
from .recording import PENDING, REBUILD_APPLIED, REBUILD_RATE, REBUILD_TARGET, REBUILDING
from .windows import RATE_WINDOW

_STEP, _COARSE_STEP, _FINE_LIMIT = "1m", RATE_WINDOW, "1h"
_SPARE_STEPS = 3  # evaluations that may be missing in a rebuild of unknown length


def outside_rebuilds(condition: Callable[[Config], str]) -> Callable[[Config], str]:
    """The condition, but for a projection that is rebuilt, by whatever process, or just was.

    Rates go on telling of a rebuild until their window is over.
    """

    def expression(config: Config) -> str:
        return (
            f"{condition(config)}\nunless on ({label_list(shared_labels(config))}) "
            f"max_over_time({REBUILDING.name}[{RATE_WINDOW}]) > 0"
        )

    return expression


def stuck(config: Config) -> str:
    """A rebuild applies nothing, and is not done; the value is what it has applied."""
    return (
        f"{REBUILD_APPLIED.name} unless {REBUILD_RATE.name} > 0\n"
        f"unless {_complete()}\n"
        f"unless ({_idle(config)})"
    )


def forgotten(config: Config) -> str:
    """A rebuild has nothing left to do, and goes on; the value is what it has applied.

    One that does not know how much there is to do has done it when no event waits and none comes.
    """
    return f"{_complete()}\nor ({_idle(config)} unless {REBUILD_RATE.name} > 0)"


def slow(config: Config) -> str:
    """How long a rebuild goes on and, where that is known, will; in seconds."""
    above = duration_seconds(config.alerts.rebuild_slow.above)
    step = _STEP if above <= duration_seconds(_FINE_LIMIT) else _COARSE_STEP
    seconds = duration_seconds(step)
    window = duration(above + _SPARE_STEPS * seconds)
    gone = f"count_over_time(({REBUILDING.name} > 0)[{window}:{step}]) * {number(seconds)}"
    left = f"({REMAINING} or 0 * {REBUILDING.name})"
    return f"{gone} + {left} > {number(above)}\nand {REBUILDING.name} > 0"


def _complete() -> str:
    """All events that it was to apply are applied."""
    return f"{REBUILD_APPLIED.name} >= {REBUILD_TARGET.name}"


def _idle(config: Config) -> str:
    """How much there is to do is not known, and nothing waits."""
    on = label_list(shared_labels(config))
    return f"{REBUILD_APPLIED.name} unless {REBUILD_TARGET.name} and on ({on}) {PENDING.name} == 0"
