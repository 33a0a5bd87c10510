"""Cases of the alerts of the read side."""

from __future__ import annotations

from cqrs_alerts.links import READ_PATH_UID
from cqrs_alerts.recording import QUERY_RATE, RESULT_SIZE_BUCKETS
from cqrs_telemetry import catalog

from ..conftest import InputSeries, Service
from .case import Case, Edge, Firing, Quiet, Still, Traffic
from .traffic import (
    Phase,
    begun,
    counted,
    heartbeat,
    held,
    observed,
    of_job,
    queries,
    query_times,
    recorded,
    together,
    with_quantile,
)

ORDERS = {catalog.PROJECTION_NAME: "orders"}
QUERY = {catalog.QUERY_TYPE: "FindOrders"}
LABELS = {"query_type": "FindOrders"}


def queries_in(*phases: Phase, status: str = catalog.SUCCESS, error: str = "") -> Traffic:
    """Queries of one outcome, in phases of so many a minute."""
    labels = {**QUERY, catalog.QUERY_STATUS: status}
    if error:
        labels[catalog.ERROR_TYPE] = error
    return counted(catalog.QUERY_TOTAL, labels, *phases)


def first_error(minute: int, error: str = "NoHandlerError") -> Traffic:
    """A query that fails, and no more."""
    labels = {**QUERY, catalog.QUERY_STATUS: catalog.ERROR, catalog.ERROR_TYPE: error}
    return begun(catalog.QUERY_TOTAL, labels, minute)


def in_flight(*phases: Phase) -> Traffic:
    """Queries that each of the two instances has in hand."""
    return held(catalog.QUERY_ACTIVE, QUERY, *phases)


def reporting(minutes: int) -> Traffic:
    """The service reports for so long."""
    return heartbeat(f"0x{minutes} stale")


def results(*phases: tuple[int, dict[float, float]]) -> Traffic:
    """Numbers of items that queries return, in phases."""
    return observed(catalog.QUERY_RESULT_SIZE, QUERY, *phases)


def rates(*phases: tuple[int, float]) -> Traffic:
    """Recorded rates of two types and outcomes whose sum is, in phases, so much a second."""
    half = [(minutes, rate / 2) for minutes, rate in phases]
    return together(
        *(
            recorded(QUERY_RATE, {"query_type": name, "query_status": status}, *half)
            for name, status in (("One", catalog.SUCCESS), ("Two", catalog.ERROR))
        )
    )


Sizes = dict[str, float]  # bound of a bucket: rate of the results up to it
SMALL: Sizes = {"5.0": 0, "10.0": 1, "+Inf": 1}
# The quantile of these is 500 + 500 * 0.95.
CONSIDERABLE: Sizes = {"500.0": 0, "1000.0": 1, "+Inf": 1}
HUGE: Sizes = {"50000.0": 0, "100000.0": 1, "+Inf": 1}


def around(quantile: float) -> Sizes:
    """Results of which Prometheus takes so many for the quantile, if a bucket ends beyond it."""
    metric = catalog.QUERY_RESULT_SIZE
    if quantile > metric.bounds[-1]:
        return {str(metric.bounds[-1]): 0, "+Inf": 1}
    (low, below), (high, more) = with_quantile(metric, 0.95, quantile).items()
    return {str(low): below / 100, str(high): (below + more) / 100, "+Inf": 1}


def sizes(*phases: tuple[int, Sizes, float]) -> Traffic:
    """Recorded rates of results up to each bound, in phases of buckets and how many they hold."""
    bounds = dict.fromkeys(bound for _, buckets, _ in phases for bound in buckets)
    return together(
        *(
            recorded(
                RESULT_SIZE_BUCKETS,
                {**LABELS, "le": bound},
                *((minutes, cumulative(buckets, bound) * n) for minutes, buckets, n in phases),
            )
            for bound in bounds
        )
    )


def cumulative(buckets: Sizes, bound: str) -> float:
    """Rate up to a bound, which need not be one of those given."""
    return max((n for each, n in buckets.items() if float(each) <= float(bound)), default=0)


GROWN = ("68m", "71m", "73m", "80m", "95m")
STOPPED = ("93m", "95m", "97m", "100m")


def waits(query: str = "FindOrders", **per_minute: float) -> Traffic:
    """Queries that wait for their caller's own write, by outcome."""

    def series(service: Service) -> InputSeries:
        kind = {catalog.QUERY_TYPE: query, **ORDERS}
        return [
            line
            for status, often in per_minute.items()
            for line in service.histogram(
                catalog.QUERY_WAIT, {**kind, catalog.WAIT_STATUS: status}, {20.0: often}
            )
        ]

    return series


