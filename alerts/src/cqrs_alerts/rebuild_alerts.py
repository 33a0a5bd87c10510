"""Alerts on rebuilds, which keep all others of their projection quiet."""

from __future__ import annotations

from cqrs_telemetry import catalog

from .alert import Alert, Query
from .conditions import COUNT, busiest, current, description, failed_spans, highest
from .links import PROJECTIONS_UID
from .rebuild_conditions import forgotten, slow, stuck
from .rebuilds import DONE, REMAINING
from .recording import (
    PENDING,
    PROJECTION_DURATION_P95,
    PROJECTION_ERROR_RATE,
    PROJECTION_RATE,
    REBUILD_APPLIED,
    REBUILD_RATE,
    REBUILD_TARGET,
    REBUILDING,
)
from .windows import RATE_WINDOW

_ROW = "Rebuilds"
_DONE = Query("Share that is done", lambda _: DONE)
_LEFT = Query("Seconds that are left", lambda _: REMAINING)
_PACE = Query("Events applied by the rebuild per second", current(REBUILD_RATE))
_APPLIED = Query("Events applied by the rebuild", current(REBUILD_APPLIED))
_TARGET = Query("Events that it is to apply", current(REBUILD_TARGET))
_RUNNING = Query("Rebuilds under way", current(REBUILDING))
_HANDLED = Query(
    "Events applied per second, by phase",
    busiest(PROJECTION_RATE, catalog.PROJECTION_NAME, catalog.PROJECTION_PHASE),
)

ALERTS = (
    Alert(
        "CqrsRebuildStuck", "projection", PROJECTIONS_UID, _ROW,
        "A rebuild is under way and applies nothing",
        description(
            REBUILD_APPLIED,
            f"The rebuild of projection {{projection_name}} has applied {COUNT} events, and none "
            f"in the last {RATE_WINDOW}",
        ),
        stuck,
        (
            _PACE,
            _APPLIED,
            _TARGET,
            Query(
                "Errors per second, by event and exception", busiest(PROJECTION_ERROR_RATE)
            ),
            _HANDLED,
        ),
        failed_spans(catalog.PROJECTION),
    ),
    Alert(
        "CqrsRebuildSlow", "projection", PROJECTIONS_UID, _ROW,
        "A rebuild takes too long",
        description(
            REBUILDING,
            "The rebuild of projection {projection_name} takes "
            "{{{{ $value | humanizeDuration }}}} or more",
        ),
        slow,
        (
            _DONE,
            _LEFT,
            _PACE,
            Query("p95 of the time to apply in ms", highest(PROJECTION_DURATION_P95)),
            _HANDLED,
        ),
        holds_within=lambda config: config.alerts.rebuild_slow.above,
    ),
    Alert(
        "CqrsRebuildForgotten", "projection", PROJECTIONS_UID, _ROW,
        "A rebuild has nothing left to do and is not ended",
        description(
            REBUILD_APPLIED,
            f"The rebuild of projection {{projection_name}} has applied its {COUNT} events, and is "
            "not ended",
        ),
        forgotten,
        (_RUNNING, _APPLIED, _TARGET, Query("Events that wait", current(PENDING)), _HANDLED),
    ),
)  # fmt: skip
