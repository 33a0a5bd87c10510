"""Cases of the alerts of the read side."""

from __future__ import annotations

from cqrs_alerts.links import READ_PATH_UID
from cqrs_telemetry import catalog

from .case import Case, Firing, Quiet, Traffic
from .traffic import Phase, counted, heartbeat, held, observed, queries, query_times, together

QUERY = {catalog.QUERY_TYPE: "FindOrders"}
LABELS = {"query_type": "FindOrders"}


def queries_in(*phases: Phase, status: str = catalog.SUCCESS, error: str = "") -> Traffic:
    """Queries of one outcome, in phases of so many a minute."""
    labels = {**QUERY, catalog.QUERY_STATUS: status}
    if error:
        labels[catalog.ERROR_TYPE] = error
    return counted(catalog.QUERY_TOTAL, labels, *phases)


def in_flight(*phases: Phase) -> Traffic:
    """Queries that each of the two instances has in hand."""
    return held(catalog.QUERY_ACTIVE, QUERY, *phases)


def reporting(minutes: int) -> Traffic:
    """The service reports for so long."""
    return heartbeat(f"0x{minutes} stale")


def results(*phases: tuple[int, dict[float, float]]) -> Traffic:
    """Numbers of items that queries return, in phases."""
    return observed(catalog.QUERY_RESULT_SIZE, QUERY, *phases)


GROWN = ("68m", "71m", "73m", "80m", "95m")
STOPPED = ("93m", "95m", "97m", "100m")

