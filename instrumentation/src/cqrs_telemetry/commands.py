"""The write side: commands, their outcome, and the domain events that they produce."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context

from . import catalog
from ._bus import Bus
from ._calls import call, coroutine_function
from ._generators import GENERATORS
from ._operation import Operation, Result
from ._results import (
    EVENTS,
    IN_DICT,
    IN_DICT_OR_CLASS,
    IN_FIELD,
    Produced,
    checked_events,
    events_in,
)

if TYPE_CHECKING:
    from ._recorder import Recorder
    from .telemetry import CqrsTelemetry

# Beyond these the span carries only the count: a bulk import would make a span of megabytes.
_MAX_SPAN_EVENTS = 4
_NOT_EVENTS = (str, bytes, Mapping)
_PLAIN = (list, tuple)
_NONE = type(None)
_place_of = EVENTS.places.get
_SIDE, _TYPE, _ID = (
    a.key for a in (catalog.SIDE, catalog.SPAN_COMMAND_TYPE, catalog.SPAN_AGGREGATE_ID)
)


class CommandOperation(Operation):
    """A command being handled."""

    __slots__ = ("_produced",)
    _produced: int  # events, where there is a span to say so

    def _begin(self, current: Context, /) -> None:
        command, recorder = self._message, self._recorder
        name = None
        try:
            record = recorder.by_class[id(type(command))]
        except KeyError:
            record, name = recorder.find(command)
        if record is None:  # it is excluded
            return
        self._record = record
        if recorder.silent and self._finds_no_sdk(record.span_name, current):
            return
        self._produced = 0
        aggregate_id = recorder.identify(command, self._aggregate_id)
        attributes = {_SIDE: catalog.WRITE, _TYPE: name or record.names[0], _ID: aggregate_id}
        if record.own:
            attributes.update(record.own)
        self._start_span(record.span_name, current, attributes)

    def produced(self, events: Iterable[Any]) -> None:
        """Count the domain events that the command produced, by their types.

        Takes any collection; an iterator is left alone, since counting it would use it up. Text
        and mappings are no collections of events.
        """
        record = self._record
        if record is None:
            return
        try:
            # isinstance with abstract classes is slow: the usual classes are not asked.
            if type(events) not in _PLAIN and (
                not hasattr(events, "__len__") or isinstance(events, _NOT_EVENTS)
            ):
                return
            span, traced = self._span, self._traced
            names = self._recorder.events
            known = names.by_class
            for event in events:
                try:
                    name = known[id(type(event))]
                except KeyError:
                    name = names.find(event)
                cell = record.produced.get(name)
                if cell is None:
                    cell = self._recorder.events_cell(record, name)
                next(cell.steps)
                if traced:
                    self._produced += 1
                    if self._produced <= _MAX_SPAN_EVENTS:
                        span.add_event(catalog.SPAN_EVENT_PRODUCED, {catalog.EVENT_TYPE.key: name})
            if traced:
                span.set_attribute(catalog.SPAN_EVENTS_COUNT.key, self._produced)
        except Exception as fault:
            self._recorder.count_fault(fault)

    def returned(self, result: Result) -> Result:
        """Count the events in the result, or those that a generator yields.

        That is what ``result.events`` has, as in the contract, where it is a plain attribute, and
        the messages in a list. A property or relation is not read: it may load something.
        """
        cls, recorder = type(result), self._recorder
        if cls is _NONE or self._record is None:
            return result
        if recorder.measure is None:  # the usual results first
            place, events = _place_of(id(cls)), None
            if place is IN_DICT or place is IN_DICT_OR_CLASS:
                events = result.__dict__.get("events")
            elif place is IN_FIELD:
                events = getattr(result, "events", None)
            if type(events) in _PLAIN:
                self.produced(events)  # type: ignore[arg-type]
                return result
            if place is IN_DICT and events is None:
                return result
        if cls in GENERATORS:
            return super().returned(result)
        try:
            found = self._find_events(result)
        except Exception as fault:
            recorder.count_fault(fault)
        else:
            if found is not None:
                self.produced(found)
        return result

    def _find_events(self, result: Any) -> Collection[Any] | None:
        recorder = self._recorder
        if recorder.measure is not None:
            events = recorder.measure(result)
            if events is not None:
                return checked_events(events)
        if type(result) is list:
            return recorder.events.select_messages(result) or None
        found: Collection[Any] | None = events_in(result)
        return found

    def yielded(self, row: Any, /) -> None:
        """Count an event that the handler yields; values such as a percentage are none."""
        self.produced(self._recorder.events.select_messages((row,)))


class InstrumentedCommandBus(Bus):
    """A command bus that records every command.

    Args:
        handlers: By class name or by class; objects with ``handle``, or callables; sync or async.
            Looked up at each dispatch, so handlers may be added later.
        telemetry: Where to record; by default to the global OpenTelemetry providers.
        produced: Takes the events out of a handler's result, or None for those found by default.
    """

    _no_handler = "No handler found"

    def __init__(
        self,
        handlers: Mapping[Any, Any],
        *,
        telemetry: CqrsTelemetry | None = None,
        produced: Produced | None = None,
    ) -> None:
        super().__init__(handlers, telemetry, produced)

    def dispatch(self, command: Any) -> Any:
        """Handle ``command``; an awaitable when its handler is async.

        Raises:
            NoHandlerError: a ``ValueError``, when there is no handler for the command's class.
        """
        return call(CommandOperation(self._recorder, command), self._find(command), command)

    _operation = CommandOperation
    _entry = "dispatch"
    _entry_if_async = coroutine_function(dispatch, Bus._prepare)

    def _find_recorder(self, telemetry: CqrsTelemetry) -> Recorder:
        return telemetry.commands
