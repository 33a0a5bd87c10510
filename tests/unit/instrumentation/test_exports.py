"""What the package exports, imports and requires."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import requires

import cqrs_telemetry
from waits import LIMIT

NAMES = [
    "Backlog",
    "CommandOperation",
    "CqrsTelemetry",
    "InstrumentedCommandBus",
    "InstrumentedProjectionHandler",
    "InstrumentedQueryBus",
    "NoHandlerError",
    "NotSeenError",
    "Operation",
    "ProjectionOperation",
    "ProjectionWatch",
    "QueryOperation",
    "Rebuild",
    "current_operation",
    "extract_context",
    "inject_context",
]


def test_exported_names_are_pinned() -> None:
    """Adding or removing a public name is a decision, not an accident."""
    assert cqrs_telemetry.__all__ == NAMES == sorted(NAMES)
    assert all(hasattr(cqrs_telemetry, name) for name in NAMES)


def test_importing_does_not_import_an_sdk() -> None:
    """The API alone, and nothing of ours that needs an extra."""
    program = "import sys, cqrs_telemetry; print(*sorted(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=LIMIT
    )
    modules = result.stdout.split()
    foreign = ("opentelemetry.sdk", "opentelemetry.exporter", "prometheus_client")
    assert not [m for m in modules if m.startswith(foreign)]
    assert "cqrs_telemetry.testing" not in modules
    assert "cqrs_telemetry.prometheus" not in modules


def test_importing_is_quick() -> None:
    """What takes longer to import than all of this package is left to who needs it."""
    program = (
        "import sys, opentelemetry.trace, opentelemetry.metrics, opentelemetry.propagate;"
        "before = set(sys.modules); import cqrs_telemetry; print(*set(sys.modules) - before)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=LIMIT
    )
    added = set(result.stdout.split())
    assert "cqrs_telemetry" in added
    assert not added & {"asyncio", "concurrent.futures", "importlib.metadata", "email", "ssl"}


def test_the_api_is_the_only_requirement() -> None:
    """Everything else is an extra."""
    plain = [line for line in requires("cqrs-telemetry") or [] if "extra ==" not in line]
    assert len(plain) == 1
    assert plain[0].startswith("opentelemetry-api>=")
