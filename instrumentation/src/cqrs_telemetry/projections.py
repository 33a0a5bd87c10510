"""The bridge: events applied to read models, and how long after their creation."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction
from itertools import islice
from math import isfinite
from time import time
from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, set_span_in_context

from . import catalog
from ._calls import call, coroutine_function, is_awaitable, is_coroutine_function
from ._context import EventContext, span_context
from ._operation import Operation, Result, type_name

if TYPE_CHECKING:
    from ._recorder import Recorder, TypeRecord
    from .telemetry import CqrsTelemetry

Timestamp = Callable[[Any], Any]
"""Takes an event's creation time out of it: seconds since 1970, a datetime or ISO 8601 text."""

_MAX_LINKS = 128  # OpenTelemetry's own default limit of a span
_APPLIED = catalog.SPAN_PROJECTION_STATUS.values[0]
_FRACTION = re.compile(r"\.(\d{1,6})\d*")
_SIDE = catalog.SIDE.key
_NAME = catalog.SPAN_PROJECTION_NAME.key
_TYPE = catalog.SPAN_EVENT_TYPE.key
_ID = catalog.SPAN_EVENT_AGGREGATE_ID.key
_PHASE = catalog.SPAN_PROJECTION_PHASE.key
_SIZE = catalog.SPAN_BATCH_SIZE.key
_STATUS = catalog.SPAN_PROJECTION_STATUS.key
_LAG = catalog.SPAN_PROJECTION_LAG.key


class EventOptions(NamedTuple):
    """What a projection knows about its events; see ``InstrumentedProjectionHandler``."""

    timestamp: Timestamp | None = None
    aggregate_id: Callable[[Any], Any] | None = None
    child_if_younger_than: float | timedelta | None = None
    replayed: Callable[[Any], Any] | None = None


def find_phase(
    recorder: Recorder, name: str, event: Any, options: EventOptions, replayed: bool | None
) -> catalog.Phase:
    """Whether an event is new: as the caller says, else a rebuild, else what the event is like."""
    if replayed is None:
        replayed = name in recorder.rebuilds
        if not replayed and options.replayed is not None:
            try:
                replayed = bool(options.replayed(event))
            except Exception as fault:
                recorder.count_fault(fault)
    return catalog.REPLAY if replayed else catalog.LIVE


class ProjectionOperation(Operation):
    """An event being applied to a read model."""

    __slots__ = ("_event_context", "_name", "_options", "_phase", "_replayed")

    def __init__(
        self,
        recorder: Recorder,
        name: str,
        event: Any,
        event_context: EventContext,
        options: EventOptions,
        replayed: bool | None = None,
    ) -> None:
        Operation.__init__(self, recorder, event)
        self._amount = None
        self._name = name
        self._event_context = event_context
        self._options = options
        self._replayed = replayed

    def _find_record(self, event_type: str) -> TypeRecord:
        name, recorder, options = self._name, self._recorder, self._options
        self._phase = catalog.LIVE
        if recorder.rebuilds or self._replayed or options.replayed:
            self._phase = find_phase(recorder, name, self._message, options, self._replayed)
        names = name, event_type
        found = recorder.records[self._phase].get(names)
        return recorder.record(names, self._phase) if found is None else found

    def _begin(self, current: Context, /) -> None:
        name, event, recorder = self._name, self._message, self._recorder
        event_type = type_name(event)
        record = self._record = self._find_record(event_type)
        if (
            recorder.silent
            and self._options.child_if_younger_than is None  # which decides who is the parent
            and self._finds_no_sdk(record.span_name, current)
        ):
            return
        parent, links = current, None
        if self._event_context is not None:
            parent, links = self._origin(current)
        attributes = {
            _SIDE: catalog.PROJECTION,
            _NAME: name,
            _TYPE: event_type,
            _ID: recorder.identify(event, None, self._options.aggregate_id),
        }
        if self._phase is not catalog.LIVE:
            attributes[_PHASE] = self._phase
        self._start_span(record.span_name, parent, attributes, links)

    def _origin(self, current: Context) -> tuple[Context, list[Link] | None]:
        """Parent and links: the event's cause is the one or the other."""
        links = None
        try:
            cause = span_context(self._event_context)
            if cause is not None:
                links = [Link(cause)]  # stays when the age cannot be told
                if self._options.child_if_younger_than is not None and self._is_young():
                    return set_span_in_context(NonRecordingSpan(cause), current), None
        except Exception as fault:
            self._recorder.count_fault(fault)
        return current, links

    def _is_young(self) -> bool:
        limit = self._options.child_if_younger_than
        if limit is None:
            return False
        created = creation_time(self._message, self._options.timestamp)
        seconds = limit.total_seconds() if isinstance(limit, timedelta) else limit
        return created is not None and time() - created < seconds

    def _measure(self, record: TypeRecord, /) -> None:
        # Lag says when readers could see the event: after apply, and only if it was applied.
        try:
            if self._phase is not catalog.LIVE:  # readers saw it long ago
                rebuild = self._recorder.rebuilds.get(self._name)
                if rebuild is not None:
                    rebuild.count()
                return
            created = creation_time(self._message, self._options.timestamp)
            if created is None:
                return
            lag = (time() - created) * 1000
            if lag < 0:
                next(self._recorder.skew(record).steps)
                lag = 0.0
            self._amount = lag
        except Exception as fault:
            self._recorder.count_fault(fault)

    def _describe_success(self) -> None:
        if self._amount is None:
            self._span.set_attribute(_STATUS, _APPLIED)
        else:
            self._span.set_attributes({_STATUS: _APPLIED, _LAG: self._amount})


