"""The span of an operation, and what is current while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context, attach, detach
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
from ._context import current
from ._ends import in_sdk, interrupts_sdk
from ._outcomes import NoHandlerError

if TYPE_CHECKING:
    from contextvars import Token

    from ._recorder import Recorder
    from ._records import TypeRecord


class Traced:
    """What an operation does with its span. Operations set all of it: calling a base costs time."""

    __slots__ = ("_context", "_described", "_enclosing", "_mark", "_record", "_recorder", "_span",
                 "_token", "_traced")  # fmt: skip

    _context: Context | None  # with the span, if that is one
    _described: BaseException | None  # by an operation inside this one
    _enclosing: Traced | None
    _mark: Any  # token of being the current one
    _record: TypeRecord | None  # while under way, if not suppressed
    _recorder: Recorder
    _span: Span
    _token: Token[Context] | None  # while the context is current
    _traced: bool  # the span records what it is told

    def _start_span(
        self,
        name: str,
        parent: Context,
        attributes: dict[str, Any],
        links: list[Link] | None = None,
    ) -> None:
        span = self._span
        if span is INVALID_SPAN:
            if in_sdk and interrupts_sdk():
                return  # it counts, without a span
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

    def _finds_no_sdk(self, name: str, parent: Context) -> bool:
        """Ask whether the SDK that was not there is still not there, with a bare span.

        Describing a span costs as much as all else here, and without an SDK nobody reads it. The
        one span that comes too late for that is described after its start.
        """
        if in_sdk and interrupts_sdk():
            return True
        span = self._span = self._recorder.tracer.start_span(name, parent)
        self._recorder.silent = span is INVALID_SPAN
        return self._recorder.silent

    def _describe_failure(
        self, status: catalog.Status, error_type: str, exception: BaseException | None
    ) -> None:
        span = self._span
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

    def _leave_context(self) -> None:
        token, self._token = self._token, None
        if token is None:
            return
        mark, self._mark = self._mark, None  # which has the operation before this one
        try:
            current.reset(mark)
        except ValueError:
            # A coroutine that is dropped is closed wherever its last reference goes, in some other
            # context, which has to stay as it is.
            return
        detach(token)

    def _resume(self) -> None:
        """Make the operation and its span current again, in whichever task runs now."""
        if self._context is not None:
            self._token = attach(self._context)
            self._enclosing = current.get()
            self._mark = current.set(self)  # type: ignore[arg-type]  # always an Operation
