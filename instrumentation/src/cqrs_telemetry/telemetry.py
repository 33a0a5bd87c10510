"""The entry point: telemetry for buses of ours, for buses of yours, and for anything else."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar, cast

from opentelemetry import trace
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from ._context import EventContext
from ._events import EventOptions, ProjectionOperation
from ._instruments import instruments_for, package_version
from ._recorder import COMMANDS, PROJECTIONS, QUERIES, Path, Recorder
from ._timestamps import Timestamp
from ._wrapping import wrap
from .backlog import TIMEOUT, Probe, ProjectionWatch
from .commands import CommandOperation
from .queries import QueryOperation
from .rebuild import Rebuild
from .waiting import Wait

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
        replayed: bool | None = None,
    ) -> ProjectionOperation:
        """An event being applied by projection ``name``, for ``with``.

        The arguments are those of ``InstrumentedProjectionHandler`` and its ``handle_event``.
        """
        self.projections.count_as_handler(name)
        options = EventOptions(timestamp, aggregate_id, child_if_younger_than)
        return ProjectionOperation(self.projections, name, event, event_context, options, replayed)

    def watch_projection(
        self, name: str, probe: Probe, *, timeout: float = TIMEOUT
    ) -> ProjectionWatch:
        """Report how far behind a projection is, whether it lives or not, until the watch ends.

        Args:
            name: The projection's, as its handler has it.
            probe: Sync or async; returns a ``Backlog``, or None when that cannot be told. Called
                at each collection of metrics, in a thread of its own or, when it is async and this
                is called inside a running loop, in that loop. What it raises is a telemetry fault.
            timeout: Seconds after which the backlog counts as unknown. A probe that hangs is not
                called again before it returns.

        Raises:
            TypeError, ValueError: an argument does not fit, or the projection is watched already.
        """
        return ProjectionWatch(self.projections, name, probe, timeout)

    def rebuilding(self, projection: str, target: int | None = None) -> Rebuild:
        """A rebuild of a projection, for ``with``, around sync and async code alike.

        Meanwhile all events that this process applies to it, in whatever thread, are replayed ones:
        they have no lag, and their phase says so. ``target`` is how many there will be.

        Raises:
            ValueError: an argument does not fit.
        """
        return Rebuild(self.projections, projection, target)

    def wait_until_seen(
        self,
        query: Any,
        projection: str,
        seen: Callable[[], Any],
        *,
        timeout: float = 1.0,
        required: bool = False,
    ) -> Any:
        """Wait until a projection shows what the caller has written; True when it does in time.

        Args:
            query: That waits: a type name, a class or the query itself.
            projection: That has to show it.
            seen: Says whether it does. Called again and again until it says so or time is up; it
                may wait by itself, and raise ``TimeoutError``. An awaitable comes back when it is
                async. Whatever else it raises passes through and is not recorded.
            timeout: Seconds; 0 looks once.
            required: Raise instead of returning False.

        Raises:
            NotSeenError: a ``TimeoutError``, when it was ``required``.
            ValueError: the timeout is negative.
        """
        return Wait(self, query, projection, timeout, required).run(seen)

    def instrument_commands(self, dispatch: Function) -> Function:
        """Wrap the dispatch callable of a bus that you have: ``bus.dispatch = …(bus.dispatch)``.

        Takes functions, methods (also as a decorator in the class), partials and objects that can
        be called, async or not; the command is the first argument after ``self``. What comes back
        is of the same kind, for ``inspect`` too.

        Raises:
            TypeError: it cannot be called, such as a ``singledispatchmethod`` in its class.
        """
        return cast(Function, wrap(dispatch, self.command, "instrument_commands"))

    def instrument_queries(self, execute: Function) -> Function:
        """Wrap the execute callable of a query bus; see ``instrument_commands``."""
        return cast(Function, wrap(execute, self.query, "instrument_queries"))

    def instrument_projection(self, name: str, handle: Function) -> Function:
        """Wrap a callable that applies events to a read model; see ``instrument_commands``."""
        options = EventOptions()

        def begin(event: Any) -> ProjectionOperation:
            return ProjectionOperation(self.projections, name, event, None, options)

        wrapped = wrap(handle, begin, "instrument_projection")
        # Method objects are made anew for each use; the function in them lives as long as they do.
        self.projections.count_handler(name, getattr(wrapped, "__func__", wrapped))
        return cast(Function, wrapped)


@functools.cache
def default_telemetry() -> CqrsTelemetry:
    """What buses and handlers use unless told otherwise: the global providers."""
    return CqrsTelemetry()


def _is_exception_class(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, BaseException)
