"""The read side: queries, their outcome, and the size of what they return."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context

from . import catalog
from ._bus import Bus
from ._calls import call, coroutine_function
from ._generators import GENERATORS
from ._operation import Operation, Result
from ._results import ResultSize, checked_size

if TYPE_CHECKING:
    from ._recorder import Recorder
    from .telemetry import CqrsTelemetry

_SIDE, _TYPE, _COUNT = (
    a.key for a in (catalog.SIDE, catalog.SPAN_QUERY_TYPE, catalog.SPAN_RESULT_COUNT)
)


class QueryOperation(Operation):
    """A query being executed."""

    __slots__ = ()

    def _begin(self, current: Context, /) -> None:
        self._amount = None
        query, recorder = self._message, self._recorder
        name = None
        try:
            record = recorder.by_class[id(type(query))]
        except KeyError:
            record, name = recorder.find(query)
        if record is None:  # it is excluded
            return
        self._record = record
        if recorder.silent and self._finds_no_sdk(record.span_name, current):
            return
        attributes = {_SIDE: catalog.READ, _TYPE: name or record.names[0]}
        if record.own:
            attributes.update(record.own)
        self._start_span(record.span_name, current, attributes)

    def returned(self, result: Result) -> Result:
        """Take the query's result and record its size at the end.

        Collections count their items, pages (``items`` or ``results``) those of their rows, a query
        set what it has loaded; one object counts 1, whatever it is, and ``None`` 0. A generator
        comes back wrapped: its rows are counted as they are consumed, and the operation ends with
        it. What would have to be loaded or used up for that has no size.
        """
        recorder = self._recorder
        if type(result) is list and recorder.measure is None:  # the usual result
            self._amount = len(result)  # type: ignore[arg-type]  # narrowed by type()
            return result
        if self._record is None or type(result) in GENERATORS:
            return super().returned(result)
        try:
            measure = None if result is None else recorder.measure
            size = None if measure is None else measure(result)
            self._amount = recorder.sizes.find(result) if size is None else checked_size(size)
        except Exception as fault:
            recorder.count_fault(fault)
        return result

    def yielded(self, _row: Any, /) -> None:
        """Count a row."""
        self._amount = (self._amount or 0) + 1

    def defer(self) -> None:
        """End with a generator, whose rows are counted as they are consumed."""
        self._deferred = True
        self._amount = 0

    def _describe_success(self) -> None:
        if self._amount is not None:
            self._span.set_attribute(_COUNT, self._amount)


class InstrumentedQueryBus(Bus):
    """A query bus that records every query and the size of its result.

    Args:
        handlers: By class name or by class; objects with ``handle``, or callables; sync or async.
            Looked up at each execution, so handlers may be added later.
        telemetry: Where to record; by default to the global OpenTelemetry providers.
        result_size: Takes the size out of a handler's result, or None for the one found by default.
    """

    _no_handler = "No handler"

    def __init__(
        self,
        handlers: Mapping[Any, Any],
        *,
        telemetry: CqrsTelemetry | None = None,
        result_size: ResultSize | None = None,
    ) -> None:
        super().__init__(handlers, telemetry, result_size)

    def execute(self, query: Any) -> Any:
        """Answer ``query``; an awaitable when its handler is async.

        Raises:
            NoHandlerError: a ``ValueError``, when there is no handler for the query's class.
        """
        return call(QueryOperation(self._recorder, query), self._find(query), query)

    _operation = QueryOperation
    _entry = "execute"
    _entry_if_async = coroutine_function(execute, Bus._prepare)

    def _find_recorder(self, telemetry: CqrsTelemetry) -> Recorder:
        return telemetry.queries
