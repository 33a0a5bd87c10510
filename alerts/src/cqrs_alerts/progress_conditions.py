"""Conditions on work that is under way and does not get done."""

from __future__ import annotations

from collections.abc import Callable

from .alert_settings import StuckAlert
from .conditions import Text, summed, with_traffic
from .config import Config
from .label_names import LE
from .promql import duration_seconds, equals, number, select
from .recording import PROJECTION_LAG_BUCKETS, PROJECTION_LAG_MEAN, Level, Rate
from .windows import RATE_WINDOW


def stuck(active: Level, rate: Rate, settings: Callable[[Config], StuckAlert]) -> Text:
    """Operations of a type are in flight all the time, and none of that type comes to an end."""

    def expression(config: Config) -> str:
        chosen = settings(config)
        return (
            f"min_over_time({active.name}[{chosen.window}]) >= {chosen.minimum_in_flight}\n"
            f"unless {summed(rate.name, active.by, config)} > 0"
        )

    return expression


def stuck_within(settings: Callable[[Config], StuckAlert]) -> Text:
    """Until the window of that condition is full, and the one of rates has nothing of before."""
    return lambda config: max(settings(config).window, RATE_WINDOW, key=duration_seconds)


def falling_behind(config: Config) -> str:
    """Lag is considerable and grows; the slope is in milliseconds per second."""
    chosen = config.alerts.projection_falling_behind
    lag = PROJECTION_LAG_MEAN.name
    observations = select(PROJECTION_LAG_BUCKETS.name, [equals(LE, "+Inf")])
    growing = f"deriv({lag}[{chosen.window}]) > {number(chosen.above_ms_per_second)}"
    return with_traffic(
        f"{growing}\nand {lag} > {number(chosen.above_ms)}",
        summed(observations, PROJECTION_LAG_BUCKETS.by, config),
        chosen.minimum_operations,
    )
