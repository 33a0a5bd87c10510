"""Whether readers see their own writes: waits for a projection, by outcome."""

from __future__ import annotations

from dataclasses import replace

from cqrs_alerts import recording
from cqrs_telemetry import catalog

from . import colors, panels
from .model import Panel, Row, Target
from .queries import MOST_SERIES, Queries
from .stages import QUERIES, Distribution
from .thresholds import share

TITLE = "Do readers see their own writes?"
_SILENT = "no query waits for its caller's writes"
_PAIR = (catalog.QUERY_TYPE, catalog.PROJECTION_NAME)
_WAITS = Distribution(
    recording.WAIT_BUCKETS, (recording.WAIT_P50, recording.WAIT_P95, recording.WAIT_P99)
)


def own_writes(queries: Queries) -> Row:
    """What ``telemetry.wait_until_seen`` has recorded."""
    outcomes = Panel(
        "Waits by outcome",
        "Waits per second of queries for their caller's own write, stacked by outcome: seen in "
        "time, or timed out. Normal is all seen. A timed-out wait is an answer without what its "
        "caller just did: look at the state of the projection.",
        "timeseries", "ops",
        (
            Target(
                queries.by(recording.WAIT_RATE, catalog.WAIT_STATUS),
                queries.legend(catalog.WAIT_STATUS),
            ),
        ),
        _SILENT, stacking="normal", colors=tuple(colors.BY_WAIT.items()),
    )  # fmt: skip
    spread = panels.percentiles(
        queries, QUERIES, _WAITS, "Wait percentiles",
        "Time that queries waited for their caller's own write: median, 95th and 99th percentile "
        "over 5 minutes. Normal is near the lag of the projection. It is latency that users feel: "
        "when it climbs towards the timeout, the projection is too slow.",
        panels.MILLISECONDS,
    )  # fmt: skip
    distribution = panels.heatmap(
        queries, QUERIES, recording.WAIT_BUCKETS, "Wait distribution",
        "Waits per second in each band of time. Normal is one dark band low down: the write was "
        "seen at the first look. A second band is a poll interval of the projection; one at the "
        "top are waits that time out.",
        panels.MILLISECONDS,
    )  # fmt: skip
    often = panels.series(
        "Waits by query type and projection",
        f"Waits per second by the query that waits and the projection it waits for, the "
        f"{MOST_SERIES} most frequent. Normal follows the writes. A query that always waits is "
        "one whose caller always passes a position: then it pays for a guarantee on every read.",
        "ops", queries.top(queries.by_each(recording.WAIT_RATE, *_PAIR)),
        queries.legend(*_PAIR), _SILENT,
    )  # fmt: skip
    slowest = panels.series(
        "Wait p95 by query type and projection",
        f"95th percentile of the time that a query waited, by query and projection, the "
        f"{MOST_SERIES} longest. Normal is a fraction of the timeout. One projection alone is slow "
        "by itself: see its time in apply; all of them share the store or the notifications.",
        panels.MILLISECONDS, queries.worst(recording.WAIT_P95, *_PAIR),
        queries.legend(*_PAIR), _SILENT,
    )  # fmt: skip
    late = panels.series(
        "Waits that time out",
        f"Share of waits that timed out, by query and projection, the {MOST_SERIES} highest. "
        "Normal is below the red line, where the alert fires. These callers read an answer without "
        "their own write: see the state of the projection, and whether the timeout is below its "
        "usual lag.",
        panels.SHARE, queries.worst(recording.WAIT_TIMEOUTS, *_PAIR),
        queries.legend(*_PAIR), _SILENT,
    )  # fmt: skip
    late = replace(late, thresholds=share(queries.config.alerts.read_your_writes_timeout))
    drawn = (outcomes, spread, distribution, often, slowest, late)
    return Row(TITLE, tuple(replace(panel, no_data=_SILENT) for panel in drawn), collapsed=True)
