"""What a scrape of one instance is: series, bytes and time, ours beside the contract's.

``python tests/bench/scrape.py [--docs]``.
"""

from __future__ import annotations

import argparse
import gzip
import time
from typing import Any

import instance
from prometheus_client.openmetrics.exposition import generate_latest
from tables import Table, report

TYPES = (10, 50, 200)
ROUNDS = 7


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--docs", action="store_true", help="keep results in docs/benchmarks.md")
    keep = parser.parse_args().docs
    figures: list[dict[str, Any]] = []
    for types in TYPES:
        made = {"contract": instance.contract(types), "ours": instance.ours(types)}
        spent: dict[str, list[float]] = {name: [] for name in made}
        for _ in range(ROUNDS):
            for name, one in made.items():
                start = time.process_time()
                generate_latest(one.registry)
                spent[name].append((time.process_time() - start) * 1000)
        for name, one in made.items():
            text = generate_latest(one.registry)
            series = sum(not line.startswith(b"#") for line in text.splitlines())
            figures.append(
                {
                    "types": types,
                    "of": name,
                    "series": series,
                    "bytes": len(text),
                    "compressed": len(gzip.compress(text)),
                    "milliseconds": min(spent[name]),
                }
            )
    rows = tuple(
        (
            f"{one['types']} types, {one['of']}", f"{one['series']}",
            f"{one['series'] / one['types']:.0f}", f"{one['bytes'] / 1024:.0f} KiB",
            f"{one['compressed'] / 1024:.0f} KiB", f"{one['milliseconds']:.0f}",
        )
        for one in figures
    )  # fmt: skip
    note = (
        "Of the types two fifths are commands, two fifths queries, a fifth events; every fifth has "
        "failed as well. Processor time of one scrape, least of "
        f"{ROUNDS}, in Python."
    )
    header = ("", "series", "per type", "bytes", "compressed", "ms")
    report("scrape", [Table("A scrape", note, header, rows)], figures, keep=keep)


if __name__ == "__main__":
    main()
