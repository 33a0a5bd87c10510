"""Faults that the demo can be asked for by name; there are none yet."""

from __future__ import annotations

FAULTS: tuple[str, ...] = ()


class UnknownFaultError(Exception):
    """No fault has that name."""


def require_known(name: str | None) -> None:
    """Refuse a name that would be ignored.

    Raises:
        UnknownFaultError: Lists the names that there are.
    """
    if name and name not in FAULTS:
        raise UnknownFaultError(
            f"no fault is called {name!r}; known: {', '.join(FAULTS) or 'none yet'}"
        )
