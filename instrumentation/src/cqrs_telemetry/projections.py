"""The bridge: events applied to read models, and how long after their creation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import timedelta
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import TYPE_CHECKING, Any

from ._batches import BatchedEvent, BatchOperation
from ._calls import call, coroutine_function, is_awaitable, is_coroutine_function
from ._context import EventContext
from ._events import ApplyOperation, EventOptions, find_phase
from ._operation import Operation
from ._timestamps import Timestamp

if TYPE_CHECKING:
    from .telemetry import CqrsTelemetry


class InstrumentedProjectionHandler:
    """Applies domain events to a read model and records lag, duration and outcome.

    Override ``apply``, sync or async.

    Args:
        projection_name: Name of the projection in spans and metrics.
        read_store: Yours; kept as ``read_store`` for ``apply``.
        telemetry: Where to record; by default to the global OpenTelemetry providers.
        timestamp: Takes the creation time out of an event; by default its ``timestamp``: a number
            since 1970 (seconds, ms, µs or ns), a datetime (naive is UTC) or ISO 8601 text. An event
            that has none, or one before 2000 or more than a day ahead, is a telemetry fault.
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

    def __setstate__(self, state: Any) -> None:
        """Of a copy, which is a handler of the projection as well."""
        attributes, slots = state if isinstance(state, tuple) else (state, {})
        self.__dict__.update(attributes)
        for name, value in slots.items():  # of a subclass
            setattr(self, name, value)
        self._recorder.count_handler(self.projection_name, self)

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
        apply = self._await_batch if is_coroutine_function(self.apply) else self._apply_batch
        return call(operation, apply, batch, ((operation, iter(batch), replayed), {}))

    def _apply_batch(
        self, batch: BatchOperation, events: Iterator[Any], replayed: bool | None
    ) -> Any:
        for event in events:
            result = call(self._batched(batch, event, replayed), self.apply, event)
            if is_awaitable(result):  # apply is async without looking so
                return self._await_batch(batch, events, replayed, result)
        return None

    async def _await_batch(
        self,
        batch: BatchOperation,
        events: Iterator[Any],
        replayed: bool | None,
        first: Awaitable[Any] | None = None,
    ) -> None:
        if first is not None:
            await first
        for event in events:
            result = call(self._batched(batch, event, replayed), self.apply, event)
            if is_awaitable(result):
                await result

    def _batched(self, batch: BatchOperation, event: Any, replayed: bool | None) -> BatchedEvent:
        operation = BatchedEvent(
            self._recorder, self.projection_name, event, None, self._options, replayed
        )
        operation.batch = batch
        return operation

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
