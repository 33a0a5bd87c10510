"""Alerts on the states of projections: whether readers can trust what they see."""

from __future__ import annotations

from cqrs_telemetry import catalog

from .alert import Alert, Query
from .conditions import (
    COUNT,
    MILLISECONDS,
    at_once,
    busiest,
    current,
    description,
    failed_spans,
    highest,
    late_spans,
)
from .links import PROJECTIONS_UID
from .past_conditions import not_progressing
from .projection_state import CODE, FAILED, HANDLERS_KNOWN, STALLED, STOPPED
from .rebuild_conditions import outside_rebuilds
from .recording import (
    EVENTS_PRODUCED_RATE,
    INSTANCES,
    PENDING,
    PROJECTION_DURATION_P95,
    PROJECTION_ERROR_RATE,
    PROJECTION_LAG_P99,
    PROJECTION_RATE,
    STALENESS,
)
from .state_conditions import (
    facts_end,
    stale,
    stale_within,
    unknown,
    waiting_while,
    without_backlog,
)
from .windows import RATE_WINDOW

_ROW = "Can users trust what they read?"
_STATE = Query("Its state, as a number", lambda _: CODE)
_WAITING = Query("Events that wait", highest(PENDING))
_STALENESS = Query("Age of the oldest of them in ms", highest(STALENESS))
_HANDLERS = Query("Handlers that live", lambda _: HANDLERS_KNOWN)
_APPLIED = Query(
    "Events applied per second",
    busiest(PROJECTION_RATE, catalog.PROJECTION_NAME, catalog.PROJECTION_STATUS),
)
_PRODUCED = Query(
    "Events produced per second, by type", busiest(EVENTS_PRODUCED_RATE, catalog.EVENT_TYPE)
)
_FAILURES = Query("Errors per second, by event and exception", busiest(PROJECTION_ERROR_RATE))
_INSTANCES = Query("Processes that report now", current(INSTANCES))

ALERTS = (
    Alert(
        "CqrsProjectionFailed", "projection", PROJECTIONS_UID, _ROW,
        "A projection failed on an event and goes no further",
        description(
            PENDING, f"Projection {{projection_name}} failed on its last event; {COUNT} wait"
        ),
        waiting_while(FAILED),
        (_WAITING, _STALENESS, _FAILURES, _APPLIED),
        failed_spans(catalog.PROJECTION),
        holds_within=at_once,
    ),
    Alert(
        "CqrsProjectionStopped", "projection", PROJECTIONS_UID, _ROW,
        "The process that ran a projection is gone, and events wait",
        description(
            PENDING, f"Nothing runs projection {{projection_name}} any more; {COUNT} events wait"
        ),
        waiting_while(STOPPED),
        (_WAITING, _STALENESS, _HANDLERS, _INSTANCES, _APPLIED),
        holds_within=facts_end,
    ),
    Alert(
        "CqrsProjectionStalled", "projection", PROJECTIONS_UID, _ROW,
        "A projection applies nothing, though events wait and none fails",
        description(
            PENDING,
            f"Projection {{projection_name}} lives and applies nothing; {COUNT} events wait",
        ),
        waiting_while(STALLED),
        (_WAITING, _STALENESS, _HANDLERS, _APPLIED),
        holds_within=lambda config: config.projections.stalled_after,
    ),
    Alert(
        "CqrsProjectionNotProgressing", "projection", PROJECTIONS_UID, "Events come in",
        "A projection applies nothing, though its events are produced",
        description(
            PROJECTION_LAG_P99,
            f"Projection {{projection_name}} applies nothing; the past makes expect {COUNT} events "
            f"in {RATE_WINDOW}",
        ),
        without_backlog(outside_rebuilds(not_progressing)),
        (_APPLIED, _PRODUCED, _FAILURES, _INSTANCES),
        failed_spans(catalog.PROJECTION),
    ),
    Alert(
        "CqrsProjectionStateUnknown", "projection", PROJECTIONS_UID, _ROW,
        "Nobody can tell any more what readers of a projection see",
        description(
            PENDING,
            "The probe of projection {projection_name} worked before, and tells of no backlog now",
        ),
        unknown,
        (_STATE, _INSTANCES, _HANDLERS, Query("p99 of lag in ms", highest(PROJECTION_LAG_P99))),
        holds_within=facts_end,
    ),
    Alert(
        "CqrsProjectionStale", "projection", PROJECTIONS_UID, _ROW,
        "Readers see the past, and the backlog does not shrink",
        description(
            STALENESS, f"Readers of projection {{projection_name}} see what was {MILLISECONDS} ago"
        ),
        stale,
        (
            _WAITING,
            _STALENESS,
            _APPLIED,
            _PRODUCED,
            Query("p95 of the time to apply in ms", highest(PROJECTION_DURATION_P95)),
            Query("p99 of lag in ms", highest(PROJECTION_LAG_P99)),
        ),
        late_spans(lambda config: config.slos.projection_freshness.within_ms),
        holds_within=stale_within,
    ),
)  # fmt: skip
