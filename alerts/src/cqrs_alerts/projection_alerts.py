"""Alerts of projections, the bridge between the sides."""

from __future__ import annotations

from cqrs_telemetry import catalog

from .alert import Alert, Query
from .conditions import (
    MILLISECONDS,
    PERCENT,
    busiest,
    clock_skewed,
    description,
    failed_spans,
    highest,
    late_spans,
    quantile_above,
    ratio_above,
    slow_spans,
)
from .links import PROJECTIONS_UID
from .progress_conditions import falling_behind
from .rebuild_conditions import outside_rebuilds
from .recording import (
    CLOCK_SKEW_RATE,
    EVENTS_PRODUCED_RATE,
    PROJECTION_DURATION_P95,
    PROJECTION_ERROR_RATE,
    PROJECTION_ERROR_RATIO,
    PROJECTION_LAG_MEAN,
    PROJECTION_LAG_P99,
    PROJECTION_RATE,
)

ALERTS = (
    Alert(
        "CqrsProjectionErrorsHigh", "projection", PROJECTIONS_UID, "Failures",
        "A projection fails to apply events",
        description(
            PROJECTION_ERROR_RATIO, f"Projection {{projection_name}} fails on {PERCENT} of events"
        ),
        ratio_above(PROJECTION_ERROR_RATIO, lambda config: config.alerts.projection_errors_high),
        (
            Query("Errors per second, by event and exception", busiest(PROJECTION_ERROR_RATE)),
            Query("Share of errors, by projection", highest(PROJECTION_ERROR_RATIO)),
            Query("p99 of lag in ms", highest(PROJECTION_LAG_P99)),
        ),
        failed_spans(catalog.PROJECTION),
    ),
    Alert(
        "CqrsProjectionApplyLatencyHigh", "projection", PROJECTIONS_UID, "Views are written",
        "A projection is slow to apply events",
        description(
            PROJECTION_DURATION_P95,
            f"Projection {{projection_name}} takes longer than {MILLISECONDS} for 5% of events",
        ),
        quantile_above(
            PROJECTION_DURATION_P95, lambda config: config.alerts.projection_apply_latency_high
        ),
        (
            Query("p95 of the time to apply in ms", highest(PROJECTION_DURATION_P95)),
            Query(
                "Events per second, by type",
                busiest(PROJECTION_RATE, catalog.PROJECTION_NAME, catalog.EVENT_TYPE),
            ),
            Query("p99 of lag in ms", highest(PROJECTION_LAG_P99)),
        ),
        slow_spans(
            catalog.PROJECTION, lambda config: config.alerts.projection_apply_latency_high.above_ms
        ),
    ),
    Alert(
        "CqrsProjectionLagHigh", "projection", PROJECTIONS_UID,
        "How old is what readers see?",
        "A read model is behind the write side",
        description(
            PROJECTION_LAG_P99,
            f"1% of events reach projection {{projection_name}} later than {MILLISECONDS}",
        ),
        outside_rebuilds(
            quantile_above(PROJECTION_LAG_P99, lambda config: config.alerts.projection_lag_high)
        ),
        (
            Query("p99 of lag in ms", highest(PROJECTION_LAG_P99)),
            Query("Events per second", busiest(PROJECTION_RATE, catalog.PROJECTION_NAME)),
            Query("p95 of the time to apply in ms", highest(PROJECTION_DURATION_P95)),
            Query("Errors per second, by event and exception", busiest(PROJECTION_ERROR_RATE)),
        ),
        late_spans(lambda config: config.alerts.projection_lag_high.above_ms),
    ),
    Alert(
        "CqrsProjectionFallingBehind", "projection", PROJECTIONS_UID,
        "How old is what readers see?",
        "A projection falls behind and will not catch up at this rate",
        description(
            PROJECTION_LAG_MEAN,
            f"The lag of projection {{projection_name}} grows by {MILLISECONDS} each second",
        ),
        outside_rebuilds(falling_behind),
        (
            Query("Mean lag in ms", highest(PROJECTION_LAG_MEAN)),
            Query("Events applied per second", busiest(PROJECTION_RATE, catalog.PROJECTION_NAME)),
            Query(
                "Events produced per second, by type",
                busiest(EVENTS_PRODUCED_RATE, catalog.EVENT_TYPE),
            ),
            Query("p95 of the time to apply in ms", highest(PROJECTION_DURATION_P95)),
        ),
        late_spans(lambda config: config.alerts.projection_falling_behind.above_ms),
        holds_within=lambda config: config.alerts.projection_falling_behind.window,
    ),
    Alert(
        "CqrsProjectionClockSkew", "projection", PROJECTIONS_UID, "Can these numbers be believed?",
        "Events bear a time in the future, so lag is too low",
        description(
            CLOCK_SKEW_RATE,
            f"{PERCENT} of the events of projection {{projection_name}} bear a time in the future",
        ),
        clock_skewed,
        (
            Query("Events from the future, per second", busiest(CLOCK_SKEW_RATE)),
            Query("p99 of lag in ms, on which skew lies", highest(PROJECTION_LAG_P99)),
        ),
    ),
)  # fmt: skip
