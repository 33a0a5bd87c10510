"""A batch of events being applied by a projection: one span; each event is measured by itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context
from opentelemetry.trace import Link

from . import catalog
from ._context import EventContext, span_context
from ._events import ApplyOperation, ProjectionOperation
from ._names import clean
from ._operation import Operation

if TYPE_CHECKING:
    from ._recorder import Recorder
    from ._records import TypeRecord

_MAX_LINKS = 128  # OpenTelemetry's own default limit of a span
_APPLIED = catalog.SPAN_PROJECTION_STATUS.values[0]
_SIDE, _NAME, _PHASE, _SIZE, _STATUS, _LAG = (
    attribute.key
    for attribute in (
        catalog.SIDE,
        catalog.SPAN_PROJECTION_NAME,
        catalog.SPAN_PROJECTION_PHASE,
        catalog.SPAN_BATCH_SIZE,
        catalog.SPAN_PROJECTION_STATUS,
        catalog.SPAN_PROJECTION_LAG,
    )
)


class BatchedEvent(ApplyOperation):
    """An event of a batch: measured by itself, inside the batch's span."""

    __slots__ = ("batch",)
    batch: BatchOperation

    def _begin(self, _current: Context, /) -> None:
        recorder = self._recorder
        event_type = recorder.names.find(self._message)
        if recorder.excluded and recorder.excludes(self._message, event_type):
            self._count_rebuilt()
            return
        self._record = self._find_record(event_type)

    def _measure(self, record: TypeRecord, /) -> None:
        ProjectionOperation._measure(self, record)
        lag, batch = self._amount, self.batch
        if lag is not None and (batch.lag is None or lag > batch.lag):
            batch.lag = lag


class BatchOperation(Operation):
    """A batch of events being applied: one span around them; each event is measured by itself."""

    __slots__ = ("_event_contexts", "_name", "_phase", "lag")

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
        self.lag: float | None = None  # the largest of its events, in milliseconds
        self._name = name
        self._phase = phase
        self._event_contexts = event_contexts

    def _begin(self, current: Context, /) -> None:
        name, events, recorder = self._name, self._message, self._recorder
        types = ((event, recorder.names.find(event)) for event in events)
        first = next((each for each in types if not recorder.excludes(*each)), None)
        if first is None:
            return
        # The record counts nothing here; it knows the span's name, and that the batch is under way.
        record = self._record = recorder.record((name, first[1]), counts=False)
        attributes = {_SIDE: catalog.PROJECTION, _NAME: clean(name), _SIZE: len(events)}
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
        if self.lag is not None:
            self._span.set_attribute(_LAG, self.lag)
