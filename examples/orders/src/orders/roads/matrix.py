"""The matrix as it is printed, and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table

from cqrs_alerts.naming import STRATEGIES

from .plan import KINDS, ROADS, Cell, Run

GREEN, RED, NONE = "[green]green", "[red]RED", ""


@dataclass(frozen=True)
class Verdict:
    """What one cell showed; each list is empty when all is right."""

    cell: Cell
    miscounted: tuple[str, ...]  # counters against the load and the stores
    differing: tuple[str, ...]  # the three questions' answers
    empty: tuple[str, ...]  # what the doctor finds no data for
    rules: tuple[str, ...]  # what is wrong with rules
    checked: int  # panels, variables and alerts that the doctor looked at
    operations: int  # commands and queries that were counted

    @property
    def passed(self) -> bool:
        """Whether the cell is green."""
        return not (self.miscounted or self.differing or self.empty or self.rules)

    @property
    def complaints(self) -> Iterator[str]:
        """All that is wrong, one line each."""
        for what, lines in self._lists().items():
            for line in lines:
                yield f"{what}: {line}"

    def _lists(self) -> dict[str, tuple[str, ...]]:
        return {
            "miscounted": self.miscounted,
            "differing": self.differing,
            "empty": self.empty,
            "rules": self.rules,
        }

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "road": self.cell.road.name,
            "strategy": self.cell.strategy,
            "kind": self.cell.kind,
            "passed": self.passed,
            "operations": self.operations,
            "doctor_checked": self.checked,
            **{what: list(lines) for what, lines in self._lists().items()},
        }


@dataclass
class Outcome:
    """What a run came to: verdicts in JSON by cell's name, or why there are none."""

    run: Run
    verdicts: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    problem: str = ""

    @property
    def passed(self) -> bool:
        """Whether each of its cells has a verdict, and that is green."""
        return not self.problem and all(
            cell.name in self.verdicts and self.verdicts[cell.name]["passed"]
            for cell in self.run.cells
        )


def table(outcomes: Sequence[Outcome]) -> Table:
    """Road and kind of histogram x strategy."""
    result = Table("road", "histograms", *STRATEGIES, title="Roads matrix")
    cells = {cell: outcome for outcome in outcomes for cell in outcome.run.cells}
    for road in ROADS.values():
        rows = [kind for kind in KINDS if any((c.road, c.kind) == (road, kind) for c in cells)]
        for kind in rows:
            fields = (Cell(road, strategy, kind) for strategy in STRATEGIES)
            result.add_row(
                road.title if kind == rows[0] else "",
                kind,
                *(_field(cell, cells[cell]) if cell in cells else NONE for cell in fields),
                end_section=kind == rows[-1],
            )
    return result


def as_json(outcomes: Sequence[Outcome], seconds: float) -> dict[str, Any]:
    """The same for programs."""
    return {
        "passed": all(outcome.passed for outcome in outcomes),
        "seconds": round(seconds),
        "problems": {outcome.run.name: outcome.problem for outcome in outcomes if outcome.problem},
        "cells": [verdict for outcome in outcomes for verdict in outcome.verdicts.values()],
    }


def _field(cell: Cell, outcome: Outcome) -> str:
    verdict = outcome.verdicts.get(cell.name)
    if verdict is None:
        return "[red]did not run"
    return f"{GREEN if verdict['passed'] else RED} {verdict['doctor_checked']}"
