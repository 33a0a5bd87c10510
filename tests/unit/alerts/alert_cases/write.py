"""Cases of the alerts of the write side."""

from __future__ import annotations

from cqrs_alerts.links import WRITE_PATH_UID
from cqrs_alerts.recording import COMMAND_RATE, COMMAND_REJECTION_RATE, EVENTS_PRODUCED_RATE
from cqrs_telemetry import catalog

from .case import Case, Edge, Firing, Quiet, Still, Traffic
from .traffic import (
    Phase,
    begun,
    command_times,
    commands,
    counted,
    heartbeat,
    held,
    observed,
    of_job,
    recorded,
    together,
    with_quantile,
)

COMMAND = {catalog.COMMAND_TYPE: "PlaceOrder"}
LABELS = {"command_type": "PlaceOrder"}
AGGREGATE = {catalog.AGGREGATE_TYPE: "Order", catalog.AGGREGATE_SNAPSHOT: catalog.SNAPSHOT_MISS}


def commands_in(*phases: Phase, status: str = catalog.SUCCESS, error: str = "") -> Traffic:
    """Commands of one outcome, in phases of so many a minute."""
    labels = {**COMMAND, catalog.COMMAND_STATUS: status}
    if error:
        labels[catalog.ERROR_TYPE] = error
    return counted(catalog.COMMAND_TOTAL, labels, *phases)


def loads(per_minute: dict[float, float]) -> Traffic:
    """Aggregates that are made of so many events: ``{events: how often}``."""
    return lambda service: service.histogram(catalog.AGGREGATE_LOAD_EVENTS, AGGREGATE, per_minute)


def first_error(minute: int, error: str = "NoHandlerError") -> Traffic:
    """A command that fails, and no more."""
    labels = {**COMMAND, catalog.COMMAND_STATUS: catalog.ERROR, catalog.ERROR_TYPE: error}
    return begun(catalog.COMMAND_TOTAL, labels, minute)


def in_flight(*phases: Phase) -> Traffic:
    """Commands that each of the two instances has in hand."""
    return held(catalog.COMMAND_ACTIVE, COMMAND, *phases)


def reporting(minutes: int) -> Traffic:
    """The service reports for so long."""
    return heartbeat(f"0x{minutes} stale")


def produced(*phases: Phase) -> Traffic:
    """Events of the command, in phases of so many a minute."""
    labels = {**COMMAND, catalog.EVENT_TYPE: "OrderPlaced"}
    return counted(catalog.EVENTS_PRODUCED, labels, *phases)


def rates(*phases: tuple[int, float]) -> Traffic:
    """Recorded rates of two types and outcomes whose sum is, in phases, so much a second."""
    half = [(minutes, rate / 2) for minutes, rate in phases]
    return together(
        *(
            recorded(COMMAND_RATE, {"command_type": name, "command_status": status}, *half)
            for name, status in (("One", catalog.SUCCESS), ("Two", catalog.ERROR))
        )
    )


def rejections(*phases: tuple[int, float, float]) -> Traffic:
    """Commands that succeed and that are rejected, in phases of so many a minute each."""
    return together(
        commands_in(*((minutes, good) for minutes, good, _ in phases)),
        commands_in(
            *((minutes, rejected) for minutes, _, rejected in phases),
            status=catalog.REJECTED,
            error="SoldOut",
        ),
    )


def shares(*phases: tuple[int, float, float]) -> Traffic:
    """Recorded rates of commands and of those that are rejected, in phases.

    Another service and another type have many commands and no rejections.
    """
    success, cancelled = (
        recorded(
            COMMAND_RATE,
            {**LABELS, "command_status": status},
            *((minutes, (rate - rejected) / 2) for minutes, rate, rejected in phases),
        )
        for status in (catalog.SUCCESS, "cancelled")
    )
    refused = tuple((minutes, rejected) for minutes, _, rejected in phases)
    status = {"command_status": catalog.REJECTED}
    whole = sum(minutes for minutes, *_ in phases)
    fine = {"command_status": catalog.SUCCESS}
    return together(
        success,
        cancelled,
        recorded(COMMAND_RATE, {**LABELS, **status}, *refused),
        recorded(COMMAND_REJECTION_RATE, {**LABELS, "error_type": "SoldOut"}, *refused),
        of_job("another", recorded(COMMAND_RATE, {**LABELS, **fine}, (whole, 100))),
        recorded(COMMAND_RATE, {"command_type": "Another", **fine}, (whole, 100)),
    )


def eventful(n: float) -> Traffic:
    """Each command led to events of two types, so many in five minutes; now to none."""
    return together(
        recorded(COMMAND_RATE, {**LABELS, "command_status": catalog.SUCCESS}, (120, 1)),
        *(
            recorded(EVENTS_PRODUCED_RATE, {**LABELS, "event_type": event}, (80, n / 600), (40, 0))
            for event in ("OrderPlaced", "StockReserved")
        ),
    )


SURGED = ("128m", "131m", "133m", "140m", "150m")
STOPPED = ("93m", "95m", "97m", "100m")

