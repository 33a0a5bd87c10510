"""Rebuilding a view: asked for by anybody, done by the process that projects it.

A view has one writer, so whoever wants a rebuild leaves a request beside the view and the writer
takes it up, at once or when it starts. The request stays until the rebuild is done: a process that
ends in the middle goes on where it was.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from eventsourcing.persistence import ApplicationRecorder

from .read_model import View, view_path

COUNTED_AT_ONCE = 5_000  # events


class RebuildAskedError(Exception):
    """A rebuild of this view is asked for or under way."""


@dataclass(frozen=True)
class Rebuild:
    """What was asked for; ``until`` is the last position to replay, known once it has begun."""

    pace: float | None = None  # events per second at most
    until: int | None = None


def ask(data: Path, view: str, pace: float | None = None) -> None:
    """Ask for a rebuild of a view.

    Raises:
        RebuildAskedError: One is asked for or under way.
    """
    if asked(data, view):
        raise RebuildAskedError(f"a rebuild of {view} is under way already")
    _write(data, view, Rebuild(pace))


def asked(data: Path, view: str) -> Rebuild | None:
    """The rebuild that is asked for or under way, if any."""
    try:
        return Rebuild(**json.loads(_request(data, view).read_text()))
    except FileNotFoundError:
        return None


def begin(data: Path, name: str, view: View, rebuild: Rebuild, head: int | None) -> Rebuild:
    """Empty the view, unless the rebuild had begun before; returns it with its end.

    Args:
        data: Folder of the SQLite files.
        name: Name of the view.
        view: The view, which nobody is writing to.
        rebuild: As it was asked for.
        head: Last position in the events; the rebuild is done when the view has seen it.
    """
    if rebuild.until is None:
        # In this order: who is interrupted between both empties once more, which harms nothing.
        view.empty()
        rebuild = replace(rebuild, until=head or 0)
        _write(data, name, rebuild)
    return rebuild


def finish(data: Path, view: str) -> None:
    """The rebuild is done: nothing is asked for any more."""
    _request(data, view).unlink(missing_ok=True)


def count_events(
    recorder: ApplicationRecorder, topics: tuple[str, ...], after: int | None, until: int
) -> int:
    """How many events of these topics lie between two positions, the last one included."""
    counted = 0
    while True:
        page = recorder.select_notifications(
            after, COUNTED_AT_ONCE, stop=until, topics=topics, inclusive_of_start=False
        )
        counted += len(page)
        if len(page) < COUNTED_AT_ONCE:
            return counted
        after = page[-1].id


def _request(data: Path, view: str) -> Path:
    return view_path(data, view).with_suffix(".rebuild.json")


def _write(data: Path, view: str, rebuild: Rebuild) -> None:
    path = _request(data, view)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(asdict(rebuild)) + "\n")
    part.replace(path)
