"""What one command, query and event cost: ours beside the contract's code, in one process.

Peers take turns in short rounds, so that a machine whose speed drifts slows all of them alike;
quote the ratios. ``python tests/bench/run.py [--rounds N] [--json FILE]``.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import seed
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

from cqrs_telemetry import (
    CqrsTelemetry,
    InstrumentedCommandBus,
    InstrumentedProjectionHandler,
    InstrumentedQueryBus,
)

CALLS_PER_ROUND = 200


class OrderPlaced:
    """A domain event."""

    aggregate_id = "order-1"
    timestamp = time.time()


class PlaceOrder:
    """A command."""

    aggregate_id = "order-1"


class ListOrders:
    """A query."""


@dataclass(frozen=True)
class Placed:
    """What the command's handler returns."""

    events: tuple[Any, ...] = (OrderPlaced(),)


class Place:
    """The command's handler."""

    result = Placed()

    def handle(self, command: PlaceOrder) -> Placed:
        """Place."""
        return self.result


class List:
    """The query's handler."""

    rows = [1] * 20

    def handle(self, query: ListOrders) -> list[int]:
        """List."""
        return self.rows


class Orders(InstrumentedProjectionHandler):
    """Our projection."""

    def apply(self, event: Any) -> None:
        """Update the read model."""


@dataclass(frozen=True)
class Row:
    """Microseconds per operation: minimum and median of the rounds."""

    path: str
    tracing: str
    peer: str
    minimum: float
    median: float


Peers = dict[str, Callable[[], Any]]


def peers(tracers: Any, meters: Any, telemetry: CqrsTelemetry) -> dict[str, Peers]:
    """For each path the peers' operation: theirs, ours, and the handler alone."""
    place, listing, event = PlaceOrder(), ListOrders(), OrderPlaced()
    commands, queries = {"PlaceOrder": Place()}, {"ListOrders": List()}
    theirs = seed.CommandBus(commands, tracers, meters)
    ours = InstrumentedCommandBus(commands, telemetry=telemetry)
    their_queries = seed.QueryBus(queries, tracers, meters)
    our_queries = InstrumentedQueryBus(queries, telemetry=telemetry)
    their_events = seed.ProjectionHandler("orders", tracers, meters)
    our_events = Orders("orders", telemetry=telemetry)
    return {
        "command": {
            "contract": lambda: theirs.dispatch(place),
            "ours": lambda: ours.dispatch(place),
            "none": lambda: commands["PlaceOrder"].handle(place),
        },
        "query": {
            "contract": lambda: their_queries.execute(listing),
            "ours": lambda: our_queries.execute(listing),
            "none": lambda: queries["ListOrders"].handle(listing),
        },
        "projection": {
            "contract": lambda: their_events.handle_event(event),
            "ours": lambda: our_events.handle_event(event),
            "none": lambda: our_events.apply(event),
        },
    }


def measure(path: str, tracing: str, operations: Peers, rounds: int) -> list[Row]:
    """Time the peers in turn."""
    times: dict[str, list[float]] = {name: [] for name in operations}
    for operation in operations.values():
        for _ in range(CALLS_PER_ROUND):
            operation()
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for name, operation in operations.items():
                start = time.perf_counter()
                for _ in range(CALLS_PER_ROUND):
                    operation()
                times[name].append((time.perf_counter() - start) / CALLS_PER_ROUND * 1e6)
    finally:
        gc.enable()
    return [
        Row(path, tracing, name, min(found), statistics.median(found))
        for name, found in times.items()
    ]


def run(rounds: int) -> list[Row]:
    """All paths without an SDK, with unsampled and with recorded spans."""
    no_sdk = (trace.get_tracer_provider(), metrics.get_meter_provider(), CqrsTelemetry())
    scenarios: dict[str, tuple[Any, Any, CqrsTelemetry]] = {"no SDK": no_sdk}
    for name, sampler in (("unsampled", ALWAYS_OFF), ("always on", ALWAYS_ON)):
        tracers = TracerProvider(sampler=sampler)
        meters = MeterProvider([InMemoryMetricReader()])
        telemetry = CqrsTelemetry(tracer_provider=tracers, meter_provider=meters)
        scenarios[name] = (tracers, meters, telemetry)
    return [
        row
        for tracing, providers in scenarios.items()
        for path, operations in peers(*providers).items()
        for row in measure(path, tracing, operations, rounds)
    ]


def render(rows: list[Row]) -> str:
    """The table: a line per path and kind of tracing."""
    lines = [
        f"{'path':<11}{'tracing':<11}{'contract':>18}{'ours':>18}{'none':>8}{'ours/contract':>15}",
        f"{'':<22}{'min  median µs':>18}{'min  median µs':>18}{'µs':>8}{'min   median':>15}",
    ]
    for path, tracing in dict.fromkeys((r.path, r.tracing) for r in rows):
        by_peer = {r.peer: r for r in rows if (r.path, r.tracing) == (path, tracing)}
        contract, ours, none = (by_peer[peer] for peer in ("contract", "ours", "none"))
        lines.append(
            f"{path:<11}{tracing:<11}"
            f"{contract.minimum:>9.2f}{contract.median:>9.2f}"
            f"{ours.minimum:>9.2f}{ours.median:>9.2f}{none.median:>8.2f}"
            f"{ours.minimum / contract.minimum:>8.2f}{ours.median / contract.median:>7.2f}"
        )
    return "\n".join(lines)


def machine() -> dict[str, str]:
    """What the numbers hold for."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    packages = ("opentelemetry-api", "opentelemetry-sdk", "cqrs-telemetry")
    return {
        "python": platform.python_version(),
        "cpu": cpu,
        **{package: version(package) for package in packages},
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=150, help="repeats of each peer")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    arguments = parser.parse_args()
    rows = run(arguments.rounds)
    about = machine()
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    print(f"{arguments.rounds} rounds of {CALLS_PER_ROUND} calls each, peers in turn\n")
    print(render(rows))
    if arguments.json:
        arguments.json.write_text(
            json.dumps({"machine": about, "rows": [asdict(row) for row in rows]}, indent=2)
        )


if __name__ == "__main__":
    main()