CASES = (
    Case(
        "CqrsCommandErrorsHigh",
        "write", "warning", WRITE_PATH_UID, {"command_type": "PlaceOrder"},
        "6% of PlaceOrder commands fail", "5m",
        fires=commands(success=94, error=6),
        firing_at="7m",
        quiet={"rejections are answers": commands(success=50, rejected=40, cancelled=10)},
        edges={
            "above_ratio": Edge(
                lambda share: commands(success=100 - 100 * share, error=100 * share)
            ),
            "minimum_operations": Edge(lambda n: commands(success=n / 10, error=n / 10)),
        },
        lenient={"above_ratio": 0.5, "minimum_operations": 1000, "for_": "1h"},
    ),
    Case(
        "CqrsCommandLatencyHigh",
        "write", "warning", WRITE_PATH_UID, {"command_type": "PlaceOrder"},
        # Rank 95 of 100 is half way through the ten in the bucket (1000, 2500].
        "5% of PlaceOrder commands take longer than 1750 ms", "9m",
        fires=command_times({20.0: 90, 2000.0: 10}),
        firing_at="12m",
        quiet={"fast": command_times({20.0: 100})},
        edges={
            "above_ms": Edge(
                lambda ms: command_times(with_quantile(catalog.COMMAND_DURATION, 0.95, ms))
            ),
            "minimum_operations": Edge(lambda n: command_times({2000.0: n / 5})),
        },
        lenient={"above_ms": 5000.0, "minimum_operations": 1000, "for_": "1h"},
    ),
    Case(
        "CqrsCommandsStuck", "write", "critical", WRITE_PATH_UID, LABELS,
        "6 PlaceOrder commands in flight, none ends", "29m",
        fires=together(commands_in((20, 120), (50, 0)), in_flight((20, 0), (25, 3), (25, 0))),
        firing_at="31m",
        over_at="47m",
        since="20m",
        quiet={
            "one ends now and then": together(
                commands_in((20, 120), (40, 0.5)), in_flight((20, 0), (40, 3))
            ),
            "idle": together(commands_in((20, 120), (40, 0)), in_flight((60, 0))),
            "for eight minutes": Quiet(
                together(commands_in((20, 120), (40, 0)), in_flight((20, 0), (8, 3), (32, 0))),
                at=("29m", "30m", "31m", "40m"),
            ),
            "in hand at each look, but others": Quiet(
                together(commands_in((60, 120)), in_flight((60, 3))), at=("12m", "30m")
            ),
            "first scraped while in hand": Quiet(
                in_flight((5, None), (9, 3), (30, 0)), at=("14m",)
            ),
        },
        fires_too={
            "one is enough, and none ever ended": Firing(
                lambda service: in_flight((40, 1))(service)[:1],
                "1 PlaceOrder commands in flight, none ends", "11m",
            ),
        },
        edges={
            "minimum_in_flight": Edge(
                lambda n: together(
                    commands_in((20, 120), (40, 0)), in_flight((20, 0), (40, n / 2))
                ),
                at="40m",
            ),
        },
        lenient={"minimum_in_flight": 7, "window": "1h", "for_": "1h"},
    ),
    Case(
        "CqrsCommandsStopped", "write", "warning", WRITE_PATH_UID, {},
        "No commands arrive; 7200 did in the past", "93m",
        fires=together(commands_in((80, 120), (20, 0), (20, 120)), reporting(120)),
        firing_at="95m",
        over_at="103m",
        since="80m",
        quiet={
            "often before, but in less than half of the past": Quiet(
                together(rates((60, 5), (35, 0), (25, 5), (40, 0)), reporting(160)), at=("135m",)
            ),
            "idle": Quiet(together(commands_in((120, 0)), reporting(120)), at=STOPPED),
            "new": Quiet(
                together(commands_in((20, 120), (40, 0)), reporting(60)), at=("34m", "36m")
            ),
            "the service does not report": Quiet(
                together(commands_in((80, 120), (40, 0)), reporting(84)), at=STOPPED
            ),
            "a lull of thirteen minutes": Quiet(
                together(commands_in((80, 120), (13, 0), (27, 120)), reporting(120)), at=STOPPED
            ),
        },
        fires_too={
            "the new processes never had one": Firing(
                together(
                    lambda service: [
                        {**line, "values": f"{line['values']} stale"}
                        for line in commands_in((80, 120))(service)
                    ],
                    reporting(120),
                ),
                "No commands arrive; 7200 did in the past", "95m",
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
        "CqrsCommandTypeUnknown", "write", "warning", WRITE_PATH_UID, LABELS,
        "60 PlaceOrder commands without a handler in 5m", "2m",
        fires=commands_in((30, 12), (60, 0), status=catalog.ERROR, error="NoHandlerError"),
        firing_at="10m",
        kept_at="47m",
        over_at="52m",
        quiet={
            "other failures": together(
                commands_in((60, 12), status=catalog.ERROR, error="ValueError"),
                first_error(18, error="KeyError"),
                heartbeat("0x60"),
            ),
            "of the past": commands_in((60, 0), status=catalog.ERROR, error="NoHandlerError"),
            "rejections": commands_in((60, 12), status=catalog.REJECTED, error="NoHandlerError"),
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
                "1 PlaceOrder commands without a handler in 5m", "13m",
            ),
        },
        lenient={"for_": "1h"},
    ),
    Case(
        "CqrsCommandRejectionsSurge", "write", "warning", WRITE_PATH_UID,
        {**LABELS, "error_type": "SoldOut"},
        "20% of PlaceOrder commands are rejected with SoldOut", "130m",
        fires=rejections((120, 98, 2), (30, 80, 20), (30, 98, 2)),
        firing_at="133m",
        over_at="157m",
        since="120m",
        quiet={
            "as often as always": Quiet(rejections((160, 80, 20)), at=SURGED),
            "commands of long ago": Quiet(
                shares((300, 100, 0), (400, 0, 0), (40, 100, 20)), at=("715m",), every="5m"
            ),
            "as often as always, but for many commands of long ago": Quiet(
                shares((300, 1000, 0), (400, 100, 20), (40, 100, 20)), at=("715m",), every="5m"
            ),
            "no past": Quiet(rejections((60, 80, 20)), at=("12m", "14m", "20m", "40m")),
            "more of everything": Quiet(rejections((120, 98, 2), (40, 980, 20)), at=SURGED),
            "for nine minutes": Quiet(
                rejections((120, 98, 2), (5, 80, 20), (35, 98, 2)), at=("130m", "132m", "140m")
            ),
        },
        fires_too={
            "never before": Firing(
                rejections((120, 100, 0), (40, 90, 10)),
                "10% of PlaceOrder commands are rejected with SoldOut", "133m",
            ),
            "rejections of long ago": Still(
                shares((300, 100, 50), (400, 100, 0), (40, 100, 20)), "715m", every="5m"
            ),
            "the past is short": Still(shares((40, 0.05, 0), (30, 10, 10)), "55m", every="5m"),
        },
        edges={
            "above_ratio": Edge(
                lambda share: shares((400, 100, 0), (30, 100, 100 * share)), "415m", every="5m"
            ),
            "minimum_operations": Edge(
                lambda n: shares((400, 100, 0), (30, n / 300, n / 300)), "415m", every="5m"
            ),
            "factor": Edge(
                lambda factor: shares((400, 100, 10), (30, 100, 10 * factor)), "415m", every="5m"
            ),
            "minimum_past_operations": Edge(
                lambda n: shares((400, n / 6 / 3600, 0), (30, 10, 10)), "415m", every="5m"
            ),
        },
        lenient={
            "above_ratio": 0.5, "minimum_operations": 1000, "factor": 50.0,
            "minimum_past_operations": 1_000_000, "for_": "1h",
        },
    ),
    Case(
        "CqrsCommandsWithoutEvents", "write", "warning", WRITE_PATH_UID, LABELS,
        "PlaceOrder commands succeed without events; the past makes expect 500 in 5m", "93m",
        fires=together(commands_in((120, 100)), produced((80, 100), (20, 0), (20, 100))),
        firing_at="95m",
        over_at="103m",
        since="80m",
        quiet={
            "never had events": Quiet(commands_in((120, 100)), at=STOPPED),
            "commands ended as well": Quiet(
                together(commands_in((80, 100), (40, 0)), produced((80, 100), (40, 0))), at=STOPPED
            ),
            "some are left": Quiet(
                together(commands_in((120, 100)), produced((80, 100), (40, 1))), at=STOPPED
            ),
            "for thirteen minutes": Quiet(
                together(commands_in((120, 100)), produced((80, 100), (13, 0), (27, 100))),
                at=STOPPED,
            ),
            "all are rejected": Quiet(
                together(
                    commands_in((80, 100), (40, 0)),
                    commands_in((80, 0), (40, 100), status=catalog.REJECTED, error="SoldOut"),
                    produced((80, 100), (40, 0)),
                ),
                at=STOPPED,
            ),
        },
        edges={"minimum_events": Edge(eventful, at="91m")},
        lenient={"minimum_events": 501, "for_": "1h"},
    ),
    Case(
        "CqrsAggregateNeedsSnapshot", "write", "info", WRITE_PATH_UID,
        {"aggregate_type": "Order"},
        "5% of loads of Order replay more than 750 events", "29m",
        fires=loads({20.0: 90, 800.0: 10}),
        firing_at="35m",
        quiet={
            "short": loads({20.0: 100}),
            "a batch on a few old ones": Quiet(
                observed(
                    catalog.AGGREGATE_LOAD_EVENTS, AGGREGATE,
                    (10, {20.0: 100}), (20, {800.0: 100}), (60, {20.0: 100}),
                ),
                at=("30m", "36m", "60m"),
            ),
        },
        edges={
            "above_events": Edge(
                lambda events: loads(with_quantile(catalog.AGGREGATE_LOAD_EVENTS, 0.95, events)),
                at="40m",
            ),
            "minimum_operations": Edge(lambda n: loads({800.0: n / 5}), at="40m"),
        },
        lenient={"above_events": 5000.0, "minimum_operations": 1000, "for_": "1h"},
    ),
)  # fmt: skip
