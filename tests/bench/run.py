"""What one command, query and event cost: ours beside peers.py's, in one process.

Peers take turns in short rounds, so that a machine whose speed drifts slows all of them alike;
quote the ratios. ``python tests/bench/run.py [--rounds N] [--json FILE]``.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import statistics
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from peers import PEERS, Operation, peers

from cqrs_telemetry import CqrsTelemetry

CALLS_PER_ROUND = 200


@dataclass(frozen=True)
class Row:
    """Microseconds per operation: minimum and median of the rounds."""

    path: str
    tracing: str
    peer: str
    minimum: float
    median: float


def measure(path: str, tracing: str, operations: dict[str, Operation], rounds: int) -> list[Row]:
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
        f"{'minimum / median, µs':<21}" + "".join(f"{peer:>15}" for peer in PEERS)
        + f"{'ours/contract':>16}{'floor/contract':>16}{'ours/floor':>12}"
    ]  # fmt: skip
    for path, tracing in dict.fromkeys((r.path, r.tracing) for r in rows):
        found = {r.peer: r for r in rows if (r.path, r.tracing) == (path, tracing)}
        contract, ours, floor = (found[peer] for peer in ("contract", "ours", "floor"))
        lines.append(
            f"{path:<11}{tracing:<10}"
            + "".join(f"{found[p].minimum:>7.2f} /{found[p].median:>6.2f}" for p in PEERS)
            + f"{ours.minimum / contract.minimum:>8.2f} /{ours.median / contract.median:>6.2f}"
            + f"{floor.minimum / contract.minimum:>8.2f} /{floor.median / contract.median:>6.2f}"
            + f"{ours.minimum / floor.minimum:>12.2f}"
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
        "cpu": f"{cpu} x {os.cpu_count()}",
        **{package: version(package) for package in packages},
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=150, help="repeats of each peer")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error(f"--rounds must be at least 1, not {arguments.rounds}")
    rows = run(arguments.rounds)
    about = machine()
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    print(f"{arguments.rounds} rounds of {CALLS_PER_ROUND} calls each, peers in turn")
    print("floor: the calls into OpenTelemetry that ours makes, and nothing else\n")
    print(render(rows))
    if arguments.json:
        written = {"machine": about, "rows": [asdict(row) for row in rows]}
        unfinished = arguments.json.with_name(arguments.json.name + ".tmp")
        unfinished.write_text(json.dumps(written, indent=2) + "\n")
        unfinished.replace(arguments.json)


if __name__ == "__main__":
    main()
