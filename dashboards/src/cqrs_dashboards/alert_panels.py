"""What is firing: panels on Prometheus' own series of alerts."""

from __future__ import annotations

from cqrs_alerts import recording
from cqrs_alerts.foreign_metrics import ALERT_NAME, ALERT_STATE, ALERTS, FIRING
from cqrs_alerts.promql import Matcher, equals, select

from . import colors, panels
from .annotations import our_alerts
from .model import Mapping, Panel, Target, Threshold
from .queries import NO_FAILURE, Queries

_QUIET = "no telemetry"
# While no alert fires, no bar is drawn: a green one would look like an alert.
_FIRING = (Mapping(0, "quiet", colors.INVISIBLE), Mapping(1, "firing", colors.CRITICAL))


def firing_now(queries: Queries, title: str, what: str, *matchers: Matcher) -> Panel:
    """How many alerts fire; 0 only while a service reports that could make one fire."""
    return panels.stat(
        title,
        f"{what} that fire now. Normal is 0. Each has a runbook, linked in its notification; the "
        "charts mark since when they fire.",
        panels.COUNT,
        f"count({_firing(queries, *matchers)}) or {_nothing(queries)}",
        _QUIET, thresholds=(Threshold(1.0, colors.CRITICAL),), decimals=0,
    )  # fmt: skip


def firing_over_time(
    queries: Queries, *matchers: Matcher, width: int = 8, height: int = 8
) -> Panel:
    """Which alerts fired when."""
    found = f"max by ({ALERT_NAME}) ({_firing(queries, *matchers)})"
    nothing = f'label_replace({_nothing(queries)}, "{ALERT_NAME}", "{NO_FAILURE}", "", "")'
    return Panel(
        "Alerts over time",
        "Alerts that fired, and when. Normal is an empty line, 'none', while a service reports. "
        "What started first is nearest to the cause: read from left to right, then "
        "open its runbook.",
        "state-timeline", panels.COUNT,
        (Target(f"{found} or on () {nothing}", f"{{{{{ALERT_NAME}}}}}"),), _QUIET,
        width=width, height=height, minimum=None, mappings=_FIRING,
        thresholds=(Threshold(1.0, colors.CRITICAL),),
    )  # fmt: skip


def _firing(queries: Queries, *matchers: Matcher) -> str:
    state = equals(ALERT_STATE, FIRING)
    return select(ALERTS, (*queries.groups(), *our_alerts(), state, *matchers))


def _nothing(queries: Queries) -> str:
    return f"0 * {queries.total(recording.INSTANCES)}"
