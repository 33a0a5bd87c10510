"""All faults by name."""

from __future__ import annotations

from . import message_faults, read_model_faults, telemetry_faults
from .fault import Fault

FAULTS = {
    fault.name: fault
    for fault in (
        *message_faults.FAULTS,
        *read_model_faults.FAULTS,
        *telemetry_faults.FAULTS,
    )
}


class UnknownFaultError(Exception):
    """No fault has that name."""


def fault_named(name: str | None) -> Fault | None:
    """The fault of a name; None for none.

    Raises:
        UnknownFaultError: Lists the names that there are.
    """
    if not name:
        return None
    if name not in FAULTS:
        raise UnknownFaultError(f"no fault is called {name!r}; known: {', '.join(FAULTS)}")
    return FAULTS[name]
