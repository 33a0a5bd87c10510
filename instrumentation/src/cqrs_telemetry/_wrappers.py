"""Instrumentation of callables that a service has: what ``CqrsTelemetry`` wraps."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import timedelta
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, TypeVar, overload

from ._context import EventContext
from ._events import EventOptions, ProjectionOperation
from ._names import function_name, given_name
from ._operation import Operation
from ._results import Produced, ResultSize
from ._timestamps import Timestamp
from ._wrapping import wrap
from .commands import CommandOperation
from .queries import QueryOperation

if TYPE_CHECKING:
    from ._recorder import Recorder

Function = TypeVar("Function", bound=Callable[..., Any])


class Wrappers:
    """Wraps callables; each call is an operation of one of the sides."""

    commands: Recorder
    queries: Recorder
    projections: Recorder

    @overload
    def instrument_commands(
        self, dispatch: Function, *, name: str | None = None, produced: Produced | None = None
    ) -> Function: ...

    @overload
    def instrument_commands(
        self, *, name: str | None = None, produced: Produced | None = None
    ) -> Callable[[Function], Function]: ...

    def instrument_commands(
        self, dispatch: Any = ..., *, name: str | None = None, produced: Produced | None = None
    ) -> Any:
        """Wrap the dispatch callable of a bus that you have: ``bus.dispatch = …(bus.dispatch)``.

        Takes functions, methods (also as a decorator in the class), partials and objects that can
        be called, async or not; the command is the first argument after ``self``. What comes back
        is of the same kind, for ``inspect`` too. Without the callable, a decorator comes back.

        Args:
            dispatch: The callable.
            name: Type of all commands that it takes; by default their own. Where the first
                argument is a value such as text, a number or an id, or there is none, the type is
                the callable's name.
            produced: As of ``InstrumentedCommandBus``.

        Raises:
            TypeError: it cannot be called, such as a ``singledispatchmethod`` in its class.
            ValueError: the name is empty or no text.
        """
        if dispatch is ...:
            return functools.partial(self.instrument_commands, name=name, produced=produced)
        names = {"given": given_name(name), "otherwise": function_name(dispatch)}
        begin = functools.partial(CommandOperation, self.commands.adapted(produced, **names))
        return wrap(dispatch, begin, "instrument_commands")

    @overload
    def instrument_queries(
        self, execute: Function, *, name: str | None = None, result_size: ResultSize | None = None
    ) -> Function: ...

    @overload
    def instrument_queries(
        self, *, name: str | None = None, result_size: ResultSize | None = None
    ) -> Callable[[Function], Function]: ...

    def instrument_queries(
        self, execute: Any = ..., *, name: str | None = None, result_size: ResultSize | None = None
    ) -> Any:
        """Wrap the execute callable of a query bus; see ``instrument_commands``.

        ``result_size`` as of ``InstrumentedQueryBus``.
        """
        if execute is ...:
            return functools.partial(self.instrument_queries, name=name, result_size=result_size)
        names = {"given": given_name(name), "otherwise": function_name(execute)}
        begin = functools.partial(QueryOperation, self.queries.adapted(result_size, **names))
        return wrap(execute, begin, "instrument_queries")

    @overload
    def instrument_projection(
        self,
        name: str,
        handle: Function,
        *,
        timestamp: Timestamp | None = None,
        aggregate_id: Callable[[Any], Any] | None = None,
        event_context: Callable[[Any], EventContext] | None = None,
        child_if_younger_than: float | timedelta | None = None,
        replayed: Callable[[Any], Any] | None = None,
    ) -> Function: ...

    @overload
    def instrument_projection(
        self,
        name: str,
        *,
        timestamp: Timestamp | None = None,
        aggregate_id: Callable[[Any], Any] | None = None,
        event_context: Callable[[Any], EventContext] | None = None,
        child_if_younger_than: float | timedelta | None = None,
        replayed: Callable[[Any], Any] | None = None,
    ) -> Callable[[Function], Function]: ...

    def instrument_projection(
        self,
        name: str,
        handle: Any = ...,
        *,
        timestamp: Timestamp | None = None,
        aggregate_id: Callable[[Any], Any] | None = None,
        event_context: Callable[[Any], EventContext] | None = None,
        child_if_younger_than: float | timedelta | None = None,
        replayed: Callable[[Any], Any] | None = None,
    ) -> Any:
        """Wrap a callable that applies events to a read model; see ``instrument_commands``.

        The other arguments are those of ``InstrumentedProjectionHandler``, and ``event_context``
        takes out of an event what says which span caused it, such as its metadata.
        """
        if not isinstance(name, str) or not name:
            raise TypeError(f"instrument_projection takes a projection's name first, not {name!r}")
        options = EventOptions(timestamp, aggregate_id, child_if_younger_than, replayed)
        if handle is ...:
            return functools.partial(self._wrap_projection, name, event_context, options)
        return self._wrap_projection(name, event_context, options, handle)

    def _wrap_projection(
        self,
        name: str,
        event_context: Callable[[Any], EventContext] | None,
        options: EventOptions,
        handle: Any,
    ) -> Any:
        recorder = self.projections.adapted(otherwise=function_name(handle))

        def begin(event: Any) -> ProjectionOperation:
            cause = None if event_context is None else recorder.take(event_context, event)
            return ProjectionOperation(recorder, name, event, cause, options)

        wrapped = wrap(handle, begin, "instrument_projection")
        # Method objects are made anew for each use; the function in them lives as long as they do.
        self.projections.count_handler(name, getattr(wrapped, "__func__", wrapped))
        return wrapped

    @overload
    def instrument_send(
        self,
        send: Function,
        *,
        is_query: Callable[[Any], Any],
        produced: Produced | None = None,
        result_size: ResultSize | None = None,
    ) -> Function: ...

    @overload
    def instrument_send(
        self,
        *,
        is_query: Callable[[Any], Any],
        produced: Produced | None = None,
        result_size: ResultSize | None = None,
    ) -> Callable[[Function], Function]: ...

    def instrument_send(
        self,
        send: Any = ...,
        *,
        is_query: Callable[[Any], Any],
        produced: Produced | None = None,
        result_size: ResultSize | None = None,
    ) -> Any:
        """Wrap the callable of a mediator, which takes commands and queries alike.

        ``is_query`` tells of a message whether it is a query; the other arguments are those of
        ``instrument_commands`` and ``instrument_queries``.
        """
        if send is ...:
            return functools.partial(
                self.instrument_send, is_query=is_query, produced=produced, result_size=result_size
            )
        if not callable(is_query) or iscoroutinefunction(is_query):
            raise TypeError(f"is_query must be a function of a message, not {is_query!r}")
        otherwise = function_name(send)
        commands = self.commands.adapted(produced, otherwise=otherwise)
        queries = self.queries.adapted(result_size, otherwise=otherwise)

        def begin(message: Any) -> Operation:
            if commands.take(lambda each: bool(is_query(each)), message):
                return QueryOperation(queries, message)
            return CommandOperation(commands, message)

        return wrap(send, begin, "instrument_send")
