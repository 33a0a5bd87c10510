"""What the aggregates of an application on the ``eventsourcing`` library cost to load and save."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from functools import wraps
from time import monotonic
from typing import Any

from eventsourcing.application import Repository
from eventsourcing.persistence import EventStore, IntegrityError
from opentelemetry.context import get_current

from . import catalog
from ._bounds import BoundedNames
from ._context import is_suppressed
from .telemetry import CqrsTelemetry

RETRY_WITHIN = 10.0  # seconds after a conflict in which saving the aggregate again is a retry
_OUTSIDE = "_events"  # saved without an aggregate, and of no class nested in one

_load: ContextVar[Load | None] = ContextVar("cqrs_load", default=None)
_conflicts: ContextVar[dict[Any, float]] = ContextVar("cqrs_conflicts")


class Load:
    """What one load has read."""

    def __init__(self) -> None:
        self.events = 0
        self.snapshots = 0
        self.continued = False  # from a position on: of a snapshot or a cached aggregate


class CountingStore(EventStore[Any]):
    """An event store that tells the load under way what it reads."""

    def __init__(self, store: EventStore[Any], *, snapshots: bool) -> None:
        super().__init__(store.mapper, store.recorder)
        self._store = store
        self._snapshots = snapshots

    def put(self, domain_events: Sequence[Any], **kwargs: Any) -> Any:
        """As the store does."""
        return self._store.put(domain_events, **kwargs)

    def get(self, originator_id: Any, **kwargs: Any) -> Iterator[Any]:
        """As the store does, counted."""
        found = self._store.get(originator_id, **kwargs)
        load = _load.get()
        return found if load is None else self._count(found, load, kwargs.get("gt") is not None)

    def _count(self, found: Iterator[Any], load: Load, continued: bool) -> Iterator[Any]:
        load.continued = load.continued or continued
        for each in found:
            if self._snapshots:
                load.snapshots += 1
            else:
                load.events += 1
            yield each


class Costs:
    """Where the costs of aggregates are recorded."""

    def __init__(self, telemetry: CqrsTelemetry) -> None:
        self._recorder = telemetry.commands
        self._types: BoundedNames = self._recorder.bounded(catalog.AGGREGATE_TYPE)
        self._instruments = self._recorder.instruments

    def wrap_get(self, repository: Repository[Any]) -> Callable[..., Any]:
        """``Repository.get``, recorded when it finds the aggregate."""
        get = repository.get

        @wraps(get)
        def get_recorded(*args: Any, **kwargs: Any) -> Any:
            load = Load()
            token = _load.set(load)
            try:
                aggregate = get(*args, **kwargs)
            finally:
                _load.reset(token)
            self._record_load(aggregate, load)
            return aggregate

        return get_recorded

    def wrap_save(self, save: Callable[..., Any]) -> Callable[..., Any]:
        """``Application.save``, with its conflicts and the retries after them."""

        @wraps(save)
        def save_recorded(*objs: Any, **kwargs: Any) -> Any:
            self._record_retries(objs)
            try:
                return save(*objs, **kwargs)
            except IntegrityError:
                self._record_conflicts(objs)
                raise

        return save_recorded

    def _record_load(self, aggregate: Any, load: Load) -> None:
        try:
            if is_suppressed(get_current()):
                return
            hit = load.snapshots or load.continued
            name = type(aggregate).__name__
            of_type = self._attributes(name)
            snapshot = catalog.SNAPSHOT_HIT if hit else catalog.SNAPSHOT_MISS
            attributes = {**of_type, catalog.AGGREGATE_SNAPSHOT.key: snapshot}
            folded = self._instruments.fold(catalog.AGGREGATE_LOAD_EVENTS, attributes)
            histogram = self._instruments.histograms[catalog.AGGREGATE_LOAD_EVENTS]
            self._recorder.ends.run(histogram.record, load.events, folded, get_current())
            for metric in (catalog.AGGREGATE_CONFLICTS, catalog.AGGREGATE_RETRIES):
                self._instruments.counter(metric, of_type, counts=False)  # from 0
        except Exception as fault:
            self._recorder.count_fault(fault)

    def _record_conflicts(self, objs: Sequence[Any]) -> None:
        try:
            self._count(catalog.AGGREGATE_CONFLICTS, objs)
            _conflicts.set({aggregate_id(each): monotonic() for each in objs if each is not None})
        except Exception as fault:
            self._recorder.count_fault(fault)

    def _record_retries(self, objs: Sequence[Any]) -> None:
        try:
            conflicts = _conflicts.get(None)
            if not conflicts:
                return
            oldest = monotonic() - RETRY_WITHIN
            again = [
                each
                for each in objs
                if each is not None and conflicts.get(aggregate_id(each), 0) > oldest
            ]
            if again:
                self._count(catalog.AGGREGATE_RETRIES, again)
            _conflicts.set({})
        except Exception as fault:
            self._recorder.count_fault(fault)

    def _count(self, metric: catalog.Metric, objs: Sequence[Any]) -> None:
        if is_suppressed(get_current()):
            return
        for name in {aggregate_type(each) for each in objs if each is not None}:
            next(self._instruments.counter(metric, self._attributes(name)).steps)

    def _attributes(self, name: str) -> dict[str, str]:
        return {
            catalog.SIDE.key: catalog.WRITE,
            catalog.AGGREGATE_TYPE.key: self._types.fold(name),
        }


def aggregate_id(saved: Any) -> Any:
    """The aggregate of what is saved: of an aggregate, or of an event."""
    return getattr(saved, "originator_id", None) or getattr(saved, "id", None)


def aggregate_type(saved: Any) -> str:
    """Its type: of an event, the class that the event's is nested in."""
    cls = type(saved)
    if not hasattr(saved, "originator_id"):
        return cls.__name__
    return cls.__qualname__.rpartition(".")[0].rpartition(".")[2] or _OUTSIDE
