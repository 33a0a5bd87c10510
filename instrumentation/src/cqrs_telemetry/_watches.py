"""When watched projections are asked for their backlog: once per collection, all together."""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .backlog import ProjectionWatch

MINIMUM_AGE = 1.0  # seconds within which two readers, and two gauges, share one answer


class Watches:
    """All watches of one meter provider."""

    def __init__(self) -> None:
        self._watches: dict[str, ProjectionWatch] = {}
        self._asked: float | None = None
        self._lock = threading.Lock()

    def add(self, watch: ProjectionWatch) -> None:
        """Ask this one too.

        Raises:
            ValueError: the projection is watched already.
        """
        if self._watches.setdefault(watch.name, watch) is not watch:
            raise ValueError(
                f"projection {watch.name!r} is watched already: close that watch, or give this "
                "one another name"
            )
        self._asked = None

    def remove(self, watch: ProjectionWatch) -> None:
        """Ask it no more."""
        if self._watches.get(watch.name) is watch:
            del self._watches[watch.name]

    def ask(self) -> bool:
        """Bring the gauges up to date; False when there is nothing to do.

        Takes one time limit, however many probes hang.
        """
        if not self._watches:
            return False
        with self._lock:
            if self._asked is not None and monotonic() - self._asked < MINIMUM_AGE:
                return False
            watches = tuple(self._watches.values())
            started = monotonic()
            for watch in watches:
                watch.start()
            for watch in watches:
                watch.finish(started + watch.timeout)
                if self._watches.get(watch.name) is not watch:  # closed meanwhile
                    watch.forget()
            self._asked = monotonic()
        return True

    def restart(self) -> None:
        """Leave watching to the parent: its connections are not a forked child's."""
        self._watches = {}
        self._asked = None
        self._lock = threading.Lock()
