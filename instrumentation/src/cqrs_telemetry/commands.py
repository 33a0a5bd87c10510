"""The write side: commands, their outcome, and the domain events that they produce."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context

from . import catalog
from ._bus import Bus
from ._calls import call, coroutine_function
from ._operation import Operation, Result

if TYPE_CHECKING:
    from ._recorder import Recorder
    from .telemetry import CqrsTelemetry

# Beyond these the span carries only the count: a bulk import would make a span of megabytes.
_MAX_SPAN_EVENTS = 4
_NOT_EVENTS = (str, bytes, Mapping)
_PLAIN = (list, tuple)
_VALUES = (str, bytes, int, float)
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
        self._record = record
        if recorder.silent and self._finds_no_sdk(record.span_name, current):
            return
        self._produced = 0
        aggregate_id = recorder.identify(command, self._aggregate_id)
        self._start_span(
            record.span_name,
            current,
            {_SIDE: catalog.WRITE, _TYPE: name or record.names[0], _ID: aggregate_id},
        )

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
            for event in events:
                try:
                    name = names.by_class[id(type(event))]
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
        """Count ``result.events``, as the contract's bus does, or what a generator yields."""
        try:
            events = getattr(result, "events", None)
        except Exception as fault:
            self._recorder.count_fault(fault)
            return result
        if events is None:
            return super().returned(result)
        self.produced(events)
        return result

    def yielded(self, row: Any, /) -> None:
        """Count an event that the handler yields; values such as a percentage are none."""
        if row is not None and not issubclass(type(row), _VALUES):
            self.produced((row,))


class InstrumentedCommandBus(Bus):
    """A command bus that records every command.

    Args:
        handlers: By class name or by class; objects with ``handle``, or callables; sync or async.
            Looked up at each dispatch, so handlers may be added later.
        telemetry: Where to record; by default to the global OpenTelemetry providers.
    """

    _no_handler = "No handler found"

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
