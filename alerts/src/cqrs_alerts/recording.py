"""Recorded series: the only names that alerts and dashboards know.

Each object below is one series, derived from metrics of the catalogue by one of
``recording_kinds``. What is derived further, from these, is in ``slo`` and ``projection_state``.
"""

from __future__ import annotations

from typing import get_args

from cqrs_telemetry import catalog

from .recording_kinds import ErrorRatio as ErrorRatio
from .recording_kinds import Fact as Fact
from .recording_kinds import Firsts as Firsts
from .recording_kinds import Instances as Instances
from .recording_kinds import InstanceSeries as InstanceSeries
from .recording_kinds import Level as Level
from .recording_kinds import Mean as Mean
from .recording_kinds import Outcome as Outcome
from .recording_kinds import Quantile as Quantile
from .recording_kinds import Rate as Rate
from .recording_kinds import Recording as Recording
from .recording_kinds import Restarts as Restarts
from .recording_kinds import Share as Share
from .recording_kinds import errors, rejections

QUANTILES = (0.5, 0.95, 0.99)
# A process exports this counter at 0 for all sides from the moment that it makes its telemetry: its
# presence tells a process that has nothing to do from one that is gone, and a new series from a new
# process.
ALIVE = catalog.TELEMETRY_OVERFLOW

_COMMAND = (catalog.COMMAND_TYPE,)
_QUERY = (catalog.QUERY_TYPE,)
_PROJECTION = (catalog.PROJECTION_NAME,)
_AGGREGATE = (catalog.AGGREGATE_TYPE,)

COMMAND_RATE = Rate(catalog.COMMAND_TOTAL, (*_COMMAND, catalog.COMMAND_STATUS))
COMMAND_ERROR_RATE, COMMAND_REJECTION_RATE = (
    Rate(catalog.COMMAND_TOTAL, (*_COMMAND, catalog.ERROR_TYPE), outcome=each)
    for each in (errors(catalog.COMMAND_STATUS), rejections(catalog.COMMAND_STATUS))
)
COMMAND_FIRST_ERRORS = Firsts(COMMAND_ERROR_RATE, ALIVE)
COMMAND_ERROR_RATIO = ErrorRatio(COMMAND_RATE, catalog.COMMAND_STATUS)
COMMAND_DURATION_BUCKETS = Rate(catalog.COMMAND_DURATION, _COMMAND, "bucket")
COMMAND_DURATION_P50, COMMAND_DURATION_P95, COMMAND_DURATION_P99 = (
    Quantile(COMMAND_DURATION_BUCKETS, q) for q in QUANTILES
)
COMMAND_ACTIVE = Level(catalog.COMMAND_ACTIVE, _COMMAND)
EVENTS_PRODUCED_RATE = Rate(catalog.EVENTS_PRODUCED, (*_COMMAND, catalog.EVENT_TYPE))
LOAD_RATE = Rate(catalog.AGGREGATE_LOAD_EVENTS, (*_AGGREGATE, catalog.AGGREGATE_SNAPSHOT), "count")
SNAPSHOT_HITS = Share(LOAD_RATE, catalog.AGGREGATE_SNAPSHOT, catalog.SNAPSHOT_HIT, "snapshot_hits")
LOAD_EVENTS_BUCKETS = Rate(catalog.AGGREGATE_LOAD_EVENTS, _AGGREGATE, "bucket")
LOAD_EVENTS_P50, LOAD_EVENTS_P95, LOAD_EVENTS_P99 = (
    Quantile(LOAD_EVENTS_BUCKETS, q) for q in QUANTILES
)
LOAD_EVENTS_SUM = Rate(catalog.AGGREGATE_LOAD_EVENTS, _AGGREGATE, "sum")
LOAD_EVENTS_MEAN = Mean(LOAD_EVENTS_SUM, LOAD_EVENTS_BUCKETS)
CONFLICT_RATE = Rate(catalog.AGGREGATE_CONFLICTS, _AGGREGATE)
RETRY_RATE = Rate(catalog.AGGREGATE_RETRIES, _AGGREGATE)