CASES = (
    Case(
        "CqrsQueryErrorsHigh",
        "read", "warning", READ_PATH_UID, {"query_type": "FindOrders"},
        "6% of FindOrders queries fail", "5m",
        fires=queries(success=94, error=6),
        quiet={
            "just below": queries(success=952, error=48),
            "rejections are answers": queries(success=50, rejected=40, cancelled=10),
            "too few to tell": queries(success=1, error=2.9),
        },
        lenient={"above_ratio": 0.5, "minimum_operations": 1000, "for_": "1h"},
    ),
    Case(
        "CqrsQueryLatencyHigh",
        "read", "warning", READ_PATH_UID, {"query_type": "FindOrders"},
        # Rank 95 of 100 is half way through the ten in the bucket (500, 1000].
        "5% of FindOrders queries take longer than 750 ms", "9m",
        fires=query_times({20.0: 90, 800.0: 10}),
        quiet={
            "just below": query_times({400.0: 96, 800.0: 4}),
            "too few to tell": query_times({800.0: 3.9}),
        },
        lenient={"above_ms": 5000.0, "minimum_operations": 1000, "for_": "1h"},
    ),
    Case(
        "CqrsQueriesStuck", "read", "critical", READ_PATH_UID, LABELS,
        "6 FindOrders queries in flight, none ends", "29m",
        fires=together(queries_in((20, 120), (50, 0)), in_flight((20, 0), (25, 3), (25, 0))),
        firing_at="31m",
        over_at="47m",
        quiet={
            "one ends now and then": together(
                queries_in((20, 120), (40, 0.5)), in_flight((20, 0), (40, 3))
            ),
            "idle": together(queries_in((20, 120), (40, 0)), in_flight((60, 0))),
            "for eight minutes": Quiet(
                together(queries_in((20, 120), (40, 0)), in_flight((20, 0), (8, 3), (32, 0))),
                at=("29m", "30m", "31m", "40m"),
            ),
            "in hand at each look, but others": Quiet(
                together(queries_in((60, 120)), in_flight((60, 3))), at=("12m", "30m")
            ),
            "first scraped while in hand": Quiet(
                in_flight((5, None), (9, 3), (30, 0)), at=("14m",)
            ),
        },
        fires_too={
            "one is enough, and none ever ended": Firing(
                lambda service: in_flight((40, 1))(service)[:1],
                "1 FindOrders queries in flight, none ends", "11m",
            ),
        },
        lenient={"minimum_in_flight": 7, "window": "1h", "for_": "1h"},
    ),
    Case(
        "CqrsQueriesStopped", "read", "warning", READ_PATH_UID, {},
        "No queries arrive; 7200 did in the past", "93m",
        fires=together(queries_in((80, 120), (20, 0), (20, 120)), reporting(120)),
        firing_at="95m",
        over_at="103m",
        quiet={
            "too few in the past": Quiet(
                together(queries_in((80, 1.65), (40, 0)), reporting(120)), at=STOPPED
            ),
            "a batch of less than half the past": Quiet(
                together(queries_in((55, 0), (24, 120), (41, 0)), reporting(120)), at=STOPPED
            ),
            "idle": Quiet(together(queries_in((120, 0)), reporting(120)), at=STOPPED),
            "new": Quiet(
                together(queries_in((20, 120), (40, 0)), reporting(60)), at=("34m", "36m")
            ),
            "the service does not report": Quiet(
                together(queries_in((80, 120), (40, 0)), reporting(84)), at=STOPPED
            ),
            "a lull of thirteen minutes": Quiet(
                together(queries_in((80, 120), (13, 0), (27, 120)), reporting(120)), at=STOPPED
            ),
        },
        fires_too={
            "the new processes never had one": Firing(
                together(
                    lambda service: [
                        {**line, "values": f"{line['values']} stale"}
                        for line in queries_in((80, 120))(service)
                    ],
                    reporting(120),
                ),
                "No queries arrive; 7200 did in the past", "95m",
            ),
            "just enough in the past": Firing(
                together(queries_in((80, 1.67), (40, 0)), reporting(120)),
                "No queries arrive; 100 did in the past", "95m",
            ),
        },
        lenient={"minimum_operations": 10_000, "past": "3h", "for_": "1h"},
    ),
    Case(
        "CqrsQueryTypeUnknown", "read", "warning", READ_PATH_UID, LABELS,
        "FindOrders queries without a handler 0.2 times a second", "2m",
        fires=queries_in((30, 12), (60, 0), status=catalog.ERROR, error="NoHandlerError"),
        firing_at="10m",
        over_at="52m",
        quiet={
            "other failures": queries_in((60, 12), status=catalog.ERROR, error="ValueError"),
            "of the past": queries_in((60, 0), status=catalog.ERROR, error="NoHandlerError"),
        },
        lenient={"for_": "1h"},
    ),
    Case(
        "CqrsQueryResultsHuge", "read", "warning", READ_PATH_UID, LABELS,
        # Rank 95 of 100 in the bucket (1000, 2500].
        "5% of FindOrders queries return more than 2425 items", "70m",
        fires=results((60, {10: 100}), (40, {2000: 100}), (40, {10: 100})),
        firing_at="73m",
        over_at="107m",
        quiet={
            "below the floor": Quiet(results((60, {10: 100}), (40, {900: 100})), at=GROWN),
            # The past's p95 is 250 + 250 * 0.95, and five times that is 2437.5.
            "below the factor": Quiet(results((60, {400: 100}), (40, {2000: 100})), at=GROWN),
            "always large": Quiet(results((100, {2000: 100})), at=("12m", *GROWN)),
            "too few": Quiet(results((60, {10: 3.9}), (40, {2000: 3.9})), at=GROWN),
            "for nine minutes": Quiet(
                results((60, {10: 100}), (4, {2000: 100}), (40, {10: 100})), at=GROWN
            ),
        },
        fires_too={
            "always beyond the last bucket": Firing(
                results((40, {200_000: 100})),
                "5% of FindOrders queries return more than 100000 items", "12m",
            ),
            "just above the factor": Firing(
                results((60, {150: 95.5, 400: 4.5}), (40, {2000: 100})),
                "5% of FindOrders queries return more than 2425 items", "75m",
            ),
            "just enough": Firing(
                results((60, {10: 4.1}), (40, {2000: 4.1})),
                "5% of FindOrders queries return more than 2425 items", "75m",
            ),
        },
        lenient={
            "above_items": 3000.0, "factor": 500.0, "minimum_operations": 1000, "for_": "1h",
        },
    ),
)  # fmt: skip
