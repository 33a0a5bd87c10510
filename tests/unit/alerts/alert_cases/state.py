"""Cases of the alerts on states of projections."""

from __future__ import annotations

from cqrs_alerts.links import PROJECTIONS_UID
from cqrs_telemetry import catalog

from .case import Case, Edge, Quiet, Still, Traffic
from .facts import (
    APPLIES,
    CALM,
    NOT_SINCE_10,
    NOW,
    RUNS,
    WAIT_FROM_10,
    Saying,
    projection,
    told,
)
from .traffic import of_job, together

LABELS = {"projection_name": "orders"}
LATE = 45_000  # milliseconds; 30 000 are promised
REBUILDS: Saying = ((500, 1),)
FAILED_AT_10: Saying = ((10, None), (490, 600))
GONE_AT_10: Saying = ((10, 1), (490, None))


def stale(staleness: Saying, pending: Saying = ((500, 9),), success: Saying = APPLIES) -> Traffic:
    """A projection that is behind and, if not told otherwise, works."""
    return projection(pending, staleness, success=success)


def drained_in(seconds: float) -> Traffic:
    """A backlog whose age, forty minutes from the start, will be down to nothing so much later."""
    return stale(((60, (1000 * (seconds + 2400), -60_000)),))


def fewer_in(seconds: float) -> Traffic:
    """The same of the number of events, while the oldest gets older."""
    return stale(((60, (LATE, 60_000)),), ((60, (seconds + 2400, -60)),))


