"""The entry point: telemetry for buses of ours, for buses of yours, and for anything else."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar, cast

from opentelemetry import trace
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from ._context import EventContext
from ._instruments import instruments_for, package_version
from ._operation import Operation, call
from ._recorder import COMMANDS, PROJECTIONS, QUERIES, Path, Recorder
from .commands import CommandOperation
from .projections import EventOptions, ProjectionOperation, Timestamp
from .queries import QueryOperation

Function = TypeVar("Function", bound=Callable[..., Any])


class CqrsTelemetry:
    """Records commands, queries and projections through the OpenTelemetry API.

    Cheap to make and to keep; instances on the same providers add up in the same series. Without
    an OpenTelemetry SDK in the process nothing is recorded and next to nothing is spent.

    Args:
        tracer_provider: None for the global one, also when that is set later.
        meter_provider: None for the global one, also when that is set later.
        rejections: Exception classes by which the domain says no. They count as ``rejected``, not
            ``error``, and leave the span's status unset.
        max_types: Distinct values kept per attribute (types of command, event, query and error);
            further ones are recorded as ``_other`` and counted.
    """

    def __init__(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        rejections: Sequence[type[BaseException]] = (),
        max_types: int = 200,
    ) -> None:
        if max_types < 1:
            raise ValueError(f"max_types must be at least 1, not {max_types}")
        if unfit := [r for r in rejections if not _is_exception_class(r)]:
            raise TypeError(f"rejections must be exception classes, not {unfit[0]!r}")
        instruments = instruments_for(meter_provider)

        def recorder(path: Path) -> Recorder:
            tracer = trace.get_tracer(path.scope, package_version(), tracer_provider)
            return Recorder(path, tracer, instruments, tuple(rejections), max_types)

        self.commands = recorder(COMMANDS)
        self.queries = recorder(QUERIES)
        self.projections = recorder(PROJECTIONS)

    def command(self, command: Any, *, aggregate_id: Any = None) -> CommandOperation:
        """A command being handled, for ``with``.

        ``command`` is a type name, a class or the command itself, whose ``aggregate_id`` is used
        unless one is given.
        """
        return CommandOperation(self.commands, command, aggregate_id)

    def query(self, query: Any) -> QueryOperation:
        """A query being executed, for ``with``; ``query`` is a type name, a class or the query."""
        return QueryOperation(self.queries, query)

    def projection(
        self,
        name: str,
        event: Any,
        event_context: EventContext = None,
        *,
        timestamp: Timestamp | None = None,
        aggregate_id: Callable[[Any], Any] | None = None,
        child_if_younger_than: float | timedelta | None = None,
    ) -> ProjectionOperation:
        """An event being applied by projection ``name``, for ``with``.

        The arguments are those of ``InstrumentedProjectionHandler``.
        """
        options = EventOptions(timestamp, aggregate_id, child_if_younger_than)
        return ProjectionOperation(self.projections, name, event, event_context, options)

    def instrument_commands(self, dispatch: Function) -> Function:
        """Wrap the dispatch callable of a bus that you have: ``bus.dispatch = …(bus.dispatch)``.

        Takes functions, methods (also as a decorator in the class) and async ones; the command is
        the first argument after ``self``.
        """
        return _wrap(dispatch, self.command)

    def instrument_queries(self, execute: Function) -> Function:
        """Wrap the execute callable of a query bus; see ``instrument_commands``."""
        return _wrap(execute, self.query)

    def instrument_projection(self, name: str, handle: Function) -> Function:
        """Wrap a callable that applies events to a read model; see ``instrument_commands``."""
        return _wrap(handle, functools.partial(self.projection, name))


@functools.cache
def default_telemetry() -> CqrsTelemetry:
    """What buses and handlers use unless told otherwise: the global providers."""
    return CqrsTelemetry()


def _is_exception_class(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, BaseException)


def _wrap(function: Function, begin: Callable[[Any], Operation]) -> Function:
    try:
        parameters = list(inspect.signature(function).parameters)
    except ValueError:  # some callables of C have none
        parameters = []
    position = 1 if parameters[:1] in (["self"], ["cls"]) else 0
    keyword = parameters[position] if len(parameters) > position else ""

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if len(args) > position:
            message = args[position]
        elif keyword in kwargs:
            message = kwargs[keyword]
        else:
            return function(*args, **kwargs)  # which says what is missing better than we could
        return call(begin(message), function, *args, **kwargs)

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def async_wrapper(*args: Any, **kwargs: Any) -> Any:
            return await wrapper(*args, **kwargs)

        return cast(Function, async_wrapper)
    return cast(Function, functools.wraps(function)(wrapper))
