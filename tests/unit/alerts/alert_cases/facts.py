"""What processes tell of a projection: its backlog, its handlers, its last events, its rebuilds."""

from __future__ import annotations

from collections.abc import Sequence

from cqrs_telemetry import catalog
from cqrs_telemetry.catalog import Metric

from ..conftest import InputSeries, Service
from .case import Traffic
from .traffic import heartbeat, of_job, per_minute_samples, together

ORDERS = {catalog.PROJECTION_NAME: "orders"}
NOW = "now"  # a time that goes on with the clock
PROJECTOR = "projector"  # a job of its own

# Minutes, and what is said in them: a level, None for nothing, NOW, or a level and its slope a
# minute.
Said = tuple[float, float | str | tuple[float, float] | None]
Saying = Sequence[Said]

CALM: Saying = ((500, 0),)
RUNS: Saying = ((500, 1),)
APPLIES: Saying = ((500, NOW),)
WAIT_FROM_10: Saying = ((10, 0), (490, 7))
NOT_SINCE_10: Saying = ((10, NOW), (490, 540))


def told(metric: Metric, said: Saying, status: str | None = None) -> Traffic:
    """One gauge of one process; what ends is marked stale, as by a scrape that fails."""
    labels = {**ORDERS, **({catalog.PROJECTION_STATUS: status} if status else {})}

    def series(service: Service) -> InputSeries:
        return service.counter(metric, labels, 0, samples(said, per_minute_samples(service)))[:1]

    return series if said else together()


def projection(
    pending: Saying = (),
    staleness: Saying = (),
    handlers: Saying = RUNS,
    success: Saying = (),
    error: Saying = (),
    rebuilding: Saying = (),
) -> Traffic:
    """A projection in a job of its own, whose backlog is told by the service."""
    return together(
        heartbeat("0x500"),
        told(catalog.PROJECTION_PENDING, pending),
        told(catalog.PROJECTION_STALENESS, staleness),
        of_job(
            PROJECTOR,
            together(
                told(catalog.PROJECTION_HANDLERS, handlers),
                told(catalog.PROJECTION_LAST_EVENT, success, catalog.SUCCESS),
                told(catalog.PROJECTION_LAST_EVENT, error, catalog.ERROR),
                told(catalog.PROJECTION_REBUILDING, rebuilding),
            ),
        ),
    )


def rebuild(applied: Saying, target: Saying = (), rebuilding: Saying = ()) -> Traffic:
    """A rebuild by the service itself; under way while it tells what it has applied."""
    under_way = [(minutes, None if each is None else 1) for minutes, each in applied]
    return together(
        told(catalog.PROJECTION_REBUILDING, rebuilding or under_way),
        told(catalog.PROJECTION_REBUILD_APPLIED, applied),
        told(catalog.PROJECTION_REBUILD_TARGET, target),
    )


def waiting(events: float | None) -> Traffic:
    """So many events that wait for the projection, as another service tells."""
    return of_job("writer", told(catalog.PROJECTION_PENDING, ((500, events),)))


def samples(said: Saying, per_minute: int, ahead: float = 0) -> str:
    """Promtool's notation; what ends is marked stale, as by a scrape that fails.

    ``ahead`` is by how many seconds the clock of who says NOW is.
    """
    at, step, parts = 0, 60 / per_minute, list[str]()
    for minutes, what in said:
        count = round(minutes * per_minute)
        if what is None:
            parts += ["stale", *([f"_x{count - 1}"] if count > 1 else [])]
        elif what == NOW:
            parts.append(f"{at * step + ahead:g}+{step:g}x{count - 1}")
        elif isinstance(what, tuple):
            start, slope = what
            parts.append(f"{start:g}{slope / per_minute:+g}x{count - 1}")
        else:
            parts.append(f"{what:g}x{count - 1}")
        at += count
    return " ".join(parts)
