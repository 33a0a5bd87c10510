"""Rebuilds of projections: whether one is under way, how far it is, when it will be done."""

from __future__ import annotations

from dataclasses import replace

from cqrs_alerts import rebuilds, recording
from cqrs_telemetry import catalog

from . import colors, panels
from .model import Line, Panel, Row, Target
from .queries import MOST_SERIES, NO_FAILURE, Queries

TITLE = "Rebuilds"
_SILENT = "no telemetry"
_PROJECTION = catalog.PROJECTION_NAME
_NONE = f"'{NO_FAILURE}' at 0 when no rebuild is under way"


def rebuilding(queries: Queries) -> Row:
    """What is being made anew, from the beginning of the events."""
    under_way = _series(
        queries, "Rebuilding",
        "Rebuilds under way, by projection. Normal is 0, and 1 after a release that changed a "
        "view. Meanwhile readers see a part of the past and no alert on lag fires. One that stays "
        "after its job is done was forgotten: end it, or the process that holds it.",
        panels.COUNT, queries.by(recording.REBUILDING, _PROJECTION),
    )  # fmt: skip
    done = _series(
        queries, "Rebuilt share",
        f"Share of the events to replay that each rebuild has applied; {_NONE}. Normal is a line "
        "that rises without a rest; events that happen meanwhile come on top, so the last per "
        "cent may take longer. A level line is a rebuild that hangs: look at its log.",
        panels.SHARE, queries.highest(rebuilds.DONE, _PROJECTION),
    )  # fmt: skip
    remaining = _series(
        queries, "Time to completion",
        "Time until each rebuild has applied what it set out to, at the pace of the last minutes; "
        f"{_NONE}. Normal is a line that falls by a second a second. One that rises is a replay "
        "that gets slower: indexes that could be made at the end, or readers in its way.",
        "s", queries.highest(rebuilds.REMAINING, _PROJECTION),
    )  # fmt: skip
    pace = _series(
        queries, "Replayed events",
        f"Events per second that each rebuild applies; {_NONE}. Normal is far above the rate of "
        "live events, else the rebuild never catches up. Larger transactions help more than "
        "anything else.",
        "eps", queries.by(recording.REBUILD_RATE, _PROJECTION),
    )  # fmt: skip
    return Row(
        TITLE,
        (
            under_way, replace(done, maximum=1), remaining,
            pace, _applied_of_target(queries), _phases(queries),
        ),
        collapsed=True,
    )  # fmt: skip


def _series(queries: Queries, title: str, description: str, unit: str, found: str) -> Panel:
    """A line per rebuild, or one at 0 that says that there is none."""
    return panels.series(
        title, description, unit, _or_none(queries, found), queries.legend(_PROJECTION), _SILENT
    )


def _or_none(queries: Queries, found: str) -> str:
    none = queries.total(recording.INSTANCES)
    return queries.or_nothing(queries.top(found), none, (_PROJECTION,))


def _applied_of_target(queries: Queries) -> Panel:
    name = queries.legend(_PROJECTION)
    targets = tuple(
        Target(_or_none(queries, queries.by(each, _PROJECTION)), f"{name} {what}")
        for each, what in (
            (recording.REBUILD_APPLIED, "applied"), (recording.REBUILD_TARGET, "to apply"),
        )
    )  # fmt: skip
    return Panel(
        "Applied of all",
        f"Events that each rebuild has applied, and how many it set out to, the {MOST_SERIES} "
        f"longest; {_NONE}. Normal is that the first line meets the second. A rebuild without the "
        "second was begun without a target, so that nothing can be told of its end.",
        "timeseries", panels.COUNT, targets, _SILENT,
        lines=(Line("to apply$", colors.NEUTRAL, dashed=True),),
    )  # fmt: skip


def _phases(queries: Queries) -> Panel:
    phase = catalog.PROJECTION_PHASE
    return Panel(
        "Live and replayed",
        "Events per second that projections handled, stacked by phase: live ones, and those that "
        "are replayed. Normal is live alone. Replayed ones have no lag and count towards no "
        "objective; without a rebuild above they are those of a process that did not say so.",
        "timeseries", "eps",
        (Target(queries.by(recording.PROJECTION_RATE, phase), queries.legend(phase)),),
        "no events", stacking="normal",
        colors=(
            (catalog.LIVE, colors.BY_SIDE[catalog.PROJECTION]),
            (catalog.REPLAY, colors.REBUILD),
        ),
    )  # fmt: skip
