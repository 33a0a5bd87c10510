"""Cases of the alerts of projections."""

from __future__ import annotations

from cqrs_alerts.links import PROJECTIONS_UID
from cqrs_alerts.recording import (
    EVENTS_PRODUCED_RATE,
    PROJECTION_LAG_BUCKETS,
    PROJECTION_LAG_MEAN,
    PROJECTION_LIVE_RATE,
    REBUILDING,
)
from cqrs_telemetry import catalog

from .case import Case, Edge, Firing, Quiet, Still, Traffic
from .traffic import (
    Phase,
    apply_times,
    counted,
    events,
    held,
    lags,
    observed,
    of_job,
    recorded,
    skewed,
    together,
    with_quantile,
)

ORDERS = {catalog.PROJECTION_NAME: "orders"}
LABELS = {"projection_name": "orders"}
STALLED = ("93m", "95m", "97m", "100m")
LAGGED = ("30m", "36m", "40m", "50m", "59m")


def produced(*phases: Phase, kind: str = "OrderPlaced") -> Traffic:
    """Events that a service of another job produces, in phases of so many a minute."""
    labels = {catalog.COMMAND_TYPE: "PlaceOrder", catalog.EVENT_TYPE: kind}
    return of_job("writer", counted(catalog.EVENTS_PRODUCED, labels, *phases))


def live(*phases: tuple[int, float]) -> Traffic:
    """Events that are applied as they happen, in phases of so many a minute."""
    labels = {**ORDERS, catalog.EVENT_TYPE: "OrderPlaced"}
    return observed(catalog.PROJECTION_LAG, labels, *((m, {20.0: n}) for m, n in phases))


def handled(*phases: Phase, status: str = catalog.SUCCESS) -> Traffic:
    """Events that are handled at all, replayed ones as well."""
    labels = {**ORDERS, catalog.EVENT_TYPE: "OrderPlaced", catalog.PROJECTION_STATUS: status}
    return counted(catalog.PROJECTION_TOTAL, labels, *phases)


def applied(*phases: tuple[int, float]) -> Traffic:
    """Live events that are applied, in phases of so many a minute."""
    return together(live(*phases), handled(*phases))


def lag_of(*minutes: float, per_minute: float = 100) -> Traffic:
    """Events of which those of each minute are so many milliseconds late."""
    return observed(
        catalog.PROJECTION_LAG,
        {**ORDERS, catalog.EVENT_TYPE: "OrderPlaced"},
        *((1, {lag: per_minute}) for lag in minutes),
    )


def steps(*phases: tuple[int, float, float]) -> Traffic:
    """Recorded rates of events that are produced and that are applied, in phases.

    Two commands produce events of two types, in equal parts.
    """
    kinds = ("OrderPlaced", "ItemAdded")
    written = [(minutes, rate / 4) for minutes, rate, _ in phases]
    applied_live = [(minutes, rate / 2) for minutes, _, rate in phases]
    writers = (
        recorded(EVENTS_PRODUCED_RATE, {"command_type": command, "event_type": kind}, *written)
        for command in ("PlaceOrder", "ChangeOrder")
        for kind in kinds
    )
    return together(
        *(of_job("writer", each) for each in writers),
        *(
            recorded(PROJECTION_LIVE_RATE, {**LABELS, "event_type": kind}, *applied_live)
            for kind in kinds
        ),
    )


def rebuilt(*phases: Phase) -> Traffic:
    """Rebuilds under way, in phases, in a job of their own."""
    return of_job("rebuild", recorded(REBUILDING, LABELS, *phases))


def caught_up(milliseconds: float) -> Traffic:
    """Recorded lag that grows by a second each second, but for a minute in which it is so small."""
    grown = ((1, 60_000 * minute) for minute in range(11))
    later = ((1, 60_000 * minute) for minute in range(12, 40))
    return together(
        recorded(PROJECTION_LAG_MEAN, LABELS, *grown, (1, milliseconds), *later),
        recorded(PROJECTION_LAG_BUCKETS, {**LABELS, "le": "+Inf"}, (60, 1)),
    )


