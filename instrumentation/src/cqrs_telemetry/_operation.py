"""One operation: the span, the duration, the outcome and the counts of a message being handled.

This is the one seam between business code and telemetry. Whatever telemetry raises is caught here,
counted and logged; whatever the business code raises passes through unaltered.
"""

from __future__ import annotations

from functools import partial
from itertools import count
from threading import get_ident
from time import perf_counter, time, time_ns
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from opentelemetry.context import Context, attach, get_current
from opentelemetry.trace import (
    INVALID_SPAN,
)

from . import catalog
from ._context import current, is_suppressed
from ._ends import in_sdk, leave_sdk, must_wait
from ._generators import GENERATORS, follow
from ._outcomes import is_from_finalizer
from ._spans import Traced

if TYPE_CHECKING:
    from ._recorder import Recorder
    from ._records import Outcome, TypeRecord

Self = TypeVar("Self", bound="Operation")
Result = TypeVar("Result")

# Whether operations without a span become the current one too. That costs each about 0.9 µs, so it
# is off until current_operation() is imported. Operations with a span always do.
_tracks = False


class Operation(Traced):
    """A message being handled; a context manager, used once.

    It lives in the thread or task that entered it. ``reject`` marks an outcome that the domain
    expects and that is not an exception.
    """

    # Making one runs nothing that can fail: everything is resolved in __enter__, inside the seam.
    __slots__ = (
        "_aggregate_id",
        "_amount",
        "_counts",
        "_deferred",
        "_ended",
        "_message",
        "_rejection",
        "_start",
    )

    exhausts: ClassVar[bool] = False  # runs a generator that its handler returns

    # Set where they are needed first: each costs time in every operation.
    _amount: float | None  # where the side records one
    _ended: count[int]  # of what is in flight
    _start: float

    def __init__(self, recorder: Recorder, message: Any, aggregate_id: Any = None) -> None:
        self._recorder = recorder
        self._message: Any = message
        self._aggregate_id: Any = aggregate_id  # as given; only commands have one
        self._record = None
        self._counts = True  # a batch does not: its events do
        self._rejection: str | None = None
        self._deferred = False
        self._span = INVALID_SPAN
        self._traced = False
        self._context = None

    def __enter__(self: Self) -> Self:
        context = get_current()
        if context and is_suppressed(context):
            return self
        recorder = self._recorder
        if recorder.waiting:
            recorder.ends.report_waiting()
        try:
            self._begin(context)
            if self._context is not None or (_tracks and self._record is not None):
                if self._context is None:
                    self._context = context
                self._token = attach(self._context)
                self._described = None
                self._enclosing = current.get()
                self._mark = current.set(self)
        except Exception as fault:  # without a span the operation still counts
            recorder.count_fault(fault)
        record = self._record
        if record is not None:
            if record.active is not None:
                next(record.active.begun)
                self._ended = record.active.ended
            self._start = perf_counter()
        return self

    def _begin(self, context: Context, /) -> None:
        """Find the record of the message's type and start the span."""
        raise NotImplementedError

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        # GeneratorExit without an exception: closed, as finalizers do too, and so without failure.
        record = self._record
        if record is None:
            return
        if self._deferred and exception is None:
            if self._context is not None:
                self._leave_context()
            return
        # First stop, which calls nothing of the SDK.
        elapsed = (perf_counter() - self._start) * 1000
        self._record = None
        if record.active is not None:
            next(self._ended)
        if self._context is not None:
            self._leave_context()
        if record.measures and exception is None and self._rejection is None:
            self._measure(record)
        # Contexts that tasks copied meanwhile may keep this for as long as they live.
        self._message = self._aggregate_id = None
        # Then report, unless this may be a finalizer or signal handler that interrupts the SDK.
        waiting, me = self._recorder.waiting, get_ident()
        if (
            kind is GeneratorExit
            or (me in in_sdk and must_wait(me))
            or (exception is not None and is_from_finalizer(exception))
        ):
            waiting.append(partial(self._report, record, exception, elapsed, time_ns()))
            return
        in_sdk[me] = None
        try:
            self._report(record, exception, elapsed)
        finally:
            leave_sdk(me, None)
        if waiting:
            self._recorder.ends.report()

    def reject(self, reason: str = "") -> None:
        """End as rejected by the domain; ``reason`` becomes ``error.type``, so keep it a class."""
        self._rejection = reason or catalog.REJECTED

    def returned(self, result: Result) -> Result:
        """Take what the handler returned; gives back what the caller should get.

        A generator comes back inside another one, with which the operation ends.
        """
        if self._record is not None and type(result) in GENERATORS:
            return cast(Result, follow(self, result))
        return result

    def yielded(self, _row: Any, /) -> None:
        """Take what a generator that the handler returned has yielded. Never raises."""

    def defer(self) -> None:
        """End with a generator, not with the block."""
        self._deferred = True

    def _report(
        self,
        record: TypeRecord,
        exception: BaseException | None,
        elapsed: float,
        ended: int | None = None,
    ) -> None:
        """Record the outcome and end the span; ``ended`` says when, if that is not now."""
        try:
            failed = exception is not None or self._rejection is not None
            outcome = self._fail(record, exception) if failed else record.success
            if self._counts:  # first the count, which no provider can fail
                next(outcome.cell.steps)
                if outcome.last is not None:
                    if ended is None:
                        outcome.last.value = time()
                    else:
                        outcome.last.value = max(ended / 1e9, outcome.last.value or 0)
                record.duration.record(elapsed, outcome.attributes, self._context)
            if record.amount is not None and not failed:
                if self._amount is not None:
                    record.amount.record(self._amount, record.base, self._context)
                if self._traced:
                    self._describe_success()
        except Exception as fault:
            self._recorder.count_fault(fault)
        finally:
            if self._span is not INVALID_SPAN:
                try:
                    self._span.end(ended)
                except Exception as fault:
                    self._recorder.count_fault(fault)
            if self._context is not None:
                self._enclosing = self._described = None

    def _measure(self, record: TypeRecord, /) -> None:
        """After success, find the amount that only this side records. Never raises."""
        raise NotImplementedError

    def _describe_success(self) -> None:
        raise NotImplementedError

    def _fail(self, record: TypeRecord, exception: BaseException | None) -> Outcome:
        status, error_type = catalog.REJECTED, self._rejection or catalog.REJECTED
        if exception is not None:
            status, error_type = self._recorder.classify(exception)
        error_type = self._recorder.error_types.fold(error_type)
        if self._traced:
            try:
                self._describe_failure(status, error_type, exception)
            except Exception as fault:
                self._recorder.count_fault(fault)
        elif self._context is not None and self._enclosing is not None:
            self._enclosing._described = self._described
        return record.outcome(status, error_type) if self._counts else record.success


def track_operations() -> None:
    """Make every operation the current one while it runs, also without a span."""
    global _tracks
    _tracks = True


def current_operation() -> Operation | None:
    """Return the innermost command, query or event that is being handled here.

    For code inside handlers, such as a unit of work, that reports events (``produced`` of a
    ``CommandOperation``) or an outcome (``reject``). None outside operations and where
    instrumentation is suppressed. Each task and thread has its own; a new task inherits that of
    the code that starts it.
    """
    operation = current.get()
    if operation is None or operation._record is None or is_suppressed(get_current()):
        return None
    return operation
