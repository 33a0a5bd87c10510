"""What is wrong on a server, as text: each cause once, the most fundamental first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_MOST_CAUSES = 8  # so that all of it fits on a screen
_MOST_NAMES = 5


@dataclass(frozen=True)
class Problem:
    """Something that is not in order, why, and how to fix it; the first rank is the worst."""

    status: str
    name: str
    why: str
    mend: str
    rank: int = 0


def describe(problems: Iterable[Problem], *, verbose: bool = False) -> Iterator[str]:
    """Lines on each cause: what it is, how to fix it, and what it affects.

    Everything that is affected is named only where ``verbose``. Lines are of any length.
    """
    causes: dict[tuple[str, str, str], list[str]] = {}
    for each in sorted(problems, key=lambda problem: problem.rank):
        causes.setdefault((each.status, each.why, each.mend), []).append(each.name)
    shown = len(causes) if verbose else _MOST_CAUSES
    for (status, why, mend), names in list(causes.items())[:shown]:
        yield f"{status}: {why}"
        if mend:
            yield f"  fix: {mend}"
        yield f"  affects {_names(names, len(names) if verbose else _MOST_NAMES)}"
    if len(causes) > shown:
        affected = sum(len(names) for names in list(causes.values())[shown:])
        yield f"{len(causes) - shown} more causes affect {affected} more; --verbose prints all"


def _names(names: list[str], most: int) -> str:
    listed = ", ".join(names[:most])
    return f"{listed} and {len(names) - most} more" if len(names) > most else listed
