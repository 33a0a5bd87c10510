"""Every metric, attribute, bucket and span that this package emits, declared once.

Pure data from the standard library: instruments, recording rules, alerts, dashboards, documentation
and tests all derive from the objects below, so renaming one here renames it everywhere.

The names and the unit ``ms`` are a contract with users (docs/adr/0001-names-and-units.md).
"""

from __future__ import annotations

from typing import Literal

from ._metric import Attribute as Attribute
from ._metric import Metric as Metric

Side = Literal["write", "read", "projection"]
Status = Literal["success", "rejected", "error", "cancelled"]

WRITE: Side = "write"
READ: Side = "read"
PROJECTION: Side = "projection"
SIDES: tuple[Side, ...] = (WRITE, READ, PROJECTION)

SUCCESS: Status = "success"
REJECTED: Status = "rejected"  # an expected answer of the domain, not a failure of the system
ERROR: Status = "error"
CANCELLED: Status = "cancelled"
STATUSES: tuple[Status, ...] = (SUCCESS, REJECTED, ERROR, CANCELLED)

Phase = Literal["live", "replay"]
LIVE: Phase = "live"
REPLAY: Phase = "replay"  # a rebuild, or an event from before the projection followed the stream

SNAPSHOT_HIT = "hit"
SNAPSHOT_MISS = "miss"
SEEN = "seen"
TIMED_OUT = "timed_out"

OTHER_TYPE = "_other"  # what values fold into once a metric has too many of them, or too many sets
UNNAMED_TYPE = "_unnamed"  # what names that are empty become


SIDE = Attribute("cqrs.side", "Path of the system that the series belongs to", SIDES)
ERROR_TYPE = Attribute("error.type", "Class name of the exception; on failures only")
COMMAND_TYPE = Attribute("command.type", "Class name of the command")
COMMAND_STATUS = Attribute("command.status", "Outcome of the command", STATUSES)
EVENT_TYPE = Attribute("event.type", "Class name of the domain event")
QUERY_TYPE = Attribute("query.type", "Class name of the query")
QUERY_STATUS = Attribute("query.status", "Outcome of the query", STATUSES)
PROJECTION_NAME = Attribute("projection.name", "Name given to the projection handler")
PROJECTION_STATUS = Attribute("projection.status", "Outcome of applying one event", STATUSES)
PROJECTION_PHASE = Attribute(
    "projection.phase", "Whether the event is new or replayed", (LIVE, REPLAY)
)
WAIT_STATUS = Attribute(
    "wait.status", "Whether the projection showed the caller's own write in time", (SEEN, TIMED_OUT)
)
AGGREGATE_TYPE = Attribute("aggregate.type", "Class name of the aggregate")
AGGREGATE_SNAPSHOT = Attribute(
    "aggregate.snapshot", "Whether the load began at a snapshot", (SNAPSHOT_HIT, SNAPSHOT_MISS)
)
ATTRIBUTE_KEY = Attribute("attribute.key", "Attribute whose values exceeded a limit")

# A scope per side: one metric in two scopes makes the Python Prometheus exporter swap label values.
WRITE_SCOPE = "cqrs.write"
READ_SCOPE = "cqrs.read"
PROJECTION_SCOPE = "cqrs.projection"
TELEMETRY_SCOPE = "cqrs.telemetry"  # the package's own health, for all sides

DURATION_BOUNDS = (
    1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0,
    1_000.0, 2_500.0, 5_000.0, 10_000.0, 30_000.0,
)  # fmt: skip
# Up to a day: a lag histogram that ends at 10 s calls an hour of stale reads "over 10 s".
LAG_BOUNDS = (
    5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 2_500.0, 5_000.0, 10_000.0, 30_000.0,
    60_000.0, 300_000.0, 900_000.0, 3_600_000.0, 14_400_000.0, 86_400_000.0,
)  # fmt: skip
# The bound 0 makes the share of empty results a bucket of its own.
RESULT_SIZE_BOUNDS = (
    0.0, 1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0,
    1_000.0, 2_500.0, 5_000.0, 10_000.0, 50_000.0, 100_000.0,
)  # fmt: skip

# The bound 0 is a snapshot that was up to date.
LOAD_EVENTS_BOUNDS = (
    0.0, 1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0,
    1_000.0, 2_500.0, 5_000.0, 10_000.0,
)  # fmt: skip

