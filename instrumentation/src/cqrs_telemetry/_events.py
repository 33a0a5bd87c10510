"""An event being applied by a projection."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from time import time
from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, set_span_in_context

from . import catalog
from ._context import EventContext, span_context
from ._names import clean
from ._operation import Operation, Result
from ._timestamps import Timestamp, UntimedEventError, age, creation_time

if TYPE_CHECKING:
    from ._recorder import Recorder
    from ._records import TypeRecord

_APPLIED = catalog.SPAN_PROJECTION_STATUS.values[0]
_SIDE = catalog.SIDE.key
_NAME = catalog.SPAN_PROJECTION_NAME.key
_TYPE = catalog.SPAN_EVENT_TYPE.key
_ID = catalog.SPAN_EVENT_AGGREGATE_ID.key
_PHASE = catalog.SPAN_PROJECTION_PHASE.key
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
        if recorder.own:
            return recorder.record(names, self._phase, recorder.find_own(self._message))
        found = recorder.records[self._phase].get(names)
        return recorder.record(names, self._phase) if found is None else found

    def _begin(self, current: Context, /) -> None:
        name, event, recorder = self._name, self._message, self._recorder
        try:
            event_type = recorder.names.by_class[id(type(event))]
        except KeyError:
            event_type = recorder.names.find(event)
        if recorder.excluded and recorder.excludes(event, event_type):
            self._count_rebuilt()
            return
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
            self._event_context = None  # it may be metadata of the event's
        attributes = {
            _SIDE: catalog.PROJECTION,
            _NAME: name if name == record.names[0] else clean(name),
            _TYPE: event_type,
            _ID: recorder.identify(event, None, self._options.aggregate_id),
        }
        if self._phase is not catalog.LIVE:
            attributes[_PHASE] = self._phase
        if record.own:
            attributes.update(record.own)
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
        return created is not None and age(created) < seconds

    def _measure(self, record: TypeRecord, /) -> None:
        # Lag says when readers could see the event: after apply, and only if it was applied.
        try:
            if self._phase is not catalog.LIVE:  # readers saw it long ago
                self._count_rebuilt()
                return
            created = creation_time(self._message, self._options.timestamp)
            if created is None:
                self._recorder.count_fault(UntimedEventError(
                    f"{record.names[-1]} of projection {clean(self._name)} has no timestamp, so its"
                    " lag is not known: set it when the event is made, or say with timestamp= where"
                    " it is"
                ))  # fmt: skip
                return
            lag = (time() - created) * 1000
            if lag < 0:
                age(created)  # which raises when that is more than clocks differ by
                next(self._recorder.skew(record).steps)
                lag = 0.0
            self._amount = lag
        except Exception as fault:
            self._recorder.count_fault(fault)

    def _count_rebuilt(self) -> None:
        rebuild = self._recorder.rebuilds.get(self._name)
        if rebuild is not None:
            rebuild.count()

    def _describe_success(self) -> None:
        if self._amount is None:
            self._span.set_attribute(_STATUS, _APPLIED)
        else:
            self._span.set_attributes({_STATUS: _APPLIED, _LAG: self._amount})


class ApplyOperation(ProjectionOperation):
    """An event being applied by a handler of ours, which nobody asks for what it yields."""

    __slots__ = ()
    exhausts = True

    def returned(self, result: Result) -> Result:
        """Nothing is taken from what ``apply`` returns."""
        return result