CASES = (
    Case(
        "CqrsQueryErrorsHigh",
        "read", "warning", READ_PATH_UID, {"query_type": "FindOrders"},
        "6% of FindOrders queries fail", "5m",
        fires=queries(success=94, error=6),
        firing_at="7m",
        quiet={"rejections are answers": queries(success=50, rejected=40, cancelled=10)},
        edges={
            "above_ratio": Edge(
                lambda share: queries(success=100 - 100 * share, error=100 * share)
            ),
            "minimum_operations": Edge(lambda n: queries(success=n / 10, error=n / 10)),
        },
        lenient={"above_ratio": 0.5, "minimum_operations": 1000, "for_": "1h"},
    ),
    Case(
        "CqrsQueryLatencyHigh",
        "read", "warning", READ_PATH_UID, {"query_type": "FindOrders"},
        # Rank 95 of 100 is half way through the ten in the bucket (500, 1000].
        "5% of FindOrders queries take longer than 750 ms", "9m",
        fires=query_times({20.0: 90, 800.0: 10}),
        firing_at="12m",
        quiet={"fast": query_times({20.0: 100})},
        edges={
            "above_ms": Edge(
                lambda ms: query_times(with_quantile(catalog.QUERY_DURATION, 0.95, ms))
            ),
            "minimum_operations": Edge(lambda n: query_times({800.0: n / 5})),
        },
        lenient={"above_ms": 5000.0, "minimum_operations": 1000, "for_": "1h"},
    ),
    Case(
        "CqrsQueriesStuck", "read", "critical", READ_PATH_UID, LABELS,
        "6 FindOrders queries in flight, none ends", "29m",
        fires=together(queries_in((20, 120), (50, 0)), in_flight((20, 0), (25, 3), (25, 0))),
        firing_at="31m",
        over_at="47m",
        since="20m",
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
        edges={
            "minimum_in_flight": Edge(
                lambda n: together(queries_in((20, 120), (40, 0)), in_flight((20, 0), (40, n / 2))),
                at="40m",
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
        since="80m",
        quiet={
            "often before, but in less than half of the past": Quiet(
                together(rates((60, 5), (35, 0), (25, 5), (40, 0)), reporting(160)), at=("135m",)
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
        },
        edges={
            "minimum_operations": Edge(
                lambda n: together(rates((90, n / 3600), (60, 0)), reporting(160)), at="103m"
            ),
            "half of the past": Edge(
                lambda minutes: together(
                    rates((60 - round(minutes), 0), (round(minutes), 5), (60, 0)), reporting(120)
                ),
                at="91m", limit=30,
            ),
        },
        lenient={"minimum_operations": 10_000, "past": "3h", "for_": "1h"},
    ),
    Case(
        "CqrsQueryTypeUnknown", "read", "warning", READ_PATH_UID, LABELS,
        "60 FindOrders queries without a handler in 5m", "2m",
        fires=queries_in((30, 12), (60, 0), status=catalog.ERROR, error="NoHandlerError"),
        firing_at="10m",
        kept_at="47m",
        over_at="52m",
        quiet={
            "other failures": together(
                queries_in((60, 12), status=catalog.ERROR, error="ValueError"),
                first_error(18, error="KeyError"),
                heartbeat("0x60"),
            ),
            "of the past": queries_in((60, 0), status=catalog.ERROR, error="NoHandlerError"),
            "rejections": queries_in((60, 12), status=catalog.REJECTED, error="NoHandlerError"),
            "first scraped after some": Quiet(
                together(first_error(10), heartbeat("_x10 0x60")), at=("13m", "15m", "20m")
            ),
            "long after the first ones": Quiet(
                together(first_error(10), heartbeat("0x60")), at=("35m",)
            ),
        },
        fires_too={
            "the first ones ever": Firing(
                together(first_error(10), heartbeat("0x60")),
                "1 FindOrders queries without a handler in 5m", "13m",
            ),
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
        since="60m",
        quiet={
            "always large": Quiet(results((100, {2000: 100})), at=("12m", *GROWN)),
            "for nine minutes": Quiet(
                results((60, {10: 100}), (4, {2000: 100}), (40, {10: 100})), at=GROWN
            ),
        },
        fires_too={
            "always beyond the last bucket": Firing(
                results((40, {200_000: 100})),
                "5% of FindOrders queries return more than 100000 items", "12m",
            ),
            "as large as long ago": Still(
                sizes((300, CONSIDERABLE, 1), (1500, SMALL, 1), (30, around(2000), 1)),
                "1815m", every="5m",
            ),
            "as large as at the start": Still(
                sizes((10, CONSIDERABLE, 0.01), (30, SMALL, 1), (30, around(2000), 1)), "54m"
            ),
        },
        edges={
            "above_items": Edge(
                lambda items: sizes((60, SMALL, 1), (30, around(items), 1)), at="73m"
            ),
            "factor": Edge(
                lambda factor: sizes((60, CONSIDERABLE, 1), (30, around(975 * factor), 1)), at="73m"
            ),
            "minimum_operations": Edge(
                lambda n: sizes((60, SMALL, n / 300), (30, around(2000), n / 300)), at="73m"
            ),
            "the last bucket": Edge(
                lambda items: sizes((60, HUGE, 1), (30, around(items), 1)), at="73m", limit=100_000
            ),
        },
        lenient={
            "above_items": 3000.0, "factor": 500.0, "minimum_operations": 1000, "for_": "1h",
        },
    ),
    Case(
        "CqrsReadYourWritesTimeout", "read", "warning", READ_PATH_UID,
        {"query_type": "FindOrders", "projection_name": "orders"},
        "6% of FindOrders queries that wait for projection orders to show the caller's own write "
        "give up", "5m",
        fires=waits(seen=94, timed_out=6),
        firing_at="7m",
        quiet={
            "all are seen": waits(seen=100),
            "a rebuild": together(
                waits(seen=94, timed_out=6),
                of_job("rebuild", held(catalog.PROJECTION_REBUILDING, ORDERS, (60, 1))),
            ),
            "another query's": lambda service: [
                *waits(seen=100)(service), *waits(query="FindStock", timed_out=3)(service)
            ],
        },
        fires_too={
            "a rebuild before": Still(
                together(
                    waits(seen=94, timed_out=6),
                    of_job(
                        "rebuild", held(catalog.PROJECTION_REBUILDING, ORDERS, (12, 1), (48, 0))
                    ),
                ),
                "30m",
            ),
        },
        edges={
            "above_ratio": Edge(
                lambda share: waits(seen=100 - 100 * share, timed_out=100 * share)
            ),
            "minimum_operations": Edge(lambda n: waits(seen=n / 10, timed_out=n / 10)),
        },
        lenient={"above_ratio": 0.5, "minimum_operations": 1000, "for_": "1h"},
    ),
)  # fmt: skip