COMMAND_DURATION = Metric(
    "cqrs.command.duration", "histogram", "ms", WRITE_SCOPE,
    "Time to process a command",
    (SIDE, COMMAND_TYPE, COMMAND_STATUS), DURATION_BOUNDS,
)  # fmt: skip
COMMAND_TOTAL = Metric(
    "cqrs.command.total", "counter", "1", WRITE_SCOPE,
    "Total commands processed",
    (SIDE, COMMAND_TYPE, COMMAND_STATUS, ERROR_TYPE),
)  # fmt: skip
COMMAND_ACTIVE = Metric(
    "cqrs.command.active", "up_down_counter", "{command}", WRITE_SCOPE,
    "Commands being processed now",
    (SIDE, COMMAND_TYPE),
)  # fmt: skip
EVENTS_PRODUCED = Metric(
    "cqrs.events.produced", "counter", "1", WRITE_SCOPE,
    "Total domain events produced",
    (SIDE, COMMAND_TYPE, EVENT_TYPE),
)  # fmt: skip
AGGREGATE_LOAD_EVENTS = Metric(
    "cqrs.aggregate.load.events", "histogram", "1", WRITE_SCOPE,
    "Events replayed to load an aggregate",
    (SIDE, AGGREGATE_TYPE, AGGREGATE_SNAPSHOT), LOAD_EVENTS_BOUNDS,
)  # fmt: skip
AGGREGATE_CONFLICTS = Metric(
    "cqrs.aggregate.conflicts", "counter", "1", WRITE_SCOPE,
    "Saves refused, because somebody else had changed the aggregate meanwhile",
    (SIDE, AGGREGATE_TYPE),
)  # fmt: skip
AGGREGATE_RETRIES = Metric(
    "cqrs.aggregate.retries", "counter", "1", WRITE_SCOPE,
    "Attempts made again after a conflict",
    (SIDE, AGGREGATE_TYPE),
)  # fmt: skip
QUERY_DURATION = Metric(
    "cqrs.query.duration", "histogram", "ms", READ_SCOPE,
    "Time to execute a query",
    (SIDE, QUERY_TYPE, QUERY_STATUS), DURATION_BOUNDS,
)  # fmt: skip
QUERY_TOTAL = Metric(
    "cqrs.query.total", "counter", "1", READ_SCOPE,
    "Total queries executed",
    (SIDE, QUERY_TYPE, QUERY_STATUS, ERROR_TYPE),
)  # fmt: skip
QUERY_ACTIVE = Metric(
    "cqrs.query.active", "up_down_counter", "{query}", READ_SCOPE,
    "Queries being executed now",
    (SIDE, QUERY_TYPE),
)  # fmt: skip
QUERY_RESULT_SIZE = Metric(
    "cqrs.query.result_size", "histogram", "1", READ_SCOPE,
    "Number of items returned by queries",
    (SIDE, QUERY_TYPE), RESULT_SIZE_BOUNDS,
)  # fmt: skip
QUERY_WAIT = Metric(
    "cqrs.query.wait", "histogram", "ms", READ_SCOPE,
    "Time that a query waited for a projection to show the caller's own write",
    (SIDE, QUERY_TYPE, PROJECTION_NAME, WAIT_STATUS), DURATION_BOUNDS,
)  # fmt: skip
PROJECTION_LAG = Metric(
    "cqrs.projection.lag", "histogram", "ms", PROJECTION_SCOPE,
    "Time between event creation and projection update",
    (SIDE, PROJECTION_NAME, EVENT_TYPE), LAG_BOUNDS,
)  # fmt: skip
PROJECTION_DURATION = Metric(
    "cqrs.projection.duration", "histogram", "ms", PROJECTION_SCOPE,
    "Time to apply an event to the read model",
    (SIDE, PROJECTION_NAME, EVENT_TYPE, PROJECTION_STATUS, PROJECTION_PHASE), DURATION_BOUNDS,
)  # fmt: skip
PROJECTION_TOTAL = Metric(
    "cqrs.projection.total", "counter", "1", PROJECTION_SCOPE,
    "Total events handled by projections",
    (SIDE, PROJECTION_NAME, EVENT_TYPE, PROJECTION_STATUS, PROJECTION_PHASE, ERROR_TYPE),
)  # fmt: skip
PROJECTION_CLOCK_SKEW = Metric(
    "cqrs.projection.clock_skew", "counter", "1", PROJECTION_SCOPE,
    "Events whose timestamp lay in the projection's future",
    (SIDE, PROJECTION_NAME),
)  # fmt: skip
PROJECTION_PENDING = Metric(
    "cqrs.projection.pending", "gauge", "{event}", PROJECTION_SCOPE,
    "Events that the projection has to apply and has not; absent when unknown",
    (SIDE, PROJECTION_NAME),
)  # fmt: skip
PROJECTION_STALENESS = Metric(
    "cqrs.projection.staleness", "gauge", "ms", PROJECTION_SCOPE,
    "Age of the oldest event that the projection has to apply; 0 when caught up, absent when "
    "unknown",
    (SIDE, PROJECTION_NAME),
)  # fmt: skip
PROJECTION_HANDLERS = Metric(
    "cqrs.projection.handlers", "up_down_counter", "{handler}", PROJECTION_SCOPE,
    "Handlers of the projection that live in this process",
    (SIDE, PROJECTION_NAME),
)  # fmt: skip
PROJECTION_LAST_EVENT = Metric(
    "cqrs.projection.last_event.timestamp", "gauge", "s", PROJECTION_SCOPE,
    "Unix time at which the last event with this outcome ended",
    (SIDE, PROJECTION_NAME, PROJECTION_STATUS),
)  # fmt: skip
PROJECTION_REBUILDING = Metric(
    "cqrs.projection.rebuilding", "up_down_counter", "{rebuild}", PROJECTION_SCOPE,
    "Rebuilds of the projection under way in this process",
    (SIDE, PROJECTION_NAME),
)  # fmt: skip
PROJECTION_REBUILD_TARGET = Metric(
    "cqrs.projection.rebuild.target", "gauge", "{event}", PROJECTION_SCOPE,
    "Events that the rebuild under way will apply, when that is known",
    (SIDE, PROJECTION_NAME),
)  # fmt: skip
PROJECTION_REBUILD_APPLIED = Metric(
    "cqrs.projection.rebuild.applied", "gauge", "{event}", PROJECTION_SCOPE,
    "Events that the rebuild under way has applied",
    (SIDE, PROJECTION_NAME),
)  # fmt: skip
TELEMETRY_OVERFLOW = Metric(
    "cqrs.telemetry.overflow", "counter", "1", TELEMETRY_SCOPE,
    "Values recorded as _other, because a metric had too many of them or too many attribute sets",
    (SIDE, ATTRIBUTE_KEY),
)  # fmt: skip
TELEMETRY_FAULTS = Metric(
    "cqrs.telemetry.faults", "counter", "1", TELEMETRY_SCOPE,
    "Errors inside the instrumentation, kept away from the business code",
    (SIDE, ERROR_TYPE),
)  # fmt: skip

