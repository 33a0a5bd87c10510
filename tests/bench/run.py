"""What one command, query and event cost: ours beside peers.py's, in one process.

``python tests/bench/run.py [--rounds N] [--docs]``; ``--docs`` keeps the results in
docs/benchmarks.md. Instructions are what to quote: times drift with the machine, and these hold
for whoever counts them.
"""

from __future__ import annotations

import argparse
import logging
from dataclasses import asdict
from typing import Any

from features import features
from footprint import import_milliseconds, memory_by_types
from instructions import CALLS as COUNTED
from instructions import Count, UncountableError, count, label
from peers import KINDS, PEERS, operations
from providers import TRACING, always_on
from tables import Table, report
from timing import CALLS, Times, measure, measure_threads

Numbers = dict[str, float]
THREADS = 8
HANDLERS = ("sync", "async")
# What was aimed at; the floor says what can be had.
TARGETS = {"no SDK": 0.40, "unsampled": 0.45, "always on": 0.40}


def ratio(found: Numbers, one: str, other: str) -> str:
    """How much of the other the one costs."""
    return f"{found[one] / found[other]:.2f}"


def rows(
    found: dict[str, Numbers], shown: dict[str, dict[str, str]]
) -> tuple[tuple[str, ...], ...]:
    """A row per path, kind of handler and tracing: each peer, then the ratios."""
    return tuple(
        (
            name,
            *(shown[name][peer] for peer in PEERS),
            ratio(numbers, "ours", "contract"),
            ratio(numbers, "floor", "contract"),
            ratio(numbers, "ours", "floor"),
        )
        for name, numbers in found.items()
    )


HEADER = ("", *PEERS, "ours/contract", "floor/contract", "ours/floor")


def scenarios() -> list[tuple[str, dict[str, Any]]]:
    """The operations of every peer, by scenario."""
    return [
        (label(kind.name, handlers, tracing), operations(kind, make, is_async=handlers == "async"))
        for tracing, make in TRACING.items()
        for handlers in HANDLERS
        for kind in KINDS
    ]


def counted(counts: dict[str, Count]) -> list[Table]:
    """Instructions, blocks and features."""
    names = [
        label(kind.name, handlers, tracing)
        for tracing in TRACING
        for handlers in HANDLERS
        for kind in KINDS
    ]
    of = {name: {peer: counts[label(name, peer)] for peer in PEERS} for name in names}
    instructions = {n: {p: c.instructions for p, c in peers.items()} for n, peers in of.items()}
    blocks = {n: {p: c.blocks for p, c in peers.items()} for n, peers in of.items()}
    thousands = {
        n: {p: f"{v / 1000:.1f}" for p, v in each.items()} for n, each in instructions.items()
    }
    whole = {n: {p: f"{v:.0f}" for p, v in each.items()} for n, each in blocks.items()}
    used = []
    for feature in features():
        without, with_it = (counts[label(feature.name, name)] for name in ("without", "with"))
        thousand = (f"{one.instructions / 1000:.1f}" for one in (without, with_it))
        used.append((feature.name, *thousand, f"{with_it.blocks - without.blocks:+.0f}"))
    targets = ", ".join(f"{tracing} {value:.2f}" for tracing, value in TARGETS.items())
    return [
        Table(
            "Instructions per operation, in thousands",
            f"callgrind, mean of {COUNTED} operations. Targets for ours/contract: {targets}.",
            HEADER,
            rows(instructions, thousands),
        ),
        Table(
            "Memory blocks asked for per operation",
            "Calls of CPython's object allocator; what its free lists give is not among them.",
            HEADER[:-3],
            tuple((name, *(whole[name][peer] for peer in PEERS)) for name in names),
        ),
        Table(
            "What an optional feature costs: instructions in thousands",
            "Always-on tracing; the operation without the feature and with it.",
            ("", "without", "with", "blocks"),
            tuple(used),
        ),
    ]


def timed(rounds: int) -> tuple[Table, dict[str, dict[str, Times]]]:
    """Processor time."""
    times = {name: measure(operations, rounds) for name, operations in scenarios()}
    minima = {n: {p: t.minimum for p, t in each.items()} for n, each in times.items()}
    shown = {n: {p: str(t) for p, t in each.items()} for n, each in times.items()}
    note = (
        f"Processor time, minimum / median of {rounds} rounds of {CALLS} operations, peers in "
        "turn; the ratios are of minima."
    )
    return Table("Microseconds per operation", note, HEADER, rows(minima, shown)), times


def threaded(rounds: int) -> tuple[Table, dict[str, Any]]:
    """What threads cost each other."""
    peers = ("contract", "by hand", "ours", "floor")
    figures: dict[str, Any] = {}
    found = []
    for kind in KINDS:
        made = {p: o for p, o in operations(kind, always_on).items() if p in peers}
        alone, together = (measure_threads(made, threads, rounds) for threads in (1, THREADS))
        figures[kind.name] = {
            peer: {"alone": asdict(alone[peer]), "together": asdict(together[peer])}
            for peer in peers
        }
        factors = (f"{together[peer].minimum / alone[peer].minimum:.2f}" for peer in peers)
        found.append((kind.name, *factors))
    note = (
        f"Processor time per operation with {THREADS} threads over that with one; minima of "
        f"{rounds} rounds, always-on tracing. The floor's is the SDK's own."
    )
    return Table(f"Contention of {THREADS} threads", note, ("", *peers), tuple(found)), figures


def footprint(repeats: int) -> tuple[Table, dict[str, Any]]:
    """Import and memory."""
    imported = import_milliseconds(repeats)
    memory = list(memory_by_types())
    found = [("import beyond opentelemetry-api, ms (minimum / median)", str(imported))]
    found += [
        (
            f"{types} distinct command types, {tracing}",
            f"{held / 1024:.0f} KiB, {held / types:.0f} bytes each",
        )
        for tracing, types, held in memory
    ]
    note = (
        f"Processor time of {repeats} imports. Memory: what is held after a command of each type, "
        "ours and the SDK's together. From the 201st type on they share one record, and what is "
        "kept of each is half a KiB while its class lives."
    )
    return Table("Import and memory", note, ("", "taken"), tuple(found)), {
        "import_ms": asdict(imported),
        "memory": memory,
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="repeats of each peer")
    parser.add_argument(
        "--docs", action="store_true", help="keep the results in docs/benchmarks.md"
    )
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error(f"--rounds must be at least 1, not {arguments.rounds}")
    logging.disable(logging.WARNING)  # of types past the limit
    tables: list[Table] = []
    figures: dict[str, Any] = {}
    try:
        counts = count()
    except UncountableError as error:
        print(f"no instructions: {error}\n")
    else:
        tables += counted(counts)
        figures["counts"] = [asdict(one) for one in counts.values()]
    table, times = timed(arguments.rounds)
    tables.append(table)
    figures["times"] = {n: {p: asdict(t) for p, t in each.items()} for n, each in times.items()}
    for name, (table, found) in {
        "threads": threaded(arguments.rounds),
        "footprint": footprint(max(5, arguments.rounds // 5)),
    }.items():
        tables.append(table)
        figures[name] = found
    report("operations", tables, figures, keep=arguments.docs)


if __name__ == "__main__":
    main()
