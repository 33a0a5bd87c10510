"""For services on the ``eventsourcing`` library; needs ``cqrs-telemetry[eventsourcing]``.

Uses the public interface of its recorders, stores and applications: nothing is added to its tables,
and nothing depends on which database they are in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

try:
    from eventsourcing.application import Application
    from eventsourcing.persistence import TrackingRecorder
except ImportError as missing:
    raise ImportError(
        f"{missing.name} is not installed: pip install 'cqrs-telemetry[eventsourcing]'",
        name=missing.name,
    ) from missing


from ._aggregates import Costs, CountingStore
from ._timestamps import Timestamp, creation_time
from .backlog import Backlog
from .telemetry import CqrsTelemetry, default_telemetry

MOST_COUNTED = 1000

AnyApplication = TypeVar("AnyApplication", bound=Application[Any])


class Position(Protocol):
    """Tells how far a projection is, as a ``TrackingRecorder`` does, which is its view."""

    def max_tracking_id(self, application_name: str, /) -> int | None:
        """Id of the last notification that it has applied; None before the first."""


def projection_probe(
    application: Application[Any],
    tracking: Position,
    topics: Sequence[str] = (),
    *,
    timestamp: Timestamp | None = None,
    most_counted: int = MOST_COUNTED,
) -> Callable[[], Backlog]:
    """A probe for ``telemetry.watch_projection``: one query by position, limited, per collection.

    Positions alone would tell of a backlog that is none where a projection follows some topics, or
    hide one; so the events after the projection's position that it does follow are asked for.

    Args:
        application: Whose events the projection follows.
        tracking: The projection's view, or whatever keeps its position.
        topics: The projection's; none are all.
        timestamp: Takes the time out of an event; by default its ``timestamp``.
        most_counted: Pending is at most this number, which then means this or more.

    Raises:
        ValueError: ``most_counted`` is less than 1.
        TypeError: ``topics`` is one text.
    """
    if most_counted < 1:
        raise ValueError(f"most_counted must be at least 1, not {most_counted}")
    if isinstance(topics, str):
        raise TypeError(f"topics must be a sequence of topics, not the text {topics!r}")

    def probe() -> Backlog:
        pending = application.recorder.select_notifications(
            tracking.max_tracking_id(application.name),
            most_counted,
            topics=tuple(topics),
            inclusive_of_start=False,
        )
        if not pending:
            return Backlog(0)
        oldest = application.mapper.to_domain_event(pending[0])
        return Backlog(len(pending), creation_time(oldest, timestamp))

    return probe


def wait_until_projected(
    telemetry: CqrsTelemetry,
    query: Any,
    projection: str,
    tracking: TrackingRecorder,
    application_name: str,
    notification_id: int | None,
    *,
    timeout: float = 1.0,
    required: bool = False,
) -> bool:
    """Wait with ``TrackingRecorder.wait`` until a projection has tracked a notification.

    The id is that of what a command has saved: ``recordings[-1].notification.id``. True when it is
    seen in time; otherwise as in ``CqrsTelemetry.wait_until_seen``.

    Raises:
        NotSeenError: it was ``required`` and not seen in time.
    """

    def wait() -> bool:
        tracking.wait(application_name, notification_id, timeout)
        return True

    seen = telemetry.wait_until_seen(query, projection, wait, timeout=timeout, required=required)
    return bool(seen)


def instrument_application(
    application: AnyApplication, telemetry: CqrsTelemetry | None = None
) -> AnyApplication:
    """Record what an application's aggregates cost: loads, snapshots, conflicts and retries.

    Wraps ``save`` and the repository's ``get`` and stores of this one application, which comes
    back. A load that begins at a cached aggregate is a snapshot hit: nothing before it is replayed.
    A retry is a save of an aggregate by the thread or task that has just met a conflict in it.
    A save of several aggregates that conflicts counts for each of their types: which of them it
    was is not told. Once more does nothing.
    """
    if isinstance(application.repository.event_store, CountingStore):
        return application
    costs = Costs(telemetry or default_telemetry())
    application.save = costs.wrap_save(application.save)  # type: ignore[method-assign]
    repository = application.repository
    repository.event_store = CountingStore(repository.event_store, snapshots=False)
    if repository.snapshot_store is not None:
        repository.snapshot_store = CountingStore(repository.snapshot_store, snapshots=True)
    repository.get = costs.wrap_get(repository)  # type: ignore[method-assign]
    return application
