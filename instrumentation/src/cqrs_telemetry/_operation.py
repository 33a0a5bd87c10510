"""One operation: the span, the duration, the outcome and the counts of a message being handled.

This is the one seam between business code and telemetry. Whatever telemetry raises is caught here,
counted and logged; whatever the business code raises passes through unaltered.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from inspect import CO_COROUTINE
from time import perf_counter, time
from types import CodeType, TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from opentelemetry.context import Context, attach, detach, get_current
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    Span,
    SpanKind,
    Status,
    StatusCode,
    set_span_in_context,
)

from . import catalog
from ._context import is_suppressed

if TYPE_CHECKING:
    from contextvars import Token

    from opentelemetry.metrics import Histogram

    from ._recorder import Recorder, TypeRecord

Self = TypeVar("Self", bound="Operation")
Result = TypeVar("Result")

_settled: set[type] = {type(None)}  # classes known to be no awaitables: hasattr is slow for these
_MAX_SETTLED = 1000  # classes can be made without end
# The operation around the one that begins, where there are spans; see _describe_failure.
_enclosing: ContextVar[Operation | None] = ContextVar("cqrs_operation", default=None)


class NoHandlerError(ValueError):
    """A bus was given a message that it has no handler for."""

    def __init__(self, message: str, description: str = "No handler") -> None:
        super().__init__(message)
        self.description = description


class Operation:
    """A message being handled; a context manager, used once.

    It lives in the thread or task that entered it. ``reject`` marks an outcome that the domain
    expects and that is not an exception.
    """

    # Making one runs nothing that can fail: everything is resolved in __enter__, inside the seam.
    __slots__ = (
        "_context",
        "_deferred",
        "_described",
        "_enclosing",
        "_message",
        "_record",
        "_recorder",
        "_rejection",
        "_span",
        "_start",
        "_token",
        "_traced",
    )

    _counts = True  # a batch does not: its events do

    def __init__(self, recorder: Recorder, message: Any) -> None:
        self._recorder = recorder
        self._message: Any = message
        self._record: TypeRecord | None = None  # while under way, if not suppressed
        self._rejection: str | None = None
        self._deferred = False
        self._span: Span = INVALID_SPAN
        self._traced = False  # the span records what it is told
        self._context: Context | None = None
        self._token: Token[Context] | None = None
        self._enclosing: Operation | None = None
        self._described: BaseException | None = None  # by an operation inside this one

    def __enter__(self: Self) -> Self:
        current = get_current()
        if current and is_suppressed(current):
            return self
        try:
            self._begin(current)
        except Exception as fault:  # without a span the operation still counts
            self._recorder.count_fault(fault)
        record = self._record
        if record is not None:
            if record.active is not None:
                record.active.add(self)
            self._start = perf_counter()
        return self

    def _begin(self, current: Context, /) -> None:
        """Find the record of the message's type and start the span."""
        raise NotImplementedError

    def _start_span(
        self,
        name: str,
        parent: Context,
        attributes: dict[str, Any],
        links: list[Link] | None = None,
    ) -> None:
        span = self._span
        if span is INVALID_SPAN:
            span = self._span = self._recorder.tracer.start_span(
                name, parent, SpanKind.INTERNAL, attributes, links
            )
            if span is INVALID_SPAN:  # no SDK: nothing to make current
                self._recorder.silent = True
                return
        else:  # an SDK has come just now, see _finds_no_sdk
            span.set_attributes(attributes)
            for link in links or ():
                span.add_link(link.context)
        self._traced = span.is_recording()
        if self._traced or span.get_span_context().is_valid:
            self._context = set_span_in_context(span, parent)
            self._token = attach(self._context)
            self._enclosing = _enclosing.get()
            _enclosing.set(self)

    def _finds_no_sdk(self, name: str, parent: Context) -> bool:
        """Ask whether the SDK that was not there is still not there, with a bare span.

        Describing a span costs as much as all else here, and without an SDK nobody reads it. The
        one span that comes too late for that is described after its start.
        """
        span = self._span = self._recorder.tracer.start_span(name, parent)
        self._recorder.silent = span is INVALID_SPAN
        return self._recorder.silent

    def __exit__(
        self,
        _type: type[BaseException] | None,
        exception: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if self._record is None:
            return
        if self._deferred and exception is None:
            self._leave_context(None)
        else:
            self._finish(exception)

    def reject(self, reason: str = "") -> None:
        """End as rejected by the domain; ``reason`` becomes ``error.type``, so keep it a class."""
        self._rejection = reason or catalog.REJECTED

    def returned(self, result: Result) -> Result:
        """Take what the handler returned; gives back what the caller should get."""
        return result

    def _finish(self, exception: BaseException | None) -> None:
        elapsed = (perf_counter() - self._start) * 1000
        record = self._record
        assert record is not None  # noqa: S101 - it is under way
        self._record = None
        if record.active is not None:
            record.active.discard(self)
        try:
            status, error_type = catalog.SUCCESS, self._rejection
            if exception is not None:
                status, error_type = self._recorder.classify(exception), type(exception).__name__
            elif error_type is not None:
                status = catalog.REJECTED
            if error_type is not None:
                error_type = self._recorder.error_types.fold(error_type)
                self._describe_failure(status, error_type, exception)
            if self._counts:  # first the count, which no provider can fail
                outcome = (
                    record.success if error_type is None else record.outcome(status, error_type)
                )
                outcome.cell.increment()
                if outcome.last is not None:
                    outcome.last.value = time()
                record.duration.record(elapsed, outcome.attributes, self._context)
            if error_type is None and record.amount is not None:
                self._measure(record, record.amount)
        except Exception as fault:
            self._recorder.count_fault(fault)
        finally:
            if self._span is not INVALID_SPAN:
                if self._token is not None:
                    self._leave_context(exception)
                try:
                    self._span.end()
                except Exception as fault:
                    self._recorder.count_fault(fault)
            # Contexts that tasks copied meanwhile may keep this for as long as they live.
            self._message = self._enclosing = self._described = None

    def _measure(self, record: TypeRecord, amount: Histogram, /) -> None:
        """After success, record what only this side measures, inside the span."""
        raise NotImplementedError

    def _describe_failure(
        self, status: catalog.Status, error_type: str, exception: BaseException | None
    ) -> None:
        if not self._traced:
            return
        span = self._span
        try:
            span.set_attribute(self._recorder.path.span_status.key, status)
            span.set_attribute(catalog.ERROR_TYPE.key, error_type)
            if status != catalog.ERROR or exception is None:
                return
            known = exception if isinstance(exception, NoHandlerError) else None
            span.set_status(Status(StatusCode.ERROR, known.description if known else None))
            # The operation that an exception comes from describes it; those around it only fail.
            enclosing = self._enclosing
            if enclosing is not None and enclosing._record is not None:
                enclosing._described = exception
            if exception is not self._described:
                span.record_exception(exception)  # last: it calls str() of a foreign exception
        except Exception as fault:
            self._recorder.count_fault(fault)

    def _leave_context(self, exception: BaseException | None) -> None:
        token, self._token = self._token, None
        # A coroutine that is dropped is closed wherever its last reference goes, in some other
        # context, which has to stay as it is.
        if token is None or (
            isinstance(exception, GeneratorExit) and get_current() is not self._context
        ):
            return
        detach(token)
        _enclosing.set(self._enclosing)

    def _resume(self) -> None:
        """Make the span current again, in whichever task runs now."""
        if self._context is not None:
            self._token = attach(self._context)
            _enclosing.set(self)


def is_cancellation(exception: BaseException) -> bool:
    """Whether an exception means that the caller went away."""
    if isinstance(exception, GeneratorExit):
        return True
    # Who raises theirs has imported them; importing asyncio takes longer than all of this package.
    for name in ("asyncio", "concurrent.futures"):
        if isinstance(exception, getattr(sys.modules.get(name), "CancelledError", ())):
            return True
    cls = type(exception)
    return cls.__name__ == "Cancelled" and cls.__module__.startswith("trio")


def type_name(message: Any) -> str:
    """Class name of a message; a string is the name itself."""
    cls = type(message)  # not isinstance: a proxy's __class__ may raise
    if issubclass(cls, str):
        return str(message)
    return message.__name__ if issubclass(cls, type) else cls.__name__


def is_coroutine_function(function: Callable[..., Any]) -> bool:
    """What ``inspect`` says of plain functions and methods, at a tenth of the cost."""
    code = getattr(function, "__code__", None)  # proxies and mocks answer anything
    return isinstance(code, CodeType) and bool(code.co_flags & CO_COROUTINE)


def is_awaitable(result: object) -> bool:
    """Whether a handler's result is still to be awaited."""
    cls = type(result)
    if cls in _settled:
        return False
    if hasattr(cls, "__await__"):
        return True
    if len(_settled) < _MAX_SETTLED:
        _settled.add(cls)
    return False


def call(operation: Operation, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Run ``function`` inside ``operation``; an awaitable when the function is async."""
    code = getattr(function, "__code__", None)  # is_coroutine_function, without the call
    if isinstance(code, CodeType) and code.co_flags & CO_COROUTINE:
        return _call_async(operation, function, args, kwargs)
    with operation:
        result = function(*args, **kwargs)
        if type(result) not in _settled and is_awaitable(result):
            operation._deferred = True
            return _await_later(operation, result, _Unawaited(operation))
        return operation.returned(result)


async def _call_async(
    operation: Operation, function: Callable[..., Any], args: Any, kwargs: Any
) -> Any:
    # The operation starts with the first await, so that a coroutine which is never awaited
    # leaves nothing open.
    with operation:
        return operation.returned(await function(*args, **kwargs))


class _Unawaited:
    """Ends an operation whose awaitable was dropped, when the coroutine that holds this goes."""

    __slots__ = ("_operation",)

    def __init__(self, operation: Operation) -> None:
        self._operation = operation

    def __del__(self) -> None:
        if self._operation._record is not None:
            self._operation._finish(GeneratorExit())


async def _await_later(operation: Operation, awaitable: Awaitable[Any], _guard: _Unawaited) -> Any:
    operation._deferred = False
    operation._resume()
    try:
        result = operation.returned(await awaitable)
    except BaseException as exception:
        operation.__exit__(type(exception), exception, None)
        raise
    operation.__exit__(None, None, None)
    return result
