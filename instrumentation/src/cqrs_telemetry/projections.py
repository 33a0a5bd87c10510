"""The bridge: events applied to read models, and how long after their creation."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone
from math import isfinite
from time import time
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import Link

from . import catalog
from ._context import EventContext, span_context
from ._operation import Operation, call, is_coroutine_function
from .catalog import Status

if TYPE_CHECKING:
    from ._recorder import TypeRecord
    from .telemetry import CqrsTelemetry

Timestamp = Callable[[Any], Any]
"""Takes an event's creation time out of it: seconds since 1970, a datetime or ISO 8601 text."""

_MAX_LINKS = 128  # OpenTelemetry's own default limit of a span
_APPLIED = catalog.SPAN_PROJECTION_STATUS.values[0]
_FRACTION = re.compile(r"\.(\d{1,6})\d*")


class ProjectionOperation(Operation):
    """An event being applied to a read model."""

    __slots__ = ("_event", "_timestamp")

    def __init__(
        self, *args: Any, event: Any = None, timestamp: Timestamp | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._event = event
        self._timestamp = timestamp

    def _measure(
        self, record: TypeRecord, status: Status, error_type: str | None, elapsed: float, /
    ) -> None:
        super()._measure(record, status, error_type, elapsed)
        # Lag says when readers could see the event: after apply, and only if it was applied.
        if status != catalog.SUCCESS:
            return
        span = self._span
        attributes: dict[str, Any] = {catalog.SPAN_PROJECTION_STATUS.key: _APPLIED}
        try:
            lag = self._lag(record)
        except Exception as fault:
            self._recorder.count_fault(fault)
            lag = None
        if lag is not None:
            histogram = self._recorder.instruments.histograms[catalog.PROJECTION_LAG]
            histogram.record(lag, record.base, self._context)
            attributes[catalog.SPAN_PROJECTION_LAG.key] = lag
        if span.is_recording():
            span.set_attributes(attributes)

    def _lag(self, record: TypeRecord) -> float | None:
        created = creation_time(self._event, self._timestamp)
        if created is None:
            return None
        lag = (time() - created) * 1000
        if lag < 0:
            self._recorder.skew(record).add(1)
            return 0.0
        return lag


def creation_time(event: Any, timestamp: Timestamp | None = None) -> float | None:
    """When an event was created, in seconds since 1970; None when it does not say.

    Raises:
        TypeError, ValueError: the event's timestamp is of no form that is known, or not finite.
    """
    created = timestamp(event) if timestamp else getattr(event, "timestamp", None)
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


class BatchedEvent(ProjectionOperation):
    """An event of a batch: measured by itself, inside the batch's span."""

    __slots__ = ()
    _own_span = False


class BatchOperation(Operation):
    """A batch of events being applied: one span around them; each event is measured by itself."""

    __slots__ = ()

    def _measure(
        self, _record: TypeRecord, status: Status, _error: str | None, _elapsed: float, /
    ) -> None:
        if status == catalog.SUCCESS and self._span.is_recording():
            self._span.set_attribute(catalog.SPAN_PROJECTION_STATUS.key, _APPLIED)


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
    ) -> None:
        from .telemetry import default_telemetry  # which imports this module

        self.projection_name = projection_name
        self.read_store = read_store
        self._telemetry = telemetry or default_telemetry()
        self._options: dict[str, Any] = {
            "timestamp": timestamp,
            "aggregate_id": aggregate_id,
            "child_if_younger_than": child_if_younger_than,
        }

    def handle_event(self, event: Any, event_context: EventContext = None) -> Any:
        """Apply one event; an awaitable when ``apply`` is async.

        ``event_context`` says which span caused the event: a ``SpanContext``, a ``Context`` or a
        carrier such as the event's metadata.
        """
        operation = self._telemetry.projection(
            self.projection_name, event, event_context, **self._options
        )
        return call(operation, self.apply, event)

    def handle_events(
        self, events: Iterable[Any], event_contexts: Iterable[EventContext] | None = None
    ) -> Any:
        """Apply a batch in order, under one span with a link per event; stops at a failure.

        ``event_contexts`` go with the events by position. Each event has its own lag, duration and
        outcome. An awaitable when ``apply`` is async.
        """
        batch = list(events)
        links = self._links(event_contexts or ())
        if is_coroutine_function(self.apply):
            return self._handle_events_async(batch, links)
        with self._telemetry.projection_batch(self.projection_name, len(batch), links):
            for event in batch:
                call(self._batched(event), self.apply, event)
        return None

    async def _handle_events_async(self, batch: list[Any], links: list[Link]) -> None:
        with self._telemetry.projection_batch(self.projection_name, len(batch), links):
            for event in batch:
                await call(self._batched(event), self.apply, event)

    def _links(self, sources: Iterable[EventContext]) -> list[Link]:
        try:
            found = (span_context(source) for source in sources)
            return [Link(context) for context in found if context is not None][:_MAX_LINKS]
        except Exception as fault:
            self._telemetry.projections.count_fault(fault)
            return []

    def _batched(self, event: Any) -> BatchedEvent:
        return self._telemetry.batched_event(
            self.projection_name, event, timestamp=self._options["timestamp"]
        )

    def apply(self, event: Any) -> Any:
        """Update the read model; override this."""
        raise NotImplementedError(f"{type(self).__name__} must override apply(event)")
