"""Alerts on what the others depend on: processes that report, and the instrumentation itself."""

from __future__ import annotations

from cqrs_telemetry import catalog

from .alert import Alert, Query
from .conditions import PER_SECOND, absent, any_of, busiest, current, description
from .links import WRITE_PATH_UID
from .recording import FAULT_RATE, INSTANCES, OVERFLOW_RATE

ALERTS = (
    Alert(
        "CqrsTelemetryAbsent", "telemetry", WRITE_PATH_UID,
        "A service stopped reporting",
        description(INSTANCES, "No process of the service reports any more"),
        absent,
        (
            Query("Processes that report now", current(INSTANCES)),
            Query("Targets that cannot be scraped", lambda _: "up == 0"),
        ),
    ),
    Alert(
        "CqrsTelemetryFaults", "telemetry", WRITE_PATH_UID,
        "The instrumentation itself fails",
        description(
            FAULT_RATE,
            f"Instrumentation of the {{cqrs_side}} side raises {{error_type}} {PER_SECOND}",
        ),
        any_of(FAULT_RATE),
        (Query("Faults per second, by exception", busiest(FAULT_RATE)),),
    ),
    Alert(
        "CqrsTypeNameOverflow", "telemetry", WRITE_PATH_UID,
        f"More names than the limit: the rest is recorded as {catalog.OTHER_TYPE}",
        description(
            OVERFLOW_RATE,
            f"On the {{cqrs_side}} side, {{attribute_key}} exceeds its limit of names {PER_SECOND}",
        ),
        any_of(OVERFLOW_RATE),
        (Query("Operations under a folded name, per second", busiest(OVERFLOW_RATE)),),
    ),
)  # fmt: skip
