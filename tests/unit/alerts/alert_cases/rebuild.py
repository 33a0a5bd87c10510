"""Cases of the alerts on rebuilds."""

from __future__ import annotations

from cqrs_alerts.links import PROJECTIONS_UID

from .case import Case, Edge, Quiet, Still, Traffic
from .facts import Saying, rebuild, waiting
from .traffic import together

LABELS = {"projection_name": "orders"}
# From minute 5 on; 600 a minute, for ten minutes.
HALTS: Saying = ((5, None), (10, (0, 600)), (485, 6000))
GOES_ON: Saying = ((5, None), (495, (0, 600)))


def of(events: float) -> Saying:
    """So many are to be applied."""
    return ((5, None), (495, events))


def even(events: float) -> Traffic:
    """A rebuild of so many events, one a second."""
    return rebuild(((5, None), (495, (0, 60))), of(events))


CASES = (
    Case(
        "CqrsRebuildStuck", "projection", "critical", PROJECTIONS_UID, LABELS,
        "The rebuild of projection orders has applied 6000 events, and none in the last 5m", "28m",
        fires=rebuild(HALTS, of(12_000)),
        firing_at="35m",
        since="15m",
        quiet={
            "it goes on": rebuild(GOES_ON, of(1_000_000)),
            "it is done": rebuild(HALTS, of(6000)),
            "of unknown length, and nothing waits": together(rebuild(HALTS), waiting(0)),
            "a pause of nine minutes": Quiet(
                rebuild(
                    ((5, None), (10, (0, 600)), (9, 6000), (476, (6000, 600))), of(1_000_000)
                ),
                at=("29m", "31m", "50m"),
            ),
            "it has ended": rebuild(
                ((5, None), (10, (0, 600)), (8, 6000), (477, None)), of(12_000)
            ),
        },
        fires_too={
            "from the start": Still(rebuild(((5, None), (495, 0)), of(12_000)), "20m"),
            "of unknown length, and events wait": Still(
                together(rebuild(HALTS), waiting(5)), "35m"
            ),
            "of unknown length, and nobody watches": Still(rebuild(HALTS), "35m"),
            "beside a model that is caught up": Still(
                together(rebuild(HALTS, of(12_000)), waiting(0)), "35m"
            ),
        },
        edges={"done": Edge(lambda events: rebuild(HALTS, of(events)), at="35m", limit=6000)},
        lenient={"for_": "1h"},
    ),
    Case(
        "CqrsRebuildSlow", "projection", "warning", PROJECTIONS_UID, LABELS,
        # Six steps of five minutes, and 16 500 events at one a second.
        "The rebuild of projection orders takes 5h 5m 0s or more", "20m",
        fires=even(18_000),
        since="5m",
        quiet={
            "in time": even(6000),
            "of unknown length, not for long": Quiet(
                rebuild(((5, None), (495, (0, 60)))), at=("30m", "235m")
            ),
            "ended": Quiet(
                rebuild(((5, None), (250, (0, 60)), (245, None))), at=("260m", "280m")
            ),
            "two, one after the other": Quiet(
                rebuild(
                    ((200, (0, 60)), (100, None), (100, (0, 60))),
                    rebuilding=((200, 1), (100, 0), (100, 1)),
                ),
                at=("390m",),
            ),
        },
        fires_too={
            "of unknown length, for hours": Still(rebuild(((5, None), (495, (0, 60)))), "265m"),
            "it stands still for hours": Still(
                rebuild(((5, None), (495, 0)), of(18_000)), "265m"
            ),
        },
        # At 30 minutes 1800 s have gone, and 1500 events.
        edges={"above": Edge(lambda seconds: even(seconds - 1800 + 1500), limit=4 * 3600)},
        lenient={"above": "6h", "for_": "1h"},
    ),
    Case(
        "CqrsRebuildForgotten", "projection", "warning", PROJECTIONS_UID, LABELS,
        "The rebuild of projection orders has applied its 6000 events, and is not ended", "29m",
        fires=rebuild(HALTS, of(6000)),
        firing_at="35m",
        since="15m",
        quiet={
            "it goes on": rebuild(GOES_ON, of(1_000_000)),
            "stuck before its end": rebuild(HALTS, of(12_000)),
            "ended after ten minutes": rebuild(
                ((5, None), (10, (0, 600)), (10, 6000), (475, None)), of(6000),
                rebuilding=((5, 0), (20, 1), (475, 0)),
            ),
            "of unknown length, and it goes on": together(rebuild(GOES_ON), waiting(0)),
            "of unknown length, and events wait": together(rebuild(HALTS), waiting(5)),
            "of unknown length, and nobody watches": rebuild(HALTS),
            "beside a model that is caught up": together(
                rebuild(HALTS, of(12_000)), waiting(0)
            ),
        },
        fires_too={
            "it applies what comes, for ever": Still(rebuild(GOES_ON, of(6000)), "35m"),
            "of nothing": Still(rebuild(((5, None), (495, 0)), of(0)), "35m"),
            "of unknown length, and nothing waits": Still(
                together(rebuild(HALTS), waiting(0)), "40m"
            ),
        },
        lenient={"for_": "1h"},
    ),
)  # fmt: skip
