"""What observable instruments report: totals, what is in flight, and levels, by attribute set.

Operations change these, which costs a fraction of ``Counter.add``; the SDK reads them at collection
(docs/adr/0003-observable-counters.md).
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import Generic, TypeVar

from opentelemetry.metrics import CallbackOptions, Observation

Attributes = Mapping[str, str]


class Cell:
    """The running total of one attribute set.

    ``next(cell.steps)`` adds one: atomic without a lock, so that threads do not wait for each
    other, a finalizer or signal handler cannot meet its own thread's lock, and a forked child finds
    none held.
    """

    __slots__ = ("_reads", "attributes", "lock", "steps")

    def __init__(self, attributes: Attributes) -> None:
        self.attributes = attributes
        self.restart()

    @property
    def value(self) -> int:
        """The total; reading takes one step of the count, which is subtracted."""
        with self.lock:
            value = next(self.steps) - self._reads
            self._reads += 1
            return value

    def restart(self) -> None:
        """Begin at 0 again."""
        self.lock = threading.RLock()
        self._reads = 0
        self.steps = count()


class InFlight:
    """What is under way of one attribute set: steps of ``begun``, less those of ``ended``.

    Who steps the one keeps the other: a forked child has new ones, and ends of what its parent
    began do not count there.
    """

    __slots__ = ("_begun", "_ended", "attributes", "begun", "ended")

    def __init__(self, attributes: Attributes) -> None:
        self.attributes = attributes
        self._begun, self._ended = Cell(attributes), Cell(attributes)
        self._take_steps()

    def _take_steps(self) -> None:
        self.begun, self.ended = self._begun.steps, self._ended.steps

    @property
    def value(self) -> int:
        """How many there are; never less than none."""
        ended = self._ended.value
        return self._begun.value - ended

    def restart(self) -> None:
        """Forget the parent's."""
        self._begun.restart()
        self._ended.restart()
        self._take_steps()


class Living(InFlight):
    """Objects that live in this process; a forked child has them too."""

    def add_until_collected(self, owner: object) -> None:
        """Count ``owner`` until it is garbage. It need not be hashable."""
        next(self.begun)
        weakref.finalize(owner, next, self.ended).atexit = False

    def restart(self) -> None:
        """Nothing to forget."""


class Level:
    """The present value of one attribute set; None, and not exported, while it is unknown."""

    __slots__ = ("attributes", "value")

    def __init__(self, attributes: Attributes) -> None:
        self.attributes = attributes
        self.value: float | None = None

    def restart(self) -> None:
        """Forget the parent's."""
        self.value = None


AnyCell = TypeVar("AnyCell", Cell, InFlight, Living, Level)


class Cells(Generic[AnyCell]):
    """All attribute sets of one observable instrument."""

    def __init__(self, kind: type[AnyCell]) -> None:
        self._kind: type[AnyCell] = kind
        self.prepare: Callable[[], None] | None = None  # before each collection
        self._cells: dict[frozenset[tuple[str, str]], AnyCell] = {}

    def cell(self, attributes: Attributes) -> AnyCell:
        """The cell of an attribute set, made at 0 when new."""
        key = frozenset(attributes.items())
        # setdefault is atomic. No lock: a finalizer may come here while its thread is here already.
        cell = self._cells.get(key)
        return self._cells.setdefault(key, self._kind(attributes)) if cell is None else cell

    def put(self, cell: Cell | Level) -> None:
        """Report a cell that somebody else keeps, until it is removed."""
        self._cells[frozenset(cell.attributes.items())] = cell  # type: ignore[assignment]  # alike

    def remove(self, cell: Cell | Level) -> None:
        """Report it no more, if it has not been replaced."""
        key = frozenset(cell.attributes.items())
        if self._cells.get(key) is cell:
            self._cells.pop(key, None)

    def observe(self, _options: CallbackOptions) -> Iterable[Observation]:
        """What the SDK calls at each collection."""
        if self.prepare is not None:
            self.prepare()
        read = [(cell.value, cell.attributes) for cell in tuple(self._cells.values())]
        return [Observation(value, attributes) for value, attributes in read if value is not None]

    def restart(self) -> None:
        """Begin at 0 again, in a forked child."""
        for cell in self._cells.values():
            cell.restart()
