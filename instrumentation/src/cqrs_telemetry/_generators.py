"""Generators that a message returns or is handled by: its operation lasts until they end.

What comes back is a native generator, so that ``inspect`` and the event loop treat it as they do
the one inside. Its span is current only while the code inside runs.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from types import AsyncGeneratorType, GeneratorType, TracebackType
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context, attach, detach

from ._context import current

if TYPE_CHECKING:
    from contextvars import Token

    from ._operation import Operation

GENERATORS = (GeneratorType, AsyncGeneratorType)

Begun = tuple["Operation", Any]
"""An operation, and the generator that it lasts as long as."""


def follow(operation: Operation, rows: Any) -> Any:
    """The generator that the caller gets in place of ``rows``; the operation ends with it."""
    operation.defer()
    start = _follow_async if isinstance(rows, AsyncGeneratorType) else _follow
    followed: Any = start(operation, rows, Guard(operation))
    followed.__name__, followed.__qualname__ = rows.__name__, rows.__qualname__
    return followed


class Guard:
    """Ends an operation when what holds this goes: a generator or awaitable that was dropped."""

    __slots__ = ("_exception", "_operation")

    def __init__(self, operation: Operation, exception: type[BaseException] | None = None) -> None:
        self._operation = operation
        self._exception = exception  # how the operation fails; None is a success

    def __del__(self) -> None:
        operation, exception = self._operation, self._exception
        if operation._record is not None:
            operation._deferred = False
            operation.__exit__(GeneratorExit, exception() if exception else None, None)


def generator_function(begin: Callable[..., Begun]) -> Callable[..., Generator[Any, Any, Any]]:
    """A generator function that passes on the generator which ``begin`` starts.

    ``begin`` gets the arguments when the first row is asked for, as any generator function would.
    A row or exception passes through a list: a variable would keep it alive after that.
    """

    def followed(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        operation, rows = begin(*args, **kwargs)
        resume: Callable[..., Any] = rows.send
        passed: list[Any] = [None]
        while True:
            try:
                with _Step(operation):
                    passed.append(resume(passed.pop()))
            except StopIteration as stop:  # only the generator's own end: PEP 479
                return stop.value
            if operation._record is not None:
                operation.yielded(passed[0])
            try:
                passed.append((yield passed.pop()))
            except GeneratorExit:
                with _Step(operation, last=True):
                    rows.close()
                raise
            except BaseException as exception:
                resume = rows.throw
                passed.append(exception)
            else:
                resume = rows.send

    return followed


def async_generator_function(
    begin: Callable[..., Begun],
) -> Callable[..., AsyncGenerator[Any, Any]]:
    """The same for an asynchronous generator."""

    async def followed(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        operation, rows = begin(*args, **kwargs)
        resume: Callable[..., Any] = rows.asend
        passed: list[Any] = [None]
        while True:
            try:
                with _Step(operation):
                    passed.append(await resume(passed.pop()))
            except StopAsyncIteration:
                return
            if operation._record is not None:
                operation.yielded(passed[0])
            try:
                passed.append((yield passed.pop()))
            except GeneratorExit:
                with _Step(operation, last=True):
                    await rows.aclose()
                raise
            except BaseException as exception:
                resume = rows.athrow
                passed.append(exception)
            else:
                resume = rows.asend

    return followed


def _returned(operation: Operation, rows: Any, _guard: Guard) -> Begun:
    return operation, rows


_follow = generator_function(_returned)
_follow_async = async_generator_function(_returned)


class _Step:
    """One resumption of a generator, inside its operation's span."""

    __slots__ = ("_last", "_mark", "_operation", "_token")

    def __init__(self, operation: Operation, *, last: bool = False) -> None:
        self._operation = operation
        self._last = last
        self._token: Token[Context] | None = None

    def __enter__(self) -> None:
        context = self._operation._context
        if context is not None and self._operation._record is not None:
            self._token = attach(context)
            self._mark = current.set(self._operation)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if self._token is not None:
            try:
                current.reset(self._mark)
            except ValueError:
                pass  # a finalizer throws in some other context, which has to stay as it is
            else:
                detach(self._token)
        operation = self._operation
        if operation._record is None or (exception is None and not self._last):
            return
        operation._deferred = False
        # The finalizer of a generator around this one closes it or throws into it.
        if self._last or isinstance(exception, GeneratorExit):
            kind = GeneratorExit
        if isinstance(exception, StopIteration | StopAsyncIteration | GeneratorExit):
            exception = None
        operation.__exit__(kind, exception, None)
