"""Where panels change colour: at what was promised, and at the values at which alerts fire."""

from __future__ import annotations

from collections.abc import Iterable

from cqrs_alerts.alert_settings import AlertSettings, LatencyAlert, RatioAlert, ReplayAlert
from cqrs_alerts.config import Config
from cqrs_alerts.objective_settings import LatencyObjectives
from cqrs_alerts.recording import Rate
from cqrs_alerts.setting_types import Severity
from cqrs_alerts.slo import Latency, slis
from cqrs_alerts.slo_settings import BurnRate

from . import colors
from .model import Threshold

BY_SEVERITY: dict[Severity, str] = {
    "critical": colors.CRITICAL,
    "warning": colors.WARNING,
    "info": colors.NEUTRAL,
}


def share(alert: RatioAlert) -> tuple[Threshold, ...]:
    """The share at which the alert fires; nothing when it is switched off."""
    return _threshold(alert, alert.above_ratio)


def milliseconds(alert: LatencyAlert) -> tuple[Threshold, ...]:
    """The milliseconds at which the alert fires; nothing when it is switched off."""
    return _threshold(alert, alert.above_ms)


def events(alert: ReplayAlert) -> tuple[Threshold, ...]:
    """The number of events at which the alert fires; nothing when it is switched off."""
    return _threshold(alert, float(alert.above_events))


def promise_on(buckets: Rate, config: Config) -> LatencyObjectives | None:
    """The objective that counts good and bad from a histogram; None without one."""
    found = (each for each in slis(config) if isinstance(each, Latency))
    return next((each.settings(config) for each in found if each.buckets == buckets), None)


def freshness(config: Config) -> tuple[Threshold, ...]:
    """The staleness from which on a projection is not ok: the objective."""
    return (Threshold(config.slos.projection_freshness.within_ms, colors.WARNING),)


def burn(rate: BurnRate) -> tuple[Threshold, ...]:
    """The factor above which the rule of a pair of windows fires."""
    return (Threshold(rate.factor, BY_SEVERITY[rate.severity]),)


def fastest_burn(rates: Iterable[BurnRate]) -> tuple[Threshold, ...]:
    """The factor of each severity that fires first, rising."""
    lowest: dict[Severity, float] = {}
    for rate in rates:
        lowest[rate.severity] = min(rate.factor, lowest.get(rate.severity, rate.factor))
    return tuple(
        Threshold(factor, BY_SEVERITY[severity])
        for severity, factor in sorted(lowest.items(), key=lambda each: each[1])
    )


# A budget is red when nothing is left; below a quarter it is time to go slowly.
BUDGET = (Threshold(0.0, colors.WARNING), Threshold(0.25, colors.GOOD))


def _threshold(alert: AlertSettings, value: float) -> tuple[Threshold, ...]:
    return (Threshold(value, BY_SEVERITY[alert.severity]),) if alert.enabled else ()
