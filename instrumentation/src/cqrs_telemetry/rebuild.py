"""A projection that is built again from old events: another phase, and how far it is."""

from __future__ import annotations

from itertools import count
from types import TracebackType
from typing import TYPE_CHECKING

from . import catalog
from ._cells import Cell, Level

if TYPE_CHECKING:
    from ._recorder import Recorder


class Rebuild:
    """A rebuild of one projection; a context manager, used once.

    While it is under way, the events that this process applies to the projection are replayed
    ones, whichever thread or task applies them.
    """

    def __init__(self, recorder: Recorder, name: str, target: int | None) -> None:
        if not isinstance(name, str) or not name:
            raise ValueError(f"a projection's name is text and not empty, not {name!r}")
        if target is not None and (not isinstance(target, int) or target < 0):
            raise ValueError(f"target must be a number of events or None, not {target!r}")
        self.name = name
        self._recorder = recorder
        self._applied = Cell(recorder.name_attributes(name))
        self._target = Level(self._applied.attributes)
        self._target.value = target
        self._replaced: Rebuild | None = None
        self._ended: count[int] | None = None  # of what is in flight, while it is
        self.count = self._applied.steps.__next__

    @property
    def target(self) -> int | None:
        """Events that will be applied; None when unknown. May be set while they are."""
        return None if self._target.value is None else int(self._target.value)

    @target.setter
    def target(self, target: int | None) -> None:
        self._target.value = target

    @property
    def applied(self) -> int:
        """Events applied so far."""
        return self._applied.value

    def __enter__(self) -> Rebuild:
        instruments = self._recorder.instruments
        cells = instruments.in_flight[catalog.PROJECTION_REBUILDING]
        under_way = cells.cell(self._applied.attributes)
        next(under_way.begun)
        self._ended = under_way.ended
        self._replaced = instruments.rebuilds.get(self.name)
        self._report()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _exception: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.leave()

    def leave(self) -> None:
        """Nothing is replayed any more; a rebuild that this one replaced goes on."""
        instruments = self._recorder.instruments
        if self._ended is not None:
            next(self._ended)
            self._ended = None
        instruments.gauges[catalog.PROJECTION_REBUILD_APPLIED].remove(self._applied)
        instruments.gauges[catalog.PROJECTION_REBUILD_TARGET].remove(self._target)
        if instruments.rebuilds.get(self.name) is not self:
            return
        del instruments.rebuilds[self.name]
        earlier = self._replaced
        while earlier is not None and earlier._ended is None:
            earlier = earlier._replaced
        if earlier is not None:
            earlier._report()

    def _report(self) -> None:
        instruments = self._recorder.instruments
        instruments.rebuilds[self.name] = self
        instruments.gauges[catalog.PROJECTION_REBUILD_APPLIED].put(self._applied)
        instruments.gauges[catalog.PROJECTION_REBUILD_TARGET].put(self._target)