def creation_time(event: Any, timestamp: Timestamp | None = None) -> float | None:
    """When an event was created, in seconds since 1970; None when it does not say.

    Raises:
        TypeError, ValueError: the event's timestamp is of no form that is known, or not finite.
    """
    created = timestamp(event) if timestamp else getattr(event, "timestamp", None)
    if type(created) is float and isfinite(created):
        return created
    if isinstance(created, str):
        # Python 3.10's fromisoformat knows neither the suffix Z nor fractions of other lengths.
        created = _FRACTION.sub(lambda digits: f".{digits[1]:0<6}", created)
        created = datetime.fromisoformat(created.replace("Z", "+00:00").replace("z", "+00:00"))
    if isinstance(created, datetime):
        # A naive time in a stored event is UTC by convention, never this machine's local time.
        created = created if created.tzinfo else created.replace(tzinfo=timezone.utc)
        return created.timestamp()
    if created is None:
        return None
    seconds = float(created)
    if not isfinite(seconds):  # it would make the histogram's sum useless for good
        raise ValueError(f"timestamp is {seconds}")
    return seconds


class ApplyOperation(ProjectionOperation):
    """An event being applied by a handler of ours, which nobody asks for what it yields."""

    __slots__ = ()
    exhausts = True

    def returned(self, result: Result) -> Result:
        """Nothing is taken from what ``apply`` returns."""
        return result


class BatchedEvent(ApplyOperation):
    """An event of a batch: measured by itself, inside the batch's span."""

    __slots__ = ()

    def _begin(self, _current: Context, /) -> None:
        self._record = self._find_record(type_name(self._message))


class BatchOperation(Operation):
    """A batch of events being applied: one span around them; each event is measured by itself."""

    __slots__ = ("_event_contexts", "_name", "_phase")

    def __init__(
        self,
        recorder: Recorder,
        name: str,
        events: Sequence[Any],
        event_contexts: Iterable[EventContext],
        phase: catalog.Phase,
    ) -> None:
        super().__init__(recorder, events)
        self._counts = False
        self._amount = None
        self._name = name
        self._phase = phase
        self._event_contexts = event_contexts

    def _begin(self, current: Context, /) -> None:
        name, events = self._name, self._message
        # The record counts nothing here; it knows the span's name, and that the batch is under way.
        record = self._record = self._recorder.record((name, type_name(events[0])))
        attributes = {_SIDE: catalog.PROJECTION, _NAME: name, _SIZE: len(events)}
        if self._phase is not catalog.LIVE:
            attributes[_PHASE] = self._phase
        self._start_span(record.span_name, current, attributes, self._origins())

    def _origins(self) -> list[Link]:
        try:
            found = (span_context(source) for source in self._event_contexts)
            return [Link(context) for context in islice(filter(None, found), _MAX_LINKS)]
        except Exception as fault:
            self._recorder.count_fault(fault)
            return []

    def _measure(self, _record: TypeRecord, /) -> None:
        """Nothing: its events have lags of their own."""

    def _describe_success(self) -> None:
        self._span.set_attribute(_STATUS, _APPLIED)


