"""Instructions and memory blocks per operation: counts that do not depend on the machine's load.

Under valgrind's callgrind, with a few lines of C between (counting.c), if both a compiler and
valgrind with its headers are there. Everything runs in one process, which this module is as well.
"""

from __future__ import annotations

import ctypes
import gc
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from features import features
from peers import KINDS, Operation, operations
from providers import TRACING

CALLS = 100
WARM_UP = 60
HERE = Path(__file__).parent


class UncountableError(Exception):
    """Valgrind or a compiler is missing; the text says which."""


@dataclass(frozen=True)
class Count:
    """Of one operation."""

    label: str
    instructions: float
    blocks: float


def compiled(folder: Path) -> Path:
    """The library of counting.c.

    Raises:
        UncountableError: It cannot be compiled here.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler or not shutil.which("valgrind"):
        raise UncountableError("instructions are counted where valgrind and a C compiler are")
    library = folder / "counting.so"
    made = subprocess.run(
        [compiler, "-shared", "-fPIC", "-O2", "-o", library, HERE / "counting.c"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if made.returncode:
        raise UncountableError(f"counting.c does not compile: {made.stderr.strip()[-300:]}")
    return library


def count() -> dict[str, Count]:
    """Count every operation of every peer and feature by its label; takes a minute or two.

    Raises:
        UncountableError: It cannot be done here.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        library = compiled(folder)
        done = subprocess.run(
            ["valgrind", "-q", "--tool=callgrind", "--instr-atstart=no",
             f"--callgrind-out-file={folder / 'out'}", sys.executable, "-W", "ignore",
             __file__, library],
            check=True, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )  # fmt: skip
        blocks = dict(line.rsplit("|", 1) for line in done.stdout.splitlines() if "|" in line)
        found = [_read(file, blocks) for file in folder.glob("out.*")]
        return {one.label: one for one in found}


def _read(file: Path, blocks: dict[str, str]) -> Count:
    text = file.read_text()
    named = re.search(r"^desc: Trigger: Client Request: (.*)$", text, re.MULTILINE)
    total = re.search(r"^(?:summary|totals): (\d+)", text, re.MULTILINE)
    if not named or not total:
        raise ValueError(f"callgrind wrote something else: {text[:300]}")
    return Count(named[1], int(total[1]) / CALLS, int(blocks[named[1]]) / CALLS)


def label(*parts: str) -> str:
    """The name of an operation."""
    return "/".join(parts)


def _operations() -> Iterator[tuple[str, Operation]]:
    for tracing, make in TRACING.items():
        for handlers in ("sync", "async"):
            for kind in KINDS:
                made = operations(kind, make, is_async=handlers == "async")
                for peer, operation in made.items():
                    yield label(kind.name, handlers, tracing, peer), operation
    for feature in features():
        yield label(feature.name, "without"), feature.without
        yield label(feature.name, "with"), feature.used


def _run(library: ctypes.CDLL) -> None:
    for name, operation in _operations():
        for _ in range(WARM_UP):
            operation()
        gc.collect()
        gc.disable()
        library.count_blocks()
        for _ in range(CALLS):
            operation()
        print(f"{name}|{library.stop_counting_blocks()}", flush=True)
        library.start_instructions()
        for _ in range(CALLS):
            operation()
        library.stop_instructions(name.encode())
        gc.enable()


if __name__ == "__main__":
    _run(ctypes.PyDLL(sys.argv[1]))
