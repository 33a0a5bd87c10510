"""Loopback ports: the ones asked for, when free, and free ones for the rest."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Mapping
from contextlib import ExitStack

HOST = "127.0.0.1"


class PortTakenError(Exception):
    """A port that was asked for is in use."""


def choose_ports(wanted: Mapping[str, int | None]) -> dict[str, int]:
    """A different port for each name.

    Raises:
        PortTakenError: Names the port and what it was for.
    """
    chosen: dict[str, int] = {}
    with ExitStack() as stack:  # all are held until the last is known
        for name, port in wanted.items():
            try:
                listener = stack.enter_context(socket.create_server((HOST, port or 0)))
            except OSError as error:
                raise PortTakenError(
                    f"port {port}, asked for as the {name} port, is in use ({error.strerror});"
                    " choose another, or none for a free one"
                ) from error
            chosen[name] = listener.getsockname()[1]
    return chosen


def choose_host() -> str:
    """A random loopback address, for a server that listens on its default ports."""
    return f"127.{secrets.randbelow(250) + 2}.{secrets.randbelow(250)}.1"
