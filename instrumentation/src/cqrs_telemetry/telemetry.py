"""The entry point: telemetry for buses of ours, for buses of yours, and for anything else."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from opentelemetry import trace
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from ._context import EventContext
from ._events import EventOptions, ProjectionOperation
from ._instruments import instruments_for, package_version
from ._names import DEFAULT_KEY, Naming, clean
from ._own import OwnAttributes, check_own
from ._recorder import Measure, Recorder
from ._records import COMMANDS, PROJECTIONS, QUERIES, Path
from ._results import PAGE_FIELDS, ResultSizes
from ._sets import checked_limit
from ._timestamps import Timestamp
from ._wrappers import Wrappers
from .backlog import TIMEOUT, Probe, ProjectionWatch
from .commands import CommandOperation
from .queries import QueryOperation
from .rebuild import Rebuild
from .waiting import Wait


class CqrsTelemetry(Wrappers):
    """Records commands, queries and projections through the OpenTelemetry API.

    Cheap to make and to keep; instances on the same providers add up in the same series. Without
    an OpenTelemetry SDK in the process nothing is recorded and next to nothing is spent. Copies
    record to the same providers; a pickled one records to the global ones of where it comes to.

    Args:
        tracer_provider: None for the global one, also when that is set later.
        meter_provider: None for the global one, also when that is set later.
        rejections: Exception classes by which the domain says no. They count as ``rejected``, not
            ``error``, and leave the span's status unset.
        max_types: Distinct values kept per attribute (types of command, event, query and error);
            further ones are recorded as ``_other`` and counted.
        message_type: Returns the name of a command or query, or None for that of its class. Text
            is the key of the name in messages that are mappings.
        event_type: The same for domain events.
        page_fields: Attributes that hold the rows of a page of results.
        exclude: Names or classes of commands, queries and projected events that are handled without
            being recorded, such as the query of a health check.
        attributes: Own attributes of metrics and spans, such as the tenant: functions of a message,
            by key, at most three. Each multiplies the series of every type by its values, of which
            the first ``max_types`` are kept.
        max_attribute_sets: Attribute sets kept per metric of the meter provider: the last one
            given, at first 2,000. Further ones fold into ``_other``, the least useful attribute
            first. Raise the cardinality limit of the SDK's metric reader with it.
    """

    def __init__(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        rejections: Sequence[type[BaseException]] = (),
        max_types: int = 200,
        message_type: Naming = DEFAULT_KEY,
        event_type: Naming = DEFAULT_KEY,
        page_fields: Sequence[str] = PAGE_FIELDS,
        exclude: Iterable[str | type] = (),
        attributes: OwnAttributes = MappingProxyType({}),
        max_attribute_sets: int | None = None,
    ) -> None:
        if isinstance(page_fields, str):
            raise TypeError(f"page_fields must be a sequence of names, not {page_fields!r}")
        excluded = (exclude,) if isinstance(exclude, str) else tuple(exclude)
        if wrong := [e for e in excluded if e is exclude or not isinstance(e, str | type)]:
            raise TypeError(f"exclude must be names or classes of messages, not {wrong[0]!r}")
        excluded += tuple(map(clean, excluded))
        for argument, naming in (("message_type", message_type), ("event_type", event_type)):
            if not isinstance(naming, str) and not callable(naming):
                raise TypeError(
                    f"{argument} must be a function of a message or the key of its name in a"
                    f" mapping, not {naming!r}"
                )
        if max_types < 1:
            raise ValueError(f"max_types must be at least 1, not {max_types}")
        check_own(attributes)
        if unfit := [r for r in rejections if not _is_exception_class(r)]:
            raise TypeError(f"rejections must be exception classes, not {unfit[0]!r}")
        instruments = instruments_for(meter_provider)
        if max_attribute_sets is not None:
            instruments.limit_sets(checked_limit(max_attribute_sets))
        sizes = ResultSizes(page_fields)
        self._options: dict[str, Any] = {
            "rejections": tuple(rejections), "max_types": max_types, "message_type": message_type,
            "event_type": event_type, "page_fields": tuple(page_fields), "exclude": excluded,
            "attributes": dict(attributes), "max_attribute_sets": max_attribute_sets,
        }  # fmt: skip

        def recorder(path: Path) -> Recorder:
            tracer = trace.get_tracer(path.scope, package_version(), tracer_provider)
            return Recorder(
                path, tracer, instruments, tuple(rejections), max_types, message_type, event_type,
                sizes, excluded, attributes, self._options,
            )  # fmt: skip

        self.commands = recorder(COMMANDS)
        self.queries = recorder(QUERIES)
        self.projections = recorder(PROJECTIONS)
        # For callers who may give the name of a message in its place.
        self._named_commands = self.commands.adapted(takes_names=True)
        self._named_queries = self.queries.adapted(takes_names=True)
        self._named_events = self.projections.adapted(takes_names=True)

    def __copy__(self) -> CqrsTelemetry:
        return self  # there is nothing in it that a copy could have for itself

    def __deepcopy__(self, _memo: object) -> CqrsTelemetry:
        return self

    def __reduce__(self) -> Any:
        return functools.partial(type(self), **self._options), ()

    def command(self, command: Any, *, aggregate_id: Any = None) -> CommandOperation:
        """A command being handled, for ``with``.

        ``command`` is a type name, a class or the command itself, whose ``aggregate_id`` is used
        unless one is given.
        """
        return CommandOperation(self._named_commands, command, aggregate_id)

    def query(self, query: Any) -> QueryOperation:
        """A query being executed, for ``with``; ``query`` is a type name, a class or the query."""
        return QueryOperation(self._named_queries, query)

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
        return ProjectionOperation(
            self._named_events, name, event, event_context, options, replayed
        )

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
        return Wait(
            self._named_queries, self.projections, query, projection, timeout, required
        ).run(seen)


@functools.cache
def default_telemetry() -> CqrsTelemetry:
    """What buses and handlers use unless told otherwise: the global providers."""
    return CqrsTelemetry()


_restored: dict[str, CqrsTelemetry] = {}


def restore_recorder(
    options: Mapping[str, Any], side: str, measure: Measure | None, named: dict[str, Any]
) -> Recorder:
    """A recorder as another process had it, on the global providers of this one.

    Whatever comes with the same options shares limits, as in a pool that gets a bus with each task.
    """
    key = repr(sorted(options.items()))
    telemetry = _restored.get(key) or _restored.setdefault(key, CqrsTelemetry(**options))
    recorders = (telemetry.commands, telemetry.queries, telemetry.projections)
    recorder = next(each for each in recorders if each.path.side == side)
    return recorder.adapted(measure, **named) if measure is not None or named else recorder


def _is_exception_class(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, BaseException)
