"""Running a handler inside its operation, whether it is async or not."""

from __future__ import annotations

import weakref
from collections.abc import Awaitable, Callable
from functools import partial
from inspect import CO_COROUTINE
from types import CodeType
from typing import Any

from ._operation import Operation

Arguments = tuple[tuple[Any, ...], dict[str, Any]] | None

# Classes known to be no awaitables, by id: hasattr is slow for these. A class that is made at run
# time must not live longer for having been a result.
_settled: dict[int, weakref.ref[type] | None] = {id(type(None)): None}


def is_coroutine_function(function: Callable[..., Any]) -> bool:
    """What ``inspect`` says of plain functions and methods, at a tenth of the cost."""
    code = getattr(function, "__code__", None)  # proxies and mocks answer anything
    return isinstance(code, CodeType) and bool(code.co_flags & CO_COROUTINE)


def is_awaitable(result: object) -> bool:
    """Whether a handler's result is still to be awaited."""
    cls = type(result)
    key = id(cls)
    if key in _settled:
        return False
    if hasattr(cls, "__await__"):
        return True
    _settled[key] = weakref.ref(cls, partial(_settled.pop, key))  # C alone: it is a finalizer
    return False


def call(
    operation: Operation, function: Callable[..., Any], message: Any, arguments: Arguments = None
) -> Any:
    """Run ``function`` inside ``operation``; an awaitable when the function is async.

    With the message alone, unless there are other ``arguments``: spreading these costs more.
    """
    code = getattr(function, "__code__", None)  # is_coroutine_function, without the call
    if isinstance(code, CodeType) and code.co_flags & CO_COROUTINE:
        return _call_async(operation, function, message, arguments)
    with operation:
        if arguments is None:
            result = function(message)
        else:
            args, kwargs = arguments
            result = function(*args, **kwargs)
        if id(type(result)) not in _settled and is_awaitable(result):
            operation._deferred = True
            return _await_later(operation, result, _Unawaited(operation))
        return operation.returned(result)


async def _call_async(
    operation: Operation, function: Callable[..., Any], message: Any, arguments: Arguments
) -> Any:
    # The operation starts with the first await, so that a coroutine which is never awaited
    # leaves nothing open.
    args, kwargs = arguments or ((message,), {})
    with operation:
        return operation.returned(await function(*args, **kwargs))


class _Unawaited:
    """Ends an operation whose awaitable was dropped, when the coroutine that holds this goes."""

    __slots__ = ("_operation",)

    def __init__(self, operation: Operation) -> None:
        self._operation = operation

    def __del__(self) -> None:
        self._operation.__exit__(GeneratorExit, GeneratorExit(), None)


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
