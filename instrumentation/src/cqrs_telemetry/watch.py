"""A sidecar that watches projections: ``python -m cqrs_telemetry.watch module:probe``.

It lives when the projection does not, and reports what the probes say on ``/metrics``. Needs
``cqrs-telemetry[prometheus]``.
"""

from __future__ import annotations

import argparse
import importlib
import signal
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from .backlog import TIMEOUT
from .prometheus import serve_metrics
from .telemetry import CqrsTelemetry


class UnfitProbeError(Exception):
    """What was named is no probe; the text says why and what would be."""


def load_probes(source: str, name: str | None = None) -> dict[str, Any]:
    """Probes by projection: ``module:attribute`` is one, or a mapping of several.

    Raises:
        UnfitProbeError: there is none.
    """
    module_name, _, attribute = source.partition(":")
    if not module_name or not attribute:
        raise UnfitProbeError(f"{source!r} is not of the form module:probe")
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as error:  # whatever the module's own code raises
        kind = type(error).__name__
        raise UnfitProbeError(f"cannot import {module_name!r}: {kind}: {error}") from error
    for part in attribute.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise UnfitProbeError(f"{module_name!r} has no {attribute!r}") from None
    if callable(found):
        return {name or attribute.rpartition(".")[2]: found}
    if not isinstance(found, Mapping):
        kind = type(found).__name__
        raise UnfitProbeError(
            f"{source} must be a probe or a mapping of projection name to probe, not {kind}"
        )
    if name:
        raise UnfitProbeError(f"--name is for one probe; {source} names its own")
    if not found:
        raise UnfitProbeError(f"{source} has no probe in it")
    return dict(found)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="python -m cqrs_telemetry.watch",
        description="Serves the backlogs of projections from a process of its own.",
    )
    parser.add_argument(
        "probes", nargs="+", metavar="MODULE:PROBE",
        help="a callable that returns a Backlog or None, or a mapping of projection to callable",
    )  # fmt: skip
    parser.add_argument("--name", help="the projection's; by default the callable's")
    parser.add_argument("--host", default="127.0.0.1", help="address to serve on (%(default)s)")
    parser.add_argument("--port", type=int, default=9465, help="0 picks one (%(default)s)")
    parser.add_argument("--service", default="watch", help="service.name of target_info")
    parser.add_argument(
        "--timeout", type=float, default=TIMEOUT, help="seconds that a probe may take (%(default)s)"
    )
    options = parser.parse_args(arguments)
    if options.name and len(options.probes) > 1:
        parser.error("--name is for one probe; put several into a mapping of name to probe")
    try:
        found = [load_probes(source, options.name) for source in options.probes]
        server = serve_metrics(
            options.port, options.host, resource_attributes={"service.name": options.service}
        )
    except (UnfitProbeError, OSError, ValueError) as problem:
        parser.error(str(problem))
    with server:
        telemetry = CqrsTelemetry(meter_provider=server.meter_provider)
        try:
            for probes in found:
                for name, probe in probes.items():
                    telemetry.watch_projection(name, probe, timeout=options.timeout)
        except (TypeError, ValueError) as problem:
            parser.error(str(problem))
        names = ", ".join(name for probes in found for name in probes)
        address = f"http://{options.host}:{server.port}/metrics"
        print(f"watching {names} on {address}", flush=True)
        wait_for_the_end()


def wait_for_the_end() -> None:
    """Until SIGTERM or SIGINT."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    ended.wait()


if __name__ == "__main__":
    main()
