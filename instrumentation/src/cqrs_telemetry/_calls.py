"""Running a handler inside its operation, whether it is async, a generator or neither."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Coroutine, Iterable
from functools import wraps
from inspect import CO_COROUTINE, CO_ITERABLE_COROUTINE
from types import CodeType, CoroutineType, GeneratorType
from typing import Any

from ._classes import ByClass
from ._generators import GENERATORS, Guard
from ._operation import Operation

Arguments = tuple[tuple[Any, ...], dict[str, Any]] | None

# What is known of classes of results, as hasattr is slow.
_results: ByClass[None] = ByClass()  # no awaitables and no generators
_settled = _results.values
_results.keep(type(None), None)
_multipurpose: ByClass[None] = ByClass()  # awaitables that can be used in other ways as well

# What coroutines have that Python itself does not make, as Cython's.
_OF_COROUTINES = ("send", "throw", "close")
_ABOUT_COROUTINES = ("cr_", "gi_")
_PROTOCOLS = (
    "__aiter__", "__anext__", "__aenter__", "__iter__", "__next__", "__enter__", "__call__",
    "__len__", "__getitem__", "__contains__", "__getattr__",
)  # fmt: skip


def is_coroutine_function(function: Callable[..., Any]) -> bool:
    """What ``inspect`` says of plain functions and methods, at a tenth of the cost."""
    code = getattr(function, "__code__", None)  # proxies and mocks answer anything
    return type(code) is CodeType and bool(code.co_flags & CO_COROUTINE)


def call(
    operation: Operation, function: Callable[..., Any], message: Any, arguments: Arguments = None
) -> Any:
    """Run ``function`` inside ``operation``; a coroutine when the function is async.

    With the message alone, unless there are other ``arguments``: spreading these costs more.
    """
    code = getattr(function, "__code__", None)  # is_coroutine_function, without the call
    if type(code) is CodeType and code.co_flags & CO_COROUTINE:
        return _call_async(operation, function, message, arguments)
    with operation:
        if arguments is None:
            result = function(message)
        else:
            args, kwargs = arguments
            result = function(*args, **kwargs)
        if id(type(result)) not in _settled:
            return _give_back(operation, result)
        return operation.returned(result)


def coroutine_function(
    function: Callable[..., Any], prepare: Callable[..., tuple[Operation, Callable[..., Any], Any]]
) -> Callable[..., Coroutine[Any, Any, Any]]:
    """A method that calls what ``prepare`` finds, for callers that await; else as ``function``."""

    @wraps(function)
    async def run(*args: Any, **kwargs: Any) -> Any:
        operation, handler, message = prepare(*args, **kwargs)
        if is_coroutine_function(handler):
            with operation:
                return operation.returned(await handler(message))
        result = call(operation, handler, message)
        return await result if type(result) is CoroutineType else result

    return run


async def _call_async(
    operation: Operation, function: Callable[..., Any], message: Any, arguments: Arguments
) -> Any:
    # The operation starts with the first await, so that a coroutine which is never awaited
    # leaves nothing open.
    args, kwargs = arguments or ((message,), {})
    with operation:
        return operation.returned(await function(*args, **kwargs))


def _give_back(operation: Operation, result: Any) -> Any:
    """What the caller gets for a result that may have to be awaited.

    A coroutine comes back in place of a coroutine, and of an object that can be awaited and
    nothing else. A future, and whatever can be used in other ways too, comes back itself.
    """
    try:
        give = _choose_return(operation, result)
    except Exception as fault:  # of a metaclass or property
        operation._recorder.count_fault(fault)
        return result
    return give(operation, result)


def _choose_return(operation: Operation, result: Any) -> Callable[[Operation, Any], Any]:
    if not is_awaitable(result):
        if operation.exhausts and type(result) in GENERATORS:
            return _exhaust if type(result) is GeneratorType else _exhaust_later
        return _return
    if _is_future(result):
        return _return_future
    return _return_itself if _has_other_uses(result) else _await_later


def _return(operation: Operation, result: Any) -> Any:
    return operation.returned(result)


def _return_itself(_operation: Operation, result: Any) -> Any:
    return result  # and nothing is asked of it: that might run the query which it builds


def is_awaitable(result: object) -> bool:
    """Whether a handler's result is still to be awaited."""
    cls = type(result)
    if id(cls) in _settled:
        return False
    if hasattr(cls, "__await__"):
        return True
    if type(result) in GENERATORS:
        code = result.gi_code if type(result) is GeneratorType else None
        return code is not None and bool(code.co_flags & CO_ITERABLE_COROUTINE)
    _results.keep(cls, None)
    return False


def _has_other_uses(result: object) -> bool:
    """Whether an awaitable has something else that its users may want."""
    cls = type(result)
    if cls is CoroutineType or cls is GeneratorType:
        return False
    if id(cls) in _multipurpose.values:
        return True
    if any(_is_use(name) for name in dir(cls)):
        _multipurpose.keep(cls, None)
        return True
    return any(_is_use(name) for name in getattr(result, "__dict__", ()))


def _is_use(name: str) -> bool:
    if name.startswith("_"):
        return name in _PROTOCOLS
    return name not in _OF_COROUTINES and not name.startswith(_ABOUT_COROUTINES)


def _await_later(operation: Operation, awaitable: Awaitable[Any]) -> Any:
    operation._deferred = True
    return _await(operation, awaitable, Guard(operation, GeneratorExit))


def _exhaust(_operation: Operation, rows: Iterable[Any]) -> None:
    for _ in rows:
        pass


def _exhaust_later(operation: Operation, rows: AsyncIterable[Any]) -> Any:
    async def exhaust() -> None:
        async for _ in rows:
            pass

    return _await_later(operation, exhaust())


async def _await(operation: Operation, awaitable: Awaitable[Any], _guard: Guard) -> Any:
    operation._deferred = False
    operation._resume()
    try:
        result = operation.returned(await awaitable)
    except BaseException as exception:
        operation.__exit__(type(exception), exception, None)
        raise
    operation.__exit__(None, None, None)
    return result


def _is_future(result: Any) -> bool:
    """Whether this is a future or task of asyncio, which can be asked without being retrieved."""
    return hasattr(type(result), "_asyncio_future_blocking") and hasattr(result, "_exception")


def _return_future(operation: Operation, future: Any) -> Any:
    operation._deferred = True
    guard = Guard(operation, GeneratorExit)  # lives as long as the future waits for something

    def end(done: Any, _guard: Guard = guard) -> None:
        operation._deferred = False
        # Not exception(): asyncio would no longer tell of one that nobody retrieves.
        exception = _cancellation() if done.cancelled() else done._exception
        if exception is not None:
            operation.__exit__(type(exception), exception, None)
            return
        if type(done.result()) not in GENERATORS:
            operation.returned(done.result())
        operation.__exit__(None, None, None)

    future.add_done_callback(end)
    return future


def _cancellation() -> BaseException:
    from asyncio import CancelledError  # whoever has a future has imported it

    return CancelledError()
