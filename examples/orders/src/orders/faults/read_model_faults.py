"""Faults of projections, of their rebuilds, and of what tells of their backlog."""

from __future__ import annotations

import signal

from cqrs_alerts.projection_state import (
    FAILED,
    LAGGING,
    REBUILDING_STATE,
    STALLED,
    STOPPED,
    UNKNOWN,
)

from .fault import Fault, alerts_named

FAULTS = (
    Fault(
        "poison-event", "an order is stored that the projection cannot turn into rows",
        "service",
        alerts_named("CqrsProjectionFailed", "CqrsProjectionErrorsHigh"),
        "orders is tried again and again and gets no further; stock goes on",
        state=FAILED,
    ),
    Fault(
        "slow-projection", "the projection orders takes 0.8 s more for each event",
        "projection",
        alerts_named(
            "CqrsProjectionApplyLatencyHigh",
            "CqrsProjectionLagHigh",
            "CqrsProjectionFallingBehind",
            "CqrsProjectionFreshnessBurn",
            "CqrsProjectionStale",
            "CqrsProjectionStalenessBurn",
        ),
        "less is applied than arrives, so what readers see gets older and older",
        watch=225,
        state=LAGGING,
    ),
    Fault(
        "thread-killed", "the projection orders fails; nobody sees that its thread is gone",
        "projection",
        alerts_named("CqrsProjectionFailed"),
        "it failed last, however long ago, and events wait",
        state=FAILED,
    ),
    Fault(
        "lost-notification", "the projection orders is not notified of new events",
        "projection",
        alerts_named("CqrsProjectionStalled"),
        "the thread lives and nothing fails, but events wait",
        state=STALLED,
    ),
    Fault(
        "database-locked", "someone else holds the lock on the tables of orders", "projection",
        alerts_named(
            "CqrsProjectionErrorsHigh",
            "CqrsProjectionApplyLatencyHigh",
            "CqrsProjectionFailed",
        ),
        "each event waits 5 s for the lock, and fails",
        state=FAILED,
    ),
    Fault(
        "stock-only", "every command is a delivery: the projection orders has nothing to apply",
        "load",
        alerts_named(),
        "its position stands still while events go on, and nothing of it waits",
    ),
    Fault(
        "rebuild", "the projection orders is rebuilt, one event a second", "projection",
        alerts_named(),
        "what readers see is old on purpose, and replayed events have no lag",
        watch=120, state=REBUILDING_STATE,
    ),
    Fault(
        "rebuild-stuck", "a rebuild of the projection orders gets no further", "projection",
        alerts_named("CqrsRebuildStuck"),
        "it is under way and applies nothing; that readers see the past is its doing",
        state=REBUILDING_STATE,
    ),
    Fault(
        "rebuild-forgotten", "a rebuild of the projection orders is done, and nobody says so",
        "projection",
        alerts_named("CqrsRebuildForgotten"),
        "all is applied, but as long as it counts as a rebuild its lag is not reported",
        state=REBUILDING_STATE,
    ),
    Fault(
        "projection-killed", "SIGKILL to the projections' process", "projection",
        alerts_named(
            "CqrsTargetDown",
            "CqrsProjectionStopped",
        ),
        "nothing can be scraped there, and events arrive that nobody applies",
        signal=signal.SIGKILL, ends=True,
        state=STOPPED,
    ),
    Fault(
        "projection-frozen", "SIGSTOP to the projections' process", "projection",
        alerts_named(
            "CqrsTargetDown",
            "CqrsProjectionStopped",
        ),
        "a frozen process does not answer a scrape either",
        signal=signal.SIGSTOP,
        state=STOPPED,
    ),
    Fault(
        "clock-skew", "events carry a time one hour ahead", "service",
        alerts_named("CqrsProjectionClockSkew"),
        "lag would be negative, so it says nothing any more; all else goes on",
    ),
    Fault(
        "slow-polling", "the projections look for new events only every two seconds",
        "projection",
        alerts_named("CqrsReadYourWritesTimeout"),
        "who reads what he has just written waits in vain; for all others it is soon enough",
        watch=200,
    ),
    Fault(
        "lost-notification-unwatched", "lost-notification, and no process reports the backlog",
        "projection",
        alerts_named("CqrsProjectionNotProgressing", "CqrsReadYourWritesTimeout"),
        "that events wait is not known, only that the past makes expect more to be applied",
        warm_up=160,
        watch=400,
        state=UNKNOWN,
        watched=False,
    ),
    Fault(
        "probe-fails", "the probe of the backlog may no longer read the position of a view",
        "service",
        alerts_named("CqrsProjectionStateUnknown", "CqrsTelemetryFaults"),
        "the probe raises, and nobody can tell what waits; projections go on",
        watch=400,
        state=UNKNOWN,
    ),
    Fault(
        "rebuild-slow", "the projection orders is rebuilt, one event in eight seconds",
        "projection",
        alerts_named("CqrsRebuildSlow"),
        "it moves, and at this pace it takes more than an hour",
        warm_up=160,
        state=REBUILDING_STATE,
    ),
)  # fmt: skip
