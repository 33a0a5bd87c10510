"""The read side: queries, their outcome, and the size of what they return."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence, Set, ValuesView
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context

from . import catalog
from ._bus import Bus
from ._calls import call, coroutine_function
from ._generators import GENERATORS
from ._operation import Operation, Result

if TYPE_CHECKING:
    from ._recorder import Recorder
    from .telemetry import CqrsTelemetry

_SIDE, _TYPE, _COUNT = (
    a.key for a in (catalog.SIDE, catalog.SPAN_QUERY_TYPE, catalog.SPAN_RESULT_COUNT)
)
# What a page of results calls its rows, in the order of how sure the name is.
_PAGE_FIELDS = ("items", "results")
_NOT_ROWS = (str, bytes, bytearray, memoryview, Mapping)
# Only what is known to be in memory: len() of a lazy result set may run the query again.
_ROWS = (Sequence, Set, ValuesView, deque)


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
        self._record = record
        if recorder.silent and self._finds_no_sdk(record.span_name, current):
            return
        self._start_span(
            record.span_name, current, {_SIDE: catalog.READ, _TYPE: name or record.names[0]}
        )

    def returned(self, result: Result) -> Result:
        """Take the query's result and record its size at the end.

        Collections and pages (``items`` or ``results`` that is a collection) count their rows,
        one object counts 1 and ``None`` 0. A generator comes back wrapped: its rows are counted as
        they are consumed, and the operation ends with it. Text, bytes, mappings and lazy sets have
        no size: their length says something else, or costs another query.
        """
        if self._record is None:
            return result
        if isinstance(result, GENERATORS):
            return super().returned(result)
        try:
            self._amount = result_size(result)
        except Exception as fault:
            self._recorder.count_fault(fault)
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


def result_size(result: object) -> int | None:
    """Items in a query's result, None when that cannot be told without touching it."""
    if result is None:
        return 0
    if type(result) is list:  # the usual class; isinstance with abstract ones is slow
        return len(result)
    if isinstance(result, _NOT_ROWS):
        return None
    if isinstance(result, _ROWS):
        return len(result)
    for field in _PAGE_FIELDS:
        rows = getattr(result, field, None)
        if isinstance(rows, _ROWS) and not isinstance(rows, _NOT_ROWS):
            return len(rows)
    # One object is one item, so that None beside it makes the share of what was not found.
    return None if hasattr(result, "__iter__") or hasattr(result, "__len__") else 1


class InstrumentedQueryBus(Bus):
    """A query bus that records every query and the size of its result.

    Args:
        handlers: By class name or by class; objects with ``handle``, or callables; sync or async.
            Looked up at each execution, so handlers may be added later.
        telemetry: Where to record; by default to the global OpenTelemetry providers.
    """

    _no_handler = "No handler"

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