class InstrumentedProjectionHandler:
    """Applies domain events to a read model and records lag, duration and outcome.

    Override ``apply``, sync or async.

    Args:
        projection_name: Name of the projection in spans and metrics.
        read_store: Yours; kept as ``read_store`` for ``apply``.
        telemetry: Where to record; by default to the global OpenTelemetry providers.
        timestamp: Takes the creation time out of an event; by default its ``timestamp``: seconds
            since 1970, a datetime (naive is UTC) or ISO 8601 text.
        aggregate_id: Takes the aggregate's id out of an event; by default its ``aggregate_id``.
        child_if_younger_than: Seconds or timedelta. An event younger than this becomes a child of
            the span in its context; others are linked, so that a replay does not grow old traces
            (docs/adr/0002-links-not-parents.md).
        replayed: Says of an event whether it is an old one that is applied again, so that its age
            is no lag. Not asked during ``telemetry.rebuilding``, where all of them are.
    """

    def __init__(
        self,
        projection_name: str,
        read_store: Any = None,
        *,
        telemetry: CqrsTelemetry | None = None,
        timestamp: Timestamp | None = None,
        aggregate_id: Callable[[Any], Any] | None = None,
        child_if_younger_than: float | timedelta | None = None,
        replayed: Callable[[Any], Any] | None = None,
    ) -> None:
        from .telemetry import default_telemetry  # which imports this module

        self.projection_name = projection_name
        self.read_store = read_store
        self._recorder = (telemetry or default_telemetry()).projections
        self._options = EventOptions(timestamp, aggregate_id, child_if_younger_than, replayed)
        self._recorder.count_handler(projection_name, self)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        is_async = iscoroutinefunction(cls.apply) or isasyncgenfunction(cls.apply)
        for name, methods in _ENTRIES.items():
            if getattr(cls, name) in methods:  # not overridden
                setattr(cls, name, methods[is_async])

    def handle_event(
        self, event: Any, event_context: EventContext = None, *, replayed: bool | None = None
    ) -> Any:
        """Apply one event; a coroutine function when ``apply`` is async.

        An ``apply`` that yields is run to its end.

        ``event_context`` says which span caused the event: a ``SpanContext``, a ``Context`` or a
        carrier such as the event's metadata. ``replayed`` says whether the event is an old one that
        is applied again, where the caller knows better than the handler's ``replayed``.
        """
        operation = ApplyOperation(
            self._recorder, self.projection_name, event, event_context, self._options, replayed
        )
        return call(operation, self.apply, event)

    def _prepare(
        self, event: Any, event_context: EventContext = None, *, replayed: bool | None = None
    ) -> tuple[Operation, Callable[[Any], Any], Any]:
        operation = ApplyOperation(
            self._recorder, self.projection_name, event, event_context, self._options, replayed
        )
        return operation, self.apply, event

    def handle_events(
        self,
        events: Iterable[Any],
        event_contexts: Iterable[EventContext] | None = None,
        *,
        replayed: bool | None = None,
    ) -> Any:
        """Apply a batch in order, under one span with a link per event; stops at a failure.

        ``event_contexts`` go with the events by position. Each event has its own lag, duration and
        outcome. An awaitable when ``apply`` is async. No events, no span. ``replayed`` as in
        ``handle_event``, for all of them; the span's phase is the first event's.
        """
        batch = list(events)
        if not batch:
            return _nothing() if is_coroutine_function(self.apply) else None
        name, recorder = self.projection_name, self._recorder
        phase = find_phase(recorder, name, batch[0], self._options, replayed)
        operation = BatchOperation(recorder, name, batch, event_contexts or (), phase)
        if is_coroutine_function(self.apply):
            return call(operation, self._await_batch, batch, ((iter(batch), replayed), {}))
        return call(operation, self._apply_batch, batch, ((iter(batch), replayed), {}))

    def _apply_batch(self, events: Iterator[Any], replayed: bool | None) -> Any:
        for event in events:
            result = call(self._batched(event, replayed), self.apply, event)
            if is_awaitable(result):  # apply is async without looking so
                return self._await_batch(events, replayed, result)
        return None

    async def _await_batch(
        self, events: Iterator[Any], replayed: bool | None, first: Awaitable[Any] | None = None
    ) -> None:
        if first is not None:
            await first
        for event in events:
            result = call(self._batched(event, replayed), self.apply, event)
            if is_awaitable(result):
                await result

    def _batched(self, event: Any, replayed: bool | None) -> BatchedEvent:
        return BatchedEvent(
            self._recorder, self.projection_name, event, None, self._options, replayed
        )

    def apply(self, event: Any) -> Any:
        """Update the read model; override this."""
        raise NotImplementedError(f"{type(self).__name__} must override apply(event)")


async def _nothing() -> None:
    """What an empty batch of an async projection awaits."""


_handle_events = InstrumentedProjectionHandler.handle_events


@wraps(_handle_events)
async def _handle_events_async(*args: Any, **kwargs: Any) -> Any:
    result = _handle_events(*args, **kwargs)
    return await result if is_awaitable(result) else result


# Each method as it is for a sync apply, and for an async one.
_ENTRIES = {
    "handle_event": (
        InstrumentedProjectionHandler.handle_event,
        coroutine_function(
            InstrumentedProjectionHandler.handle_event, InstrumentedProjectionHandler._prepare
        ),
    ),
    "handle_events": (_handle_events, _handle_events_async),
}