QUERY_RATE = Rate(catalog.QUERY_TOTAL, (*_QUERY, catalog.QUERY_STATUS))
QUERY_ERROR_RATE, QUERY_REJECTION_RATE = (
    Rate(catalog.QUERY_TOTAL, (*_QUERY, catalog.ERROR_TYPE), outcome=each)
    for each in (errors(catalog.QUERY_STATUS), rejections(catalog.QUERY_STATUS))
)
QUERY_FIRST_ERRORS = Firsts(QUERY_ERROR_RATE, ALIVE)
QUERY_ERROR_RATIO = ErrorRatio(QUERY_RATE, catalog.QUERY_STATUS)
QUERY_DURATION_BUCKETS = Rate(catalog.QUERY_DURATION, _QUERY, "bucket")
QUERY_DURATION_P50, QUERY_DURATION_P95, QUERY_DURATION_P99 = (
    Quantile(QUERY_DURATION_BUCKETS, q) for q in QUANTILES
)
QUERY_ACTIVE = Level(catalog.QUERY_ACTIVE, _QUERY)
RESULT_SIZE_BUCKETS = Rate(catalog.QUERY_RESULT_SIZE, _QUERY, "bucket")
RESULT_SIZE_P50, RESULT_SIZE_P95, RESULT_SIZE_P99 = (
    Quantile(RESULT_SIZE_BUCKETS, q) for q in QUANTILES
)
_WAIT = (*_QUERY, *_PROJECTION)
WAIT_RATE = Rate(catalog.QUERY_WAIT, (*_WAIT, catalog.WAIT_STATUS), "count")
WAIT_TIMEOUTS = Share(WAIT_RATE, catalog.WAIT_STATUS, catalog.TIMED_OUT, "timeouts")
WAIT_BUCKETS = Rate(catalog.QUERY_WAIT, _WAIT, "bucket")
WAIT_P50, WAIT_P95, WAIT_P99 = (Quantile(WAIT_BUCKETS, q) for q in QUANTILES)

PROJECTION_RATE = Rate(
    catalog.PROJECTION_TOTAL,
    (*_PROJECTION, catalog.EVENT_TYPE, catalog.PROJECTION_STATUS, catalog.PROJECTION_PHASE),
)
PROJECTION_ERROR_RATE = Rate(
    catalog.PROJECTION_TOTAL,
    (*_PROJECTION, catalog.EVENT_TYPE, catalog.ERROR_TYPE),
    outcome=errors(catalog.PROJECTION_STATUS),
)
PROJECTION_ERROR_RATIO = ErrorRatio(PROJECTION_RATE, catalog.PROJECTION_STATUS)
PROJECTION_LAG_BUCKETS = Rate(catalog.PROJECTION_LAG, _PROJECTION, "bucket")
PROJECTION_LAG_P50, PROJECTION_LAG_P95, PROJECTION_LAG_P99 = (
    Quantile(PROJECTION_LAG_BUCKETS, q) for q in QUANTILES
)
PROJECTION_LAG_SUM = Rate(catalog.PROJECTION_LAG, _PROJECTION, "sum")
PROJECTION_LAG_MEAN = Mean(PROJECTION_LAG_SUM, PROJECTION_LAG_BUCKETS)
# Replayed events have no lag: this counts those that arrived as they happened.
PROJECTION_LIVE_RATE = Rate(catalog.PROJECTION_LAG, (*_PROJECTION, catalog.EVENT_TYPE), "count")
PROJECTION_DURATION_BUCKETS = Rate(catalog.PROJECTION_DURATION, _PROJECTION, "bucket")
PROJECTION_DURATION_P50, PROJECTION_DURATION_P95, PROJECTION_DURATION_P99 = (
    Quantile(PROJECTION_DURATION_BUCKETS, q) for q in QUANTILES
)
CLOCK_SKEW_RATE = Rate(catalog.PROJECTION_CLOCK_SKEW, _PROJECTION)
# Several processes may watch one projection, and each tells of its whole backlog.
PENDING = Fact(catalog.PROJECTION_PENDING, _PROJECTION, highest=True)
STALENESS = Fact(catalog.PROJECTION_STALENESS, _PROJECTION, highest=True)
HANDLERS = Fact(catalog.PROJECTION_HANDLERS, _PROJECTION)
LAST_EVENT = Fact(
    catalog.PROJECTION_LAST_EVENT, (*_PROJECTION, catalog.PROJECTION_STATUS), highest=True
)
REBUILDING = Fact(catalog.PROJECTION_REBUILDING, _PROJECTION)
REBUILD_TARGET = Fact(catalog.PROJECTION_REBUILD_TARGET, _PROJECTION)
REBUILD_APPLIED = Fact(catalog.PROJECTION_REBUILD_APPLIED, _PROJECTION)
REBUILD_RATE = Rate(catalog.PROJECTION_REBUILD_APPLIED, _PROJECTION)

OVERFLOW_RATE = Rate(catalog.TELEMETRY_OVERFLOW, (catalog.SIDE, catalog.ATTRIBUTE_KEY))
FAULT_RATE = Rate(catalog.TELEMETRY_FAULTS, (catalog.SIDE, catalog.ERROR_TYPE))
FIRST_FAULTS = Firsts(FAULT_RATE, ALIVE)
INSTANCES = Instances(ALIVE, ())
INSTANCE_SERIES = InstanceSeries(ALIVE)
RESTARTS = Restarts(catalog.COMMAND_TOTAL, (catalog.QUERY_TOTAL, catalog.PROJECTION_TOTAL))

RECORDINGS: tuple[Recording, ...] = tuple(
    v for v in list(vars().values()) if isinstance(v, get_args(Recording))
)
