"""What loading aggregates costs, and where it is contended: which one needs a snapshot?"""

from __future__ import annotations

from dataclasses import replace

from cqrs_alerts import recording
from cqrs_telemetry import catalog

from . import panels
from .model import Panel, Row
from .queries import MOST_SERIES, Queries
from .stages import COMMANDS, Distribution
from .thresholds import events

TITLE = "Which aggregate needs a snapshot?"
_SILENT = "no repository is instrumented"
_TYPE = catalog.AGGREGATE_TYPE
_LOADS = Distribution(
    recording.LOAD_EVENTS_BUCKETS,
    (recording.LOAD_EVENTS_P50, recording.LOAD_EVENTS_P95, recording.LOAD_EVENTS_P99),
)


def economics(queries: Queries) -> Row:
    """Loads by their length, then contention; all command types, as loads know none."""
    drawn = (*_lengths(queries), *_loads(queries), *_contention(queries))
    return Row(TITLE, tuple(replace(panel, no_data=_SILENT) for panel in drawn), collapsed=True)


def _lengths(queries: Queries) -> tuple[Panel, ...]:
    spread = panels.percentiles(
        queries, COMMANDS, _LOADS, "Events replayed per load",
        "Events that one load of an aggregate replays: median, 95th and 99th percentile over 5 "
        "minutes, all types together. Normal is tens. A p99 that creeps up is an aggregate that "
        "lives long: it needs a snapshot, or a closing of the books.",
        panels.COUNT,
    )  # fmt: skip
    distribution = panels.heatmap(
        queries, COMMANDS, recording.LOAD_EVENTS_BUCKETS, "Length of loads",
        "Loads per second in each band of events replayed. Normal are low bands. A band far above "
        "the others is one type, or one aggregate that everything is put into.",
        panels.COUNT,
    )  # fmt: skip
    longest = panels.series(
        "Load p95 by aggregate type",
        "95th percentile of the events that one load replays, by aggregate type, the "
        f"{MOST_SERIES} longest. Normal is below the red line, where the alert fires. The type "
        "above it needs a snapshot, or aggregates that live less long.",
        panels.COUNT, queries.worst(recording.LOAD_EVENTS_P95, _TYPE), queries.legend(_TYPE),
        _SILENT,
    )  # fmt: skip
    longest = replace(longest, thresholds=events(queries.config.alerts.aggregate_needs_snapshot))
    mean = panels.series(
        "Events per load by aggregate type",
        f"Events that one load replays on average, by aggregate type, the {MOST_SERIES} longest. "
        "Normal is a level. The type on top that goes on rising is the one that needs a snapshot; "
        "set the interval below what it replays now.",
        panels.COUNT, queries.worst(recording.LOAD_EVENTS_MEAN, _TYPE), queries.legend(_TYPE),
        _SILENT,
    )  # fmt: skip
    replayed = panels.series(
        "Replayed events by aggregate type",
        f"Events per second that loads replay, by aggregate type, the {MOST_SERIES} most: length "
        "times loads, so what a snapshot would save. Normal is a small multiple of the events "
        "produced. Begin with the type on top, not with the longest.",
        "eps", queries.top(queries.by(recording.LOAD_EVENTS_SUM, _TYPE)), queries.legend(_TYPE),
        _SILENT,
    )  # fmt: skip
    return spread, longest, distribution, mean, replayed


def _loads(queries: Queries) -> tuple[Panel, ...]:
    rate = panels.series(
        "Loads by aggregate type",
        f"Loads per second, by aggregate type, the {MOST_SERIES} most frequent. Normal is about "
        "the commands on that type. More are handlers that load what they only look at: a query "
        "on a view is cheaper.",
        "ops", queries.top(queries.by(recording.LOAD_RATE, _TYPE)), queries.legend(_TYPE), _SILENT,
    )  # fmt: skip
    hits = f"min by ({queries.label(_TYPE)}) ({queries.series(recording.SNAPSHOT_HITS)})"
    without = panels.series(
        "Loads without a snapshot",
        f"Share of loads that began at neither a snapshot nor a cached aggregate, by aggregate "
        f"type, the {MOST_SERIES} highest. Normal is near 0 % where snapshots are taken, 100 % "
        "where not. High for a type with long loads: take snapshots, or take them more often.",
        panels.SHARE, queries.top(f"1 - {hits}"), queries.legend(_TYPE), _SILENT,
    )  # fmt: skip
    return rate, without


def _contention(queries: Queries) -> tuple[Panel, ...]:
    conflicts = panels.series(
        "Conflicts by aggregate type",
        f"Saves per minute that found the aggregate changed by another, by type, the {MOST_SERIES} "
        "most. Normal is near 0. One type alone is a hot aggregate: split it, or put its commands "
        "into a queue.",
        panels.PER_MINUTE,
        queries.per_minute(queries.top(queries.by(recording.CONFLICT_RATE, _TYPE))),
        queries.legend(_TYPE), _SILENT,
    )  # fmt: skip
    retries = panels.series(
        "Retries by aggregate type",
        f"Saves per minute that were tried again after a conflict, by type, the {MOST_SERIES} "
        "most. Normal is as many as conflicts. Fewer are conflicts that end as rejections; far "
        "more is a loop without a pause, which makes the contention worse.",
        panels.PER_MINUTE,
        queries.per_minute(queries.top(queries.by(recording.RETRY_RATE, _TYPE))),
        queries.legend(_TYPE), _SILENT,
    )  # fmt: skip
    return conflicts, retries