CASES = (
    Case(
        "CqrsProjectionErrorsHigh",
        "projection", "warning", PROJECTIONS_UID, {"projection_name": "orders"},
        "Projection orders fails on 6% of events", "5m",
        fires=events(success=94, error=6),
        firing_at="7m",
        quiet={"none fails": events(success=100)},
        edges={
            "above_ratio": Edge(lambda share: events(success=100 - 100 * share, error=100 * share)),
            "minimum_operations": Edge(lambda n: events(success=n / 10, error=n / 10)),
        },
        lenient={"above_ratio": 0.5, "minimum_operations": 1000, "for_": "1h"},
    ),
    Case(
        "CqrsProjectionApplyLatencyHigh",
        "projection", "warning", PROJECTIONS_UID, {"projection_name": "orders"},
        "Projection orders takes longer than 750 ms for 5% of events", "9m",
        fires=apply_times({20.0: 90, 800.0: 10}),
        firing_at="12m",
        quiet={"fast": apply_times({20.0: 100})},
        edges={
            "above_ms": Edge(
                lambda ms: apply_times(with_quantile(catalog.PROJECTION_DURATION, 0.95, ms))
            ),
            "minimum_operations": Edge(lambda n: apply_times({800.0: n / 5})),
        },
        lenient={"above_ms": 5000.0, "minimum_operations": 1000, "for_": "1h"},
    ),
    Case(
        "CqrsProjectionLagHigh",
        "projection", "warning", PROJECTIONS_UID, {"projection_name": "orders"},
        # Rank 99 of 100 is half way through the two in the bucket (30 s, 60 s].
        "1% of events reach projection orders later than 45000 ms", "9m",
        fires=lags({20.0: 98, 50_000.0: 2}),
        firing_at="12m",
        quiet={
            "in time": lags({20.0: 100}),
            "a rebuild": together(lags({20.0: 98, 50_000.0: 2}), rebuilt((60, 1))),
        },
        fires_too={
            "a rebuild before": Still(
                together(lags({20.0: 98, 50_000.0: 2}), rebuilt((12, 1), (48, 0))), "30m"
            ),
        },
        edges={
            "above_ms": Edge(lambda ms: lags(with_quantile(catalog.PROJECTION_LAG, 0.99, ms))),
            "minimum_operations": Edge(lambda n: lags({50_000.0: n / 5})),
        },
        lenient={"above_ms": 50_000_000.0, "minimum_operations": 1000, "for_": "1h"},
    ),
    Case(
        "CqrsProjectionClockSkew",
        "projection", "warning", PROJECTIONS_UID, {"projection_name": "orders"},
        "6% of the events of projection orders bear a time in the future", "14m",
        fires=skewed(6, of=100),
        firing_at="17m",
        quiet={"clocks agree": skewed(0, of=1000)},
        edges={
            "above_ratio": Edge(
                lambda share: together(skewed(100 * share, of=50), events(error=50))
            ),
            "minimum_operations": Edge(
                lambda n: together(skewed(n / 5, of=n / 10), events(error=n / 10))
            ),
        },
        lenient={"above_ratio": 0.5, "minimum_operations": 1000, "for_": "1h"},
    ),
    Case(
        "CqrsProjectionNotProgressing", "projection", "critical", PROJECTIONS_UID, LABELS,
        "Projection orders applies nothing; the past makes expect 299 events in 5m", "88m",
        fires=together(produced((120, 60)), applied((80, 60), (20, 0), (20, 60))),
        firing_at="91m",
        over_at="103m",
        since="80m",
        quiet={
            "only events of others arrive": Quiet(
                together(
                    produced((80, 60), (40, 0)), produced((120, 60), kind="ItemAdded"),
                    applied((80, 60), (40, 0)),
                ),
                at=STALLED,
            ),
            "no input": Quiet(
                together(produced((80, 60), (40, 0)), applied((80, 60), (40, 0))), at=STALLED
            ),
            "a rebuild that applies nothing": Quiet(
                together(
                    produced((120, 60)), applied((80, 60), (40, 0)),
                    rebuilt((80, 0), (40, 1)),
                ),
                at=STALLED,
            ),
            "a rebuild": Quiet(
                together(
                    produced((120, 60)), live((80, 60), (40, 0)), handled((80, 60), (40, 600))
                ),
                at=STALLED,
            ),
            "it picks few, after a rebuild": Quiet(
                together(
                    produced((120, 60)), live((80, 0.98), (40, 0)),
                    handled((20, 1), (20, 6000), (40, 1), (40, 0)),
                ),
                at=STALLED,
            ),
            "applied long ago": Quiet(
                steps((300, 1, 1), (400, 1, 0), (40, 1, 0)), at=("715m",), every="5m"
            ),
            "what waits is known, which is another's": Quiet(
                together(
                    produced((120, 60)), applied((80, 60), (40, 0)),
                    of_job("writer", held(catalog.PROJECTION_PENDING, ORDERS, (120, 0))),
                ),
                at=STALLED,
            ),
            "never seen": Quiet(produced((120, 60)), at=STALLED),
            "a deployment of eight minutes": Quiet(
                together(produced((120, 60)), applied((80, 60), (8, 0), (32, 60))), at=STALLED
            ),
        },
        fires_too={
            "its probe fails": Still(
                together(
                    produced((120, 60)), applied((80, 60), (40, 0)),
                    of_job(
                        "writer", held(catalog.PROJECTION_PENDING, ORDERS, (80, 0), (40, None))
                    ),
                ),
                "97m",
            ),
            "it fails on each attempt": Firing(
                together(
                    produced((120, 60)), applied((80, 60), (40, 0)),
                    handled((80, 0), (40, 60), status=catalog.ERROR),
                ),
                "Projection orders applies nothing; the past makes expect 299 events in 5m", "91m",
            ),
            "it picked them all since long ago": Still(
                steps((300, 100, 0), (400, 0.05, 0.05), (40, 0.05, 0)), "715m", every="5m"
            ),
            "a rebuild before": Still(
                together(
                    produced((120, 60)), applied((80, 60), (40, 0)),
                    rebuilt((79, 1), (41, 0)),
                ),
                "97m",
            ),
            "each of its instances applies all": Firing(
                together(produced((120, 60)), applied((80, 180), (40, 0))),
                "Projection orders applies nothing; the past makes expect 300 events in 5m", "95m",
            ),
        },
        edges={
            "minimum_events": Edge(
                lambda n: steps((400, 1, n / 300), (30, 1, 0)), "415m", every="5m"
            ),
        },
        lenient={"minimum_events": 301, "for_": "1h"},
    ),
    Case(
        "CqrsProjectionFallingBehind", "projection", "warning", PROJECTIONS_UID, LABELS,
        "The lag of projection orders grows by 100 ms each second", "35m",
        fires=lag_of(*[100] * 20, *(6000 * n for n in range(40)), *[100] * 20),
        firing_at="50m",
        over_at="75m",
        since="20m",
        quiet={
            "a rebuild": Quiet(
                together(
                    lag_of(*[100] * 20, *(6000 * n for n in range(40))), rebuilt((60, 1))
                ),
                at=LAGGED,
            ),
            "one jump": Quiet(lag_of(*[100] * 20, *[600_000] * 40), at=LAGGED),
            "catching up": Quiet(
                lag_of(*[100] * 20, *(600_000 - 15_000 * n for n in range(40))), at=LAGGED
            ),
        },
        fires_too={
            "a rebuild before": Still(
                together(
                    lag_of(*[100] * 20, *(6000 * n for n in range(40))),
                    rebuilt((25, 1), (35, 0)),
                ),
                "50m",
            ),
        },
        edges={
            "above_ms": Edge(caught_up, at="20m"),
            "above_ms_per_second": Edge(
                lambda slope: lag_of(*[100] * 20, *(60 * slope * n for n in range(60))), at="60m"
            ),
            "minimum_operations": Edge(
                lambda n: lag_of(*[100] * 20, *(6000 * m for m in range(40)), per_minute=n / 5),
                at="50m",
            ),
        },
        lenient={
            "above_ms": 10_000_000.0, "above_ms_per_second": 101.0, "minimum_operations": 1000,
            "for_": "1h",
        },
    ),
)  # fmt: skip
