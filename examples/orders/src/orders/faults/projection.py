"""Faults of the projections: what they do wrong from the moment that one of these is called."""

from __future__ import annotations

import functools
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from eventsourcing.persistence import Notification
from eventsourcing.projection import BaseProjectionRunner

from .. import projection, rebuild
from ..application import PollingSubscription, Shop
from ..domain import TracedEvent
from ..projection import OrdersProjection
from ..read_model import Statement, view_path
from .switch import Break

DELAY = 0.8  # seconds per event
REBUILD_PACE, SLOW_REBUILD_PACE = 1.0, 0.125  # events per second
POLLING_PAUSE = 2.0  # seconds
REPLAYED = 20  # events, before a rebuild gets stuck

_locks: list[sqlite3.Connection] = []  # held as long as the process lives


class BugError(Exception):
    """A mistake in the projection's code."""


def projection_faults(data: Path) -> dict[str, Break]:
    """Each fault by name; ``data`` is the folder of the SQLite files."""
    return {
        "slow-projection": _slow_down,
        "thread-killed": _kill_thread,
        "lost-notification": _lose_notifications,
        "lost-notification-unwatched": _lose_notifications,
        "slow-polling": _poll_slowly,
        "database-locked": functools.partial(_lock, data),
        "rebuild": functools.partial(rebuild.ask, data, OrdersProjection.name, REBUILD_PACE),
        "rebuild-slow": functools.partial(
            rebuild.ask, data, OrdersProjection.name, SLOW_REBUILD_PACE
        ),
        "rebuild-stuck": functools.partial(_get_stuck, data),
        "rebuild-forgotten": functools.partial(_forget_rebuild, data),
    }


def _exchange(owner: Any, name: str, replacement: Callable[..., Any]) -> None:
    setattr(owner, name, replacement)


def _slow_down() -> None:
    statements = OrdersProjection.statements

    def statements_late(self: OrdersProjection, event: TracedEvent) -> Iterable[Statement]:
        time.sleep(DELAY)
        return statements(self, event)

    _exchange(OrdersProjection, "statements", statements_late)


def _kill_thread() -> None:
    def fail(_: OrdersProjection, event: TracedEvent) -> Iterable[Statement]:
        raise BugError(type(event).__name__)

    def never_look(_: BaseProjectionRunner[Shop]) -> bool:
        time.sleep(projection.STOP_PERIOD)
        return False

    # The library keeps an error to itself until somebody asks, and its thread is gone.
    _exchange(projection, "has_ended", never_look)
    _exchange(OrdersProjection, "statements", fail)


def _lose_notifications() -> None:
    select_more = PollingSubscription.select_more

    def select_none(self: PollingSubscription) -> Sequence[Notification]:
        if self.topics != OrdersProjection.topics:
            return select_more(self)
        self.stopped.wait()
        return ()

    _exchange(PollingSubscription, "select_more", select_none)


def _poll_slowly() -> None:
    for pause in ("SHORTEST_PAUSE", "LONGEST_PAUSE"):
        setattr(PollingSubscription, pause, POLLING_PAUSE)


def _get_stuck(data: Path) -> None:
    select_more, replayed = PollingSubscription.select_more, threading.Event()

    def select_some(self: PollingSubscription) -> Sequence[Notification]:
        if self.topics != OrdersProjection.topics:
            return select_more(self)
        if replayed.is_set():
            self.stopped.wait()
            return ()
        wanted = rebuild.asked(data, OrdersProjection.name)
        if wanted and wanted.until is not None:
            replayed.set()
        return select_more(self)[:REPLAYED]

    _exchange(PollingSubscription, "select_more", select_some)
    rebuild.ask(data, OrdersProjection.name)


def _forget_rebuild(data: Path) -> None:
    # All is replayed, and new events are applied as ever; but nobody says that it is over.
    _exchange(projection, "is_replayed", lambda *_: False)
    rebuild.ask(data, OrdersProjection.name)


def _lock(data: Path) -> None:
    # As a backup, or a person with a shell, would: readers go on, nobody else can write.
    connection = sqlite3.connect(
        view_path(data, OrdersProjection.name), isolation_level=None, check_same_thread=False
    )
    connection.execute("BEGIN IMMEDIATE")
    _locks.append(connection)
