"""Times of operations that take turns in short rounds, so that a drifting machine slows all alike.

Processor time, not the clock's: what other processes take meanwhile does not count.
"""

from __future__ import annotations

import gc
import statistics
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from peers import Operation

CALLS = 50  # in a round: short enough to fit between what else the machine does


@dataclass(frozen=True)
class Times:
    """Microseconds per operation over all rounds."""

    minimum: float
    median: float

    @classmethod
    def of(cls, found: list[float]) -> Times:
        """Summarize."""
        return cls(min(found), statistics.median(found))

    def __str__(self) -> str:
        return f"{self.minimum:.1f} / {self.median:.1f}"


def measure(operations: Mapping[str, Operation], rounds: int) -> dict[str, Times]:
    """Time operations in turn."""
    times: dict[str, list[float]] = {name: [] for name in operations}
    for operation in operations.values():
        for _ in range(2 * CALLS):
            operation()
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for name, operation in operations.items():
                start = time.thread_time()
                for _ in range(CALLS):
                    operation()
                times[name].append((time.thread_time() - start) / CALLS * 1e6)
    finally:
        gc.enable()
    return {name: Times.of(found) for name, found in times.items()}


def measure_threads(
    operations: Mapping[str, Operation], threads: int, rounds: int
) -> dict[str, Times]:
    """The same with threads that run an operation at once.

    The interpreter runs one of them at a time: what they cost each other is what they spend on
    locks and on switching.
    """

    def timed(operation: Operation) -> Operation:
        def in_threads() -> None:
            def work() -> None:
                barrier.wait()
                for _ in range(CALLS):
                    operation()

            barrier = threading.Barrier(threads)
            workers = [threading.Thread(target=work) for _ in range(threads)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()

        return in_threads

    times: dict[str, list[float]] = {name: [] for name in operations}
    runs = {name: timed(operation) for name, operation in operations.items()}
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.process_time()
            run()
            spent = time.process_time() - start
            times[name].append(spent / threads / CALLS * 1e6)
    return {name: Times.of(found) for name, found in times.items()}
