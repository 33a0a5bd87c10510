"""The read side: queries, their outcome, and the size of what they return."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence, Set, ValuesView
from types import AsyncGeneratorType, GeneratorType, TracebackType
from typing import TYPE_CHECKING, Any, cast

from opentelemetry.context import Context, attach, detach

from . import catalog
from ._bus import Bus
from ._operation import Operation, Result

if TYPE_CHECKING:
    from contextvars import Token

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
        name = type(query).__name__
        try:
            record = recorder.by_name[name]
        except KeyError:
            record, name = recorder.find(query)
        self._record = record
        if recorder.silent and self._finds_no_sdk(record.span_name, current):
            return
        self._start_span(record.span_name, current, {_SIDE: catalog.READ, _TYPE: name})

    def returned(self, result: Result) -> Result:
        """Take the query's result and record its size at the end.

        Collections and pages (``items`` or ``results`` that is a collection) count their rows,
        one object counts 1 and ``None`` 0. A generator comes back wrapped: its rows are counted as
        they are consumed, and the operation ends with it. Text, bytes, mappings and lazy sets have
        no size: their length says something else, or costs another query.
        """
        if self._record is None:
            return result
        try:
            if isinstance(result, GeneratorType):
                self._deferred = True
                return cast(Result, _CountedGenerator(self, result))
            if isinstance(result, AsyncGeneratorType):
                self._deferred = True
                return cast(Result, _CountedAsyncGenerator(self, result))
            self._amount = result_size(result)
        except Exception as fault:
            self._recorder.count_fault(fault)
        return result

    def step(self, *, last: bool = False) -> _Step:
        """One resumption of the generator that this query returned."""
        return _Step(self, last)

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


class _CountedGenerator(Generator[Any, Any, Any]):
    """A generator whose query ends with it; its span is current only while its code runs."""

    def __init__(self, operation: QueryOperation, rows: Generator[Any, Any, Any]) -> None:
        self._operation = operation
        self._rows = rows

    def send(self, value: Any) -> Any:
        return self._step(self._rows.send, value)

    def throw(self, *error: Any) -> Any:
        return self._step(self._rows.throw, *error)

    def close(self) -> None:
        with self._operation.step(last=True):
            self._rows.close()

    def __del__(self) -> None:
        self.close()  # a generator that nobody started has no other end

    def _step(self, resume: Callable[..., Any], *args: Any) -> Any:
        with self._operation.step():
            return resume(*args)


class _CountedAsyncGenerator(AsyncGenerator[Any, Any]):
    """The same for an asynchronous generator."""

    def __init__(self, operation: QueryOperation, rows: AsyncGenerator[Any, Any]) -> None:
        self._operation = operation
        self._rows = rows

    async def asend(self, value: Any) -> Any:
        return await self._step(self._rows.asend, value)

    async def athrow(self, *error: Any) -> Any:
        return await self._step(self._rows.athrow, *error)

    async def aclose(self) -> None:
        with self._operation.step(last=True):
            await self._rows.aclose()

    def __del__(self) -> None:
        with self._operation.step(last=True):
            """Nothing to run: only the end to record."""

    async def _step(self, resume: Callable[..., Any], *args: Any) -> Any:
        with self._operation.step():
            return await resume(*args)


class _Step:
    """One resumption of a generator, inside its query's span.

    The token is the step's own: a generator that is resumed while it runs raises, and the step
    that it runs in still has to leave the context.
    """

    __slots__ = ("_last", "_operation", "_token")

    def __init__(self, operation: QueryOperation, last: bool) -> None:
        self._operation = operation
        self._last = last
        self._token: Token[Context] | None = None

    def __enter__(self) -> None:
        context = self._operation._context
        if context is not None and self._operation._record is not None:
            self._token = attach(context)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if self._token is not None:
            detach(self._token)
        operation = self._operation
        if operation._record is None:
            return
        rows = operation._amount or 0
        if exception is None and not self._last:
            operation._amount = rows + 1
            return
        operation._amount = rows
        operation._deferred = False
        # The finalizer of a generator around this one closes it or throws into it.
        if self._last or isinstance(exception, GeneratorExit):
            kind = GeneratorExit
        if isinstance(exception, StopIteration | StopAsyncIteration | GeneratorExit):
            exception = None
        operation.__exit__(kind, exception, None)


class InstrumentedQueryBus(Bus):
    """A query bus that records every query and the size of its result.

    Args:
        handlers: By class name or by class; objects with ``handle``, or callables; sync or async.
            Looked up at each execution, so handlers may be added later.
        telemetry: Where to record; by default to the global OpenTelemetry providers.
    """

    _no_handler = "No handler"

    def __init__(
        self, handlers: Mapping[Any, Any], *, telemetry: CqrsTelemetry | None = None
    ) -> None:
        super().__init__(handlers, telemetry)
        self._telemetry.queries.declare(self._names())

    def execute(self, query: Any) -> Any:
        """Answer ``query``; an awaitable when its handler is async.

        Raises:
            NoHandlerError: a ``ValueError``, when there is no handler for the query's class.
        """
        return self._run(QueryOperation(self._telemetry.queries, query), query)
