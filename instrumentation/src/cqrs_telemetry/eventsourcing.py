"""For services on the ``eventsourcing`` library; needs ``cqrs-telemetry[eventsourcing]``.

Uses the public interface of its recorders, stores and applications: nothing is added to its tables,
and nothing depends on which database they are in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from functools import wraps
from time import monotonic
from typing import Any, Protocol, TypeVar

try:
    from eventsourcing.application import Application, Repository
    from eventsourcing.persistence import EventStore, IntegrityError, TrackingRecorder
except ImportError as missing:
    raise ImportError(
        f"{missing.name} is not installed: pip install 'cqrs-telemetry[eventsourcing]'",
        name=missing.name,
    ) from missing

from opentelemetry.context import get_current

from . import catalog
from ._bounds import BoundedNames
from ._context import is_suppressed
from ._timestamps import Timestamp, creation_time
from .backlog import Backlog
from .telemetry import CqrsTelemetry, default_telemetry

MOST_COUNTED = 1000
RETRY_WITHIN = 10.0  # seconds after a conflict in which saving the aggregate again is a retry
_OUTSIDE = "_events"  # saved without an aggregate, and of no class nested in one

AnyApplication = TypeVar("AnyApplication", bound=Application[Any])
_load: ContextVar[_Load | None] = ContextVar("cqrs_load", default=None)
_conflicts: ContextVar[dict[Any, float]] = ContextVar("cqrs_conflicts")


class Position(Protocol):
    """Tells how far a projection is, as a ``TrackingRecorder`` does, which is its view."""

    def max_tracking_id(self, application_name: str, /) -> int | None:
        """Id of the last notification that it has applied; None before the first."""


def projection_probe(
    application: Application[Any],
    tracking: Position,
    topics: Sequence[str] = (),
    *,
    timestamp: Timestamp | None = None,
    most_counted: int = MOST_COUNTED,
) -> Callable[[], Backlog]:
    """A probe for ``telemetry.watch_projection``: one query by position, limited, per collection.

    Positions alone would tell of a backlog that is none where a projection follows some topics, or
    hide one; so the events after the projection's position that it does follow are asked for.

    Args:
        application: Whose events the projection follows.
        tracking: The projection's view, or whatever keeps its position.
        topics: The projection's; none are all.
        timestamp: Takes the time out of an event; by default its ``timestamp``.
        most_counted: Pending is at most this number, which then means this or more.

    Raises:
        ValueError: ``most_counted`` is less than 1.
        TypeError: ``topics`` is one text.
    """
    if most_counted < 1:
        raise ValueError(f"most_counted must be at least 1, not {most_counted}")
    if isinstance(topics, str):
        raise TypeError(f"topics must be a sequence of topics, not the text {topics!r}")

    def probe() -> Backlog:
        pending = application.recorder.select_notifications(
            tracking.max_tracking_id(application.name),
            most_counted,
            topics=tuple(topics),
            inclusive_of_start=False,
        )
        if not pending:
            return Backlog(0)
        oldest = application.mapper.to_domain_event(pending[0])
        return Backlog(len(pending), creation_time(oldest, timestamp))

    return probe


def wait_until_projected(
    telemetry: CqrsTelemetry,
    query: Any,
    projection: str,
    tracking: TrackingRecorder,
    application_name: str,
    notification_id: int | None,
    *,
    timeout: float = 1.0,
    required: bool = False,
) -> bool:
    """Wait with ``TrackingRecorder.wait`` until a projection has tracked a notification.

    The id is that of what a command has saved: ``recordings[-1].notification.id``. True when it is
    seen in time; otherwise as in ``CqrsTelemetry.wait_until_seen``.

    Raises:
        NotSeenError: it was ``required`` and not seen in time.
    """

    def wait() -> bool:
        tracking.wait(application_name, notification_id, timeout)
        return True

    seen = telemetry.wait_until_seen(query, projection, wait, timeout=timeout, required=required)
    return bool(seen)


def instrument_application(
    application: AnyApplication, telemetry: CqrsTelemetry | None = None
) -> AnyApplication:
    """Record what an application's aggregates cost: loads, snapshots, conflicts and retries.

    Wraps ``save`` and the repository's ``get`` and stores of this one application, which comes
    back. A load that begins at a cached aggregate is a snapshot hit: nothing before it is replayed.
    A retry is a save of an aggregate by the thread or task that has just met a conflict in it.
    A save of several aggregates that conflicts counts for each of their types: which of them it
    was is not told. Once more does nothing.
    """
    if isinstance(application.repository.event_store, _CountingStore):
        return application
    costs = _Costs(telemetry or default_telemetry())
    application.save = costs.wrap_save(application.save)  # type: ignore[method-assign]
    repository = application.repository
    repository.event_store = _CountingStore(repository.event_store, snapshots=False)
    if repository.snapshot_store is not None:
        repository.snapshot_store = _CountingStore(repository.snapshot_store, snapshots=True)
    repository.get = costs.wrap_get(repository)  # type: ignore[method-assign]
    return application


class _Load:
    """What one load has read."""

    def __init__(self) -> None:
        self.events = 0
        self.snapshots = 0
        self.continued = False  # from a position on: of a snapshot or a cached aggregate


class _CountingStore(EventStore[Any]):
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

    def _count(self, found: Iterator[Any], load: _Load, continued: bool) -> Iterator[Any]:
        load.continued = load.continued or continued
        for each in found:
            if self._snapshots:
                load.snapshots += 1
            else:
                load.events += 1
            yield each


class _Costs:
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
            load = _Load()
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

    def _record_load(self, aggregate: Any, load: _Load) -> None:
        try:
            if is_suppressed(get_current()):
                return
            hit = load.snapshots or load.continued
            name = type(aggregate).__name__
            attributes = self._attributes(name)
            attributes[catalog.AGGREGATE_SNAPSHOT.key] = (
                catalog.SNAPSHOT_HIT if hit else catalog.SNAPSHOT_MISS
            )
            folded = self._instruments.fold(catalog.AGGREGATE_LOAD_EVENTS, attributes, counts=True)
            histogram = self._instruments.histograms[catalog.AGGREGATE_LOAD_EVENTS]
            self._recorder.ends.run(histogram.record, load.events, folded, get_current())
            for metric in (catalog.AGGREGATE_CONFLICTS, catalog.AGGREGATE_RETRIES):
                self._instruments.counter(metric, self._attributes(name))  # from 0
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
