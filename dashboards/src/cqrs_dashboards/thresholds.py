"""Where panels change colour: at what was promised, and at the values at which alerts fire."""

from __future__ import annotations

from collections.abc import Iterable

from cqrs_alerts.alert_settings import AlertSettings, LatencyAlert, RatioAlert, ReplayAlert
from cqrs_alerts.config import Config
from cqrs_alerts.objective_settings import LatencyObjectives
from cqrs_alerts.promql import duration_seconds
from cqrs_alerts.recording import Rate
from cqrs_alerts.setting_types import Severity
from cqrs_alerts.slo import Latency, slis
from cqrs_alerts.slo_settings import BurnRate

from . import colors
from .model import Threshold

_NEAR = 0.5  # share of a limit that is worth a look

BY_SEVERITY: dict[Severity, str] = {
    "critical": colors.CRITICAL,
    "warning": colors.WARNING,
    "info": colors.NEUTRAL,
}


def share(alert: RatioAlert) -> tuple[Threshold, ...]:
    """Half the share at which the alert fires, and that share; nothing when it is off."""
    return _threshold(alert, alert.above_ratio)


def milliseconds(alert: LatencyAlert) -> tuple[Threshold, ...]:
    """Half the milliseconds at which the alert fires, and all; nothing when it is off."""
    return _threshold(alert, alert.above_ms)


def events(alert: ReplayAlert) -> tuple[Threshold, ...]:
    """Half the events at which the alert fires, and all; nothing when it is off."""
    return _threshold(alert, alert.above_events)


def promise_on(buckets: Rate, config: Config) -> LatencyObjectives | None:
    """The objective that counts good and bad from a histogram; None without one."""
    found = (each for each in slis(config) if isinstance(each, Latency))
    return next((each.settings(config) for each in found if each.buckets == buckets), None)


def approaching(limit: float) -> tuple[Threshold, ...]:
    """Orange from a share of a limit on, red from the limit on."""
    return Threshold(limit * _NEAR, colors.WARNING), Threshold(float(limit), colors.CRITICAL)


def freshness(config: Config) -> tuple[Threshold, ...]:
    """Half the staleness of the objective, and the objective, above which a state is not ok."""
    return approaching(config.slos.projection_freshness.within_ms)


def stalled(config: Config) -> tuple[Threshold, ...]:
    """The seconds without an applied event after which a projection counts as stalled, and pages.

    Nothing where that alert is switched off.
    """
    alert, after = config.alerts.projection_stalled, config.projections.stalled_after
    if not alert.enabled:
        return ()
    seconds = duration_seconds(after)
    pages = seconds + duration_seconds(alert.for_)
    return Threshold(float(seconds), colors.WARNING), Threshold(float(pages), colors.CRITICAL)


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
    return approaching(value) if alert.enabled else ()
