"""One operation: the span, the duration, the outcome and the counts of a message being handled.

This is the one seam between business code and telemetry. Whatever telemetry raises is caught here,
counted and logged; whatever the business code raises passes through unaltered.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Awaitable, Callable
from inspect import CO_COROUTINE
from time import perf_counter
from types import CodeType, TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach, get_current
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, set_span_in_context

from . import catalog
from ._context import is_suppressed

if TYPE_CHECKING:
    from contextvars import Token

    from ._recorder import Recorder, TypeRecord

Self = TypeVar("Self", bound="Operation")
Result = TypeVar("Result")

_CANCELLATIONS = (asyncio.CancelledError, concurrent.futures.CancelledError, GeneratorExit)


class NoHandlerError(ValueError):
    """A bus was given a message that it has no handler for."""

    def __init__(self, message: str, description: str) -> None:
        super().__init__(message)
        self.description = description


class Operation:
    """A message being handled; a context manager, used once.

    It lives in the thread or task that entered it. ``reject`` marks an outcome that the domain
    expects and that is not an exception.
    """

    __slots__ = (
        "_attributes",
        "_context",
        "_deferred",
        "_entered",
        "_error_type",
        "_links",
        "_parent",
        "_record",
        "_recorder",
        "_span",
        "_start",
        "_status",
        "_token",
    )

    _own_span = True

    def __init__(
        self,
        recorder: Recorder,
        record: TypeRecord | None,
        attributes: dict[str, Any],
        parent: Context | None = None,
        links: list[Link] | None = None,
    ) -> None:
        self._recorder = recorder
        self._record = record  # None: telemetry is suppressed, or failed before the start
        self._attributes = attributes
        self._parent = parent
        self._links = links
        self._status: catalog.Status = catalog.SUCCESS
        self._error_type: str | None = None
        self._deferred = False
        self._entered = False
        self._context: Context | None = None
        self._span: Span = trace.INVALID_SPAN
        self._token: Token[Context] | None = None
        self._start = 0.0

    def __enter__(self: Self) -> Self:
        record = self._record
        if record is not None:
            try:
                current = get_current()
                if is_suppressed(current):
                    self._record = None
                    return self
                if self._own_span:
                    self._start_span(record, current)
            except Exception as fault:  # without a span the operation still counts
                self._recorder.count_fault(fault)
            if record.active is not None:
                record.active.add(1)
            self._entered = True
            self._start = perf_counter()
        return self

    def _start_span(self, record: TypeRecord, current: Context) -> None:
        parent = self._parent if self._parent is not None else current
        span = self._span = self._recorder.tracer.start_span(
            record.span_name, parent, SpanKind.INTERNAL, self._attributes, self._links
        )
        if span.get_span_context().is_valid:  # not so without an SDK: nothing to make current
            self._context = set_span_in_context(span, parent)
            self._token = attach(self._context)

    def __exit__(
        self,
        _type: type[BaseException] | None,
        exception: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if not self._entered:
            return
        if self._deferred and exception is None:
            self._leave_context()
            return
        self._finish(exception)

    def reject(self, reason: str = "") -> None:
        """End as rejected by the domain; ``reason`` becomes ``error.type``, so keep it a class."""
        self._status = catalog.REJECTED
        self._error_type = reason or catalog.REJECTED

    def returned(self, result: Result) -> Result:
        """Take what the handler returned; gives back what the caller should get."""
        return result

    def _finish(self, exception: BaseException | None) -> None:
        elapsed = (perf_counter() - self._start) * 1000
        self._entered = False
        record, span = self._record, self._span
        assert record is not None  # noqa: S101 - _entered says so
        try:
            status, error_type = self._status, self._error_type
            if exception is not None:
                status = self._recorder.classify(exception)
                error_type = type(exception).__name__
            if error_type is not None:
                error_type = self._recorder.error_types.fold(error_type)
            if status != catalog.SUCCESS:
                self._describe_failure(status, error_type, exception)
            self._measure(record, status, error_type, elapsed)
        except Exception as fault:
            self._recorder.count_fault(fault)
        finally:
            self._leave_context()
            try:
                if record.active is not None:
                    record.active.add(-1)
                span.end()
            except Exception as fault:
                self._recorder.count_fault(fault)

    def _measure(
        self, record: TypeRecord, status: catalog.Status, error_type: str | None, elapsed: float, /
    ) -> None:
        """Record metrics, inside the span; first the count, which no provider can fail."""
        record.total(status, error_type).add(1)
        record.duration.record(elapsed, record.duration_attributes(status), self._context)

    def _describe_failure(
        self, status: catalog.Status, error_type: str | None, exception: BaseException | None
    ) -> None:
        span = self._span
        try:
            if not span.is_recording():
                return
            span.set_attribute(self._recorder.path.span_status.key, status)
            if error_type is not None:
                span.set_attribute(catalog.ERROR_TYPE.key, error_type)
            if status == catalog.ERROR and exception is not None:
                known = exception if isinstance(exception, NoHandlerError) else None
                description = known.description if known else None
                span.set_status(Status(StatusCode.ERROR, description))
                span.record_exception(exception)  # last: it calls str() of a foreign exception
        except Exception as fault:
            self._recorder.count_fault(fault)

    def _leave_context(self) -> None:
        token, self._token = self._token, None
        if token is not None:
            detach(token)

    def _resume(self) -> None:
        """Make the span current again, in whichever task runs now."""
        if self._context is not None:
            self._token = attach(self._context)


def is_cancellation(exception: BaseException) -> bool:
    """Whether an exception means that the caller went away; trio's is known by its name."""
    return isinstance(exception, _CANCELLATIONS) or (
        type(exception).__name__ == "Cancelled" and type(exception).__module__.startswith("trio")
    )


def is_coroutine_function(function: Callable[..., Any]) -> bool:
    """What ``inspect`` says of plain functions and methods, at a tenth of the cost."""
    code = getattr(function, "__code__", None)  # proxies and mocks answer anything
    return isinstance(code, CodeType) and bool(code.co_flags & CO_COROUTINE)


def call(operation: Operation, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Run ``function`` inside ``operation``; an awaitable when the function is async."""
    if is_coroutine_function(function):
        return _call_async(operation, function, args, kwargs)
    with operation:
        result = function(*args, **kwargs)
        if hasattr(type(result), "__await__"):
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
        if self._operation._entered:
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
