"""What is marked on every chart: alerts that fire, and processes that start anew."""

from __future__ import annotations

from cqrs_alerts.alert import PREFIX
from cqrs_alerts.foreign_metrics import ALERT_NAME, ALERT_STATE, ALERTS, FIRING
from cqrs_alerts.label_names import SEVERITY
from cqrs_alerts.promql import Matcher, equals, select, sum_by
from cqrs_alerts.recording import RESTARTS

from . import colors
from .model import Annotation
from .queries import Queries


def dashboard_annotations(queries: Queries) -> tuple[Annotation, ...]:
    """The marks of all dashboards, within what the variables choose."""
    groups = queries.config.service_labels
    firing = select(ALERTS, (*queries.groups(), *our_alerts(), equals(ALERT_STATE, FIRING)))
    where = " · ".join(f"{{{{{label}}}}}" for label in groups)
    return (
        Annotation(
            "Alerts firing",
            f"max by ({', '.join((ALERT_NAME, SEVERITY, *groups))}) ({firing})",
            f"{{{{{ALERT_NAME}}}}}",
            f"{{{{{SEVERITY}}}}} · {where}",
            colors.CRITICAL,
        ),
        Annotation(
            "Restarts",
            f"{sum_by(groups, queries.series(RESTARTS))} > 0",
            "Processes restarted",
            where,
            colors.RESTART,
        ),
    )


def our_alerts() -> tuple[Matcher, ...]:
    """Matchers of this bundle's alerts."""
    return (Matcher(ALERT_NAME, "=~", f"{PREFIX}.+"),)
