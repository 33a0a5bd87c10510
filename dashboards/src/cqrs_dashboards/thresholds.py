"""Where panels change colour: at the values at which the alerts fire."""

from __future__ import annotations

from cqrs_alerts.alert_settings import AlertSettings, LatencyAlert, RatioAlert
from cqrs_alerts.setting_types import Severity

from . import colors
from .model import Threshold

_BY_SEVERITY: dict[Severity, str] = {
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


def _threshold(alert: AlertSettings, value: float) -> tuple[Threshold, ...]:
    return (Threshold(value, _BY_SEVERITY[alert.severity]),) if alert.enabled else ()