CASES = (
    Case(
        "CqrsProjectionFailed", "projection", "critical", PROJECTIONS_UID, LABELS,
        "Projection orders failed on its last event; 7 wait", "14m",
        fires=projection(WAIT_FROM_10, success=NOT_SINCE_10, error=FAILED_AT_10),
        firing_at="20m",
        since="10m",
        quiet={
            "it left the event out, and has no other": projection(
                CALM, success=NOT_SINCE_10, error=FAILED_AT_10
            ),
            "it fails and goes on": projection(WAIT_FROM_10, success=APPLIES, error=FAILED_AT_10),
            "the read store is away for four minutes": Quiet(
                projection(
                    ((10, 0), (4, 7), (486, 0)), success=((10, NOW), (4, 540), (486, NOW)),
                    error=((10, None), (4, NOW), (486, 780)),
                ),
                at=("15m", "18m", "50m"),
            ),
            "a rebuild": projection(
                WAIT_FROM_10, success=NOT_SINCE_10, error=FAILED_AT_10, rebuilding=REBUILDS
            ),
            "nobody watches": projection(success=NOT_SINCE_10, error=FAILED_AT_10),
            "no error was ever told": projection(WAIT_FROM_10, success=NOT_SINCE_10),
        },
        fires_too={
            "from the first event on": Still(
                projection(((500, 7),), error=((500, 1),)), "10m"
            ),
            "watched and run by one service": Still(
                together(
                    projection(WAIT_FROM_10, handlers=()),
                    told(catalog.PROJECTION_HANDLERS, RUNS),
                    told(catalog.PROJECTION_LAST_EVENT, FAILED_AT_10, catalog.ERROR),
                ),
                "20m",
            ),
        },
        lenient={"for_": "1h"},
    ),
    Case(
        "CqrsProjectionStopped", "projection", "critical", PROJECTIONS_UID, LABELS,
        "Nothing runs projection orders any more; 7 events wait", "14m",
        fires=projection(
            WAIT_FROM_10, handlers=GONE_AT_10, success=((10, NOW), (490, None))
        ),
        firing_at="25m",
        since="10m",
        quiet={
            "a deployment of four minutes": Quiet(
                projection(
                    ((10, 0), (5, 7), (485, 0)), handlers=((10, 1), (4, None), (486, 1)),
                    success=((10, NOW), (5, None), (485, NOW)),
                ),
                at=("13m", "15m", "16m", "17m", "50m"),
            ),
            "nothing waits": projection(CALM, handlers=GONE_AT_10, success=NOT_SINCE_10),
            "retired together with its watch": projection(
                ((10, 0), (490, None)), handlers=GONE_AT_10, success=NOT_SINCE_10
            ),
            "another instance lives": together(
                projection(WAIT_FROM_10, handlers=GONE_AT_10, success=APPLIES),
                of_job("another", told(catalog.PROJECTION_HANDLERS, RUNS)),
            ),
            "another process rebuilds it": projection(
                WAIT_FROM_10, handlers=GONE_AT_10, success=NOT_SINCE_10, rebuilding=REBUILDS
            ),
            "nobody watches": projection(handlers=GONE_AT_10, success=NOT_SINCE_10),
            "forgotten": Quiet(
                projection(
                    ((10, 0), (480, 7)), handlers=((1, 1), (489, None)), success=((490, NOW),)
                ),
                at=("375m",),
            ),
        },
        lenient={"for_": "1h"},
    ),
    Case(
        "CqrsProjectionStalled", "projection", "critical", PROJECTIONS_UID, LABELS,
        "Projection orders lives and applies nothing; 7 events wait", "14m",
        fires=projection(WAIT_FROM_10, success=NOT_SINCE_10),
        firing_at="25m",
        since="10m",
        quiet={
            "slow, but it progresses": projection(WAIT_FROM_10, success=APPLIES),
            "its filter leaves out what comes": projection(CALM, success=NOT_SINCE_10),
            "it stands still for five minutes": Quiet(
                projection(
                    ((10, 0), (6, 7), (484, 0)), success=((10, NOW), (5, 540), (485, NOW))
                ),
                at=("15m", "17m", "19m", "50m"),
            ),
            "a deployment of eight minutes": Quiet(
                projection(
                    ((10, 0), (9, 7), (481, 0)), handlers=((10, 1), (8, None), (482, 1)),
                    success=((10, NOW), (9, None), (481, NOW)),
                ),
                at=("17m", "19m", "24m", "50m"),
            ),
            "a rebuild": projection(WAIT_FROM_10, success=NOT_SINCE_10, rebuilding=REBUILDS),
            "nobody watches": projection(success=NOT_SINCE_10),
            "no scrape for three minutes": projection(
                ((10, 3), (3, None), (487, 3)), handlers=((10, 1), (3, None), (487, 1)),
                success=((10, NOW), (3, None), (487, NOW)),
            ),
            "first seen while it works": projection(
                ((10, None), (490, 3)), handlers=((10, None), (490, 1)),
                success=((10, None), (490, NOW)),
            ),
        },
        lenient={"for_": "1h"},
    ),
    Case(
        "CqrsProjectionStateUnknown", "projection", "warning", PROJECTIONS_UID, LABELS,
        "The probe of projection orders worked before, and tells of no backlog now", "24m",
        fires=projection(((10, 0), (490, None)), success=APPLIES),
        since="10m",
        quiet={
            "the probe fails for ten minutes": Quiet(
                projection(((10, 0), (10, None), (480, 0)), success=APPLIES),
                at=("19m", "26m", "50m"),
            ),
            "never watched": projection(success=APPLIES),
            "retired together with its watch": projection(
                ((10, 0), (490, None)), handlers=GONE_AT_10, success=NOT_SINCE_10
            ),
            "a rebuild": projection(((10, 0), (490, None)), rebuilding=REBUILDS),
            "forgotten": Quiet(projection(((10, 0), (490, None)), success=APPLIES), at=("375m",)),
        },
        lenient={"for_": "1h"},
    ),
    Case(
        "CqrsProjectionStale", "projection", "warning", PROJECTIONS_UID, LABELS,
        "Readers of projection orders see what was 45000 ms ago", "24m",
        fires=stale(((10, 0), (490, LATE))),
        since="10m",
        quiet={
            "it is worked off, by age": Quiet(
                stale(((10, 0), (40, (2_400_000, -60_000)), (450, 0))),
                at=("24m", "26m", "30m", "50m"),
            ),
            "it is worked off, by number": Quiet(
                stale(((10, 0), (490, (LATE, 60_000))), ((10, 0), (40, (4000, -100)), (450, 0))),
                at=("26m", "30m", "50m"),
            ),
            "within the objective": stale(((500, 29_000),)),
            "a rebuild": projection(
                ((500, 9),), ((500, LATE),), success=APPLIES, rebuilding=REBUILDS
            ),
            "it applies nothing, which is another's": stale(((500, LATE),), success=((500, 1),)),
            "late for ten minutes": Quiet(
                stale(((10, 0), (10, LATE), (480, 0))), at=("19m", "26m", "50m")
            ),
        },
        fires_too={
            "it goes up and down": Still(stale(((1, LATE), (1, LATE * 1.5)) * 40), "35m"),
            "it shrinks to a rest that stays": Still(
                stale(((10, 0), (10, (200_000, -10_000)), (480, 100_000))), "52m"
            ),
        },
        edges={
            "the objective": Edge(lambda ms: stale(((500, ms),)), limit=30_000),
            "drained within": Edge(drained_in, at="40m", limit=3600),
            "drained within, by number": Edge(fewer_in, at="40m", limit=3600),
        },
        lenient={"for_": "1h"},
    ),
)  # fmt: skip
