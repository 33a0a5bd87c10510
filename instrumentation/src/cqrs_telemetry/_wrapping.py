"""Wrapping a callable so that what it does is recorded, and nothing else about it changes."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from copy import copy
from itertools import takewhile
from types import FunctionType, MethodType
from typing import Any, Final, cast

from ._calls import call
from ._generators import Begun, async_generator_function, generator_function
from ._operation import Operation

Begin = Callable[[Any], Operation]
_MISSING: Final = object()
_OF_COPIES = ("__copy__", "__deepcopy__", "__getstate__", "__setstate__", "__reduce_ex__")
_AWAITED = inspect.CO_ITERABLE_COROUTINE
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def wrap(function: Any, begin: Begin, what: str) -> Any:
    """A callable like ``function``, each call of which is an operation on its message.

    The message is the first argument, after ``self`` or ``cls``. The result is of the same kind as
    ``function``: a method stays bound, a coroutine function is one, and so on.

    Raises:
        TypeError: ``function`` cannot be called; ``what`` names the method of telemetry.
    """
    if isinstance(function, staticmethod | classmethod):
        return type(function)(wrap(function.__func__, begin, what))
    if not callable(function):
        raise TypeError(
            f"{what} takes a callable, not a {type(function).__name__}: wrap what an instance"
            f" gives for it, as in bus.dispatch = telemetry.{what}(bus.dispatch)"
        )
    return _wrap(function, _Message.of(function), begin)


class _Message:
    """Where a callable's arguments have the message."""

    def __init__(
        self, position: int, keyword: str, *, required: bool = False, bound: bool = False
    ) -> None:
        self._position = position
        self._keyword = keyword
        self._absent = _MISSING if required else None
        self._bound = bound  # perhaps, although its signature says otherwise

    @classmethod
    def of(cls, function: Callable[..., Any]) -> _Message:
        """By the callable's signature; the first argument when it has none."""
        found = _parameters(function, follow_wrapped=True)
        position = 1 if found and found[0].name in ("self", "cls") else 0
        # The method that functools.singledispatchmethod binds looks like the function inside.
        bound = position == 1 and not _parameters(function, follow_wrapped=False)
        if len(found) <= position:
            return cls(position, "", bound=bound)
        parameter = found[position]
        required = parameter.default is inspect.Parameter.empty
        return cls(position, parameter.name, required=required, bound=bound)

    def after(self, count: int) -> _Message:
        """In a callable that gets so many arguments before these."""
        other = copy(self)
        other._position += count
        return other

    def find(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The message; None where there need not be one, else ``_MISSING`` without one."""
        position = self._position
        if len(args) > position:
            return args[position]
        if self._keyword in kwargs:
            return kwargs[self._keyword]
        return args[-1] if self._bound and len(args) == position else self._absent


def _parameters(function: Callable[..., Any], *, follow_wrapped: bool) -> list[inspect.Parameter]:
    """The parameters up to the first that takes any number of arguments."""
    try:
        found = inspect.signature(function, follow_wrapped=follow_wrapped).parameters
    except Exception:  # some callables of C have none, and an object may raise anything
        return []
    return list(takewhile(lambda each: each.kind not in _VARIADIC, found.values()))


def _wrap(function: Any, message: _Message, begin: Begin) -> Any:
    if type(function) is functools.partial:
        inner = _wrap(function.func, message.after(len(function.args)), begin)
        return functools.partial(inner, *function.args, **function.keywords)
    if type(function) is MethodType:  # not isinstance: a mock's __class__ is what it stands for
        return MethodType(_wrap(function.__func__, message.after(1), begin), function.__self__)
    if type(function) is FunctionType:
        return functools.wraps(function)(_choose(function)(function, message, begin))
    if inspect.iscoroutinefunction(type(function).__call__):
        return _AsyncCallable(function, _wrap_coroutine_function(function, message, begin))
    wrapper = _wrap_function(function, message, begin)
    if hasattr(type(function), "__get__"):
        return _Descriptor(function, wrapper, begin)
    return _Callable(function, wrapper)


def _choose(function: Any) -> Callable[[Any, _Message, Begin], Any]:
    if inspect.iscoroutinefunction(function):
        return _wrap_coroutine_function
    if inspect.isasyncgenfunction(function):
        return _wrap_async_generator_function
    # One that types.coroutine has made is to be awaited.
    if inspect.isgeneratorfunction(function) and not function.__code__.co_flags & _AWAITED:
        return _wrap_generator_function
    return _wrap_function


def _wrap_function(function: Any, message: _Message, begin: Begin) -> Any:
    find = message.find

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        found = find(args, kwargs)
        if found is _MISSING:
            return function(*args, **kwargs)  # which says what is missing better than we could
        return call(begin(found), function, found, (args, kwargs))

    return wrapper


def _wrap_coroutine_function(function: Any, message: _Message, begin: Begin) -> Any:
    find = message.find

    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        found = find(args, kwargs)
        if found is _MISSING:
            return await function(*args, **kwargs)
        with begin(found) as operation:
            return operation.returned(await function(*args, **kwargs))

    return wrapper


def _wrap_generator_function(function: Any, message: _Message, begin: Begin) -> Any:
    return generator_function(functools.partial(_begin_generator, function, message, begin))


def _wrap_async_generator_function(function: Any, message: _Message, begin: Begin) -> Any:
    return async_generator_function(functools.partial(_begin_generator, function, message, begin))


def _begin_generator(
    function: Any, message: _Message, begin: Begin, /, *args: Any, **kwargs: Any
) -> Begun:
    found = message.find(args, kwargs)
    if found is _MISSING:
        return begin(None), function(*args, **kwargs)  # not entered: nothing is recorded
    operation = begin(found)
    with operation:
        operation.defer()
        return operation, function(*args, **kwargs)


class _Callable:
    """An object that can be called, instrumented; everything else that it can do is its own."""

    def __init__(self, function: Any, wrapper: Callable[..., Any]) -> None:
        self.__wrapped__ = function
        self.__doc__ = function.__doc__
        self._call = wrapper

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self._call(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name == "__wrapped__" or name in _OF_COPIES:  # of a copy that is being made
            raise AttributeError(name)
        return getattr(cast(Any, self.__wrapped__), name)


class _AsyncCallable(_Callable):
    """The same for an object whose ``__call__`` is a coroutine function."""

    async def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return await self._call(*args, **kwargs)


class _Descriptor(_Callable):
    """The same for what classes bind although it is no function, as functools.lru_cache gives."""

    def __init__(self, function: Any, wrapper: Callable[..., Any], begin: Begin) -> None:
        super().__init__(function, wrapper)
        self._begin = begin

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        bound = self.__wrapped__.__get__(instance, owner)
        return self if instance is None else _wrap(bound, _Message.of(bound), self._begin)
