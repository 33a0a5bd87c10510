"""Cases of the alerts of what the others depend on."""

from __future__ import annotations

from cqrs_alerts.links import PIPELINE_UID
from cqrs_telemetry import catalog

from .case import Case, Firing, Quiet, Still
from .traffic import begun, counted, faults, heartbeat, together

FAULTY = {catalog.SIDE: catalog.READ, catalog.ERROR_TYPE: "TypeError"}
CROWDED = {catalog.SIDE: catalog.WRITE, catalog.ATTRIBUTE_KEY: "command.type"}

CASES = (
    Case(
        "CqrsTelemetryAbsent",
        "telemetry", "critical", PIPELINE_UID, {},
        "No process of the service reports any more", "14m",
        fires=heartbeat("0x10 stale"),
        since="10m",
        quiet={
            "a deployment of four minutes": heartbeat("0x18 stale _x4 0x60"),
            "idle": heartbeat("0x60"),
            "one instance of two is gone": lambda service: [
                {**line, "values": line["values"] if number else "0x10 stale"}
                for number, line in enumerate(heartbeat("0x60")(service))
            ],
            "removed for longer than the lookback": Quiet(
                lambda service: [
                    {**line, "values": "0 stale"} for line in heartbeat("0x60")(service)
                ],
                at=("365m",),
            ),
        },
        firing_at="60m",
    ),
    Case(
        "CqrsTelemetryFaults",
        "telemetry", "warning", PIPELINE_UID, {"cqrs_side": "read", "error_type": "TypeError"},
        "Instrumentation of the read side raised TypeError 60 times in 5m", "2m",
        fires=counted(catalog.TELEMETRY_FAULTS, FAULTY, (30, 12), (60, 0)),
        firing_at="10m",
        kept_at="47m",
        over_at="52m",
        quiet={
            "faults of the past": faults("7x60"),
            "first scraped after one": Quiet(
                together(begun(catalog.TELEMETRY_FAULTS, FAULTY, 10), heartbeat("_x10 0x60")),
                at=("13m", "15m", "20m"),
            ),
            "long after the first one": Quiet(
                together(begun(catalog.TELEMETRY_FAULTS, FAULTY, 10), heartbeat("0x60")),
                at=("35m",),
            ),
        },
        fires_too={
            "the first one ever": Firing(
                together(begun(catalog.TELEMETRY_FAULTS, FAULTY, 10), heartbeat("0x60")),
                "Instrumentation of the read side raised TypeError 1 times in 5m", "13m",
            ),
            "one more": Still(faults("1x10 2x60"), "14m"),
        },
        lenient={"for_": "1h"},
    ),
    Case(
        "CqrsTypeNameOverflow",
        "telemetry", "warning", PIPELINE_UID,
        {"cqrs_side": "write", "attribute_key": "command.type"},
        "On the write side, 60 operations in 5m had a name beyond the limit of command.type", "2m",
        fires=counted(catalog.TELEMETRY_OVERFLOW, CROWDED, (30, 12), (60, 0)),
        firing_at="10m",
        kept_at="47m",
        over_at="52m",
        quiet={"at the limit": heartbeat("7x60")},
        fires_too={"one is enough": Still(heartbeat("0x10 1x60"), "14m")},
        lenient={"for_": "1h"},
    ),
)  # fmt: skip