METRICS: tuple[Metric, ...] = tuple(v for v in list(vars().values()) if isinstance(v, Metric))

# What spans carry besides cqrs.side and error.type; the keys are the contract's, so they differ
# from the metrics' by the prefix.
SPAN_COMMAND_TYPE = Attribute("cqrs.command.type", "Class name of the command")
SPAN_COMMAND_STATUS = Attribute("cqrs.command.status", "Outcome, when not success", STATUSES)
SPAN_AGGREGATE_ID = Attribute("cqrs.aggregate.id", "Aggregate that the command addresses")
SPAN_EVENTS_COUNT = Attribute("cqrs.events.count", "Domain events that the command produced")
SPAN_QUERY_TYPE = Attribute("cqrs.query.type", "Class name of the query")
SPAN_QUERY_STATUS = Attribute("cqrs.query.status", "Outcome, when not success", STATUSES)
SPAN_RESULT_COUNT = Attribute("cqrs.query.result_count", "Items that the query returned")
SPAN_PROJECTION_NAME = Attribute("cqrs.projection.name", "Name given to the projection handler")
SPAN_PROJECTION_STATUS = Attribute(
    "cqrs.projection.status", "Outcome of the event", ("applied", *STATUSES[1:])
)
SPAN_PROJECTION_LAG = Attribute("cqrs.projection.lag_ms", "Lag of the event, in milliseconds")
SPAN_PROJECTION_PHASE = Attribute(
    "cqrs.projection.phase", "Phase of the event, when not live", (REPLAY,)
)
SPAN_EVENT_TYPE = Attribute("cqrs.event.type", "Class name of the domain event")
SPAN_EVENT_AGGREGATE_ID = Attribute("cqrs.event.aggregate_id", "Aggregate of the domain event")
SPAN_BATCH_SIZE = Attribute("cqrs.projection.batch_size", "Events that one span applies")

SPAN_EVENT_PRODUCED = "domain_event_produced"  # span event, with event.type, per event of a command
