"""Faults against alerts: which runs there are, what each showed, and how good the alerts are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table

from cqrs_alerts.alerting import ALERTS
from cqrs_alerts.projection_state import OK

from ..faults.fault import Fault
from ..faults.registry import FAULTS, fault_named

CONTROL = "control"  # the run without a fault, in which nothing may fire


@dataclass
class Run:
    """One demo, and what was seen of alerts: seconds from the fault's begin by their names.

    ``fired`` is what Prometheus says, ``told`` what reached the receiver, ``inhibited`` what
    Alertmanager kept back because another alert implies it. ``states`` are those that the broken
    projection was in, one after the other, with the seconds at which each began.
    """

    fault: Fault | None
    fired: dict[str, float] = field(default_factory=dict)
    told: dict[str, float] = field(default_factory=dict)
    inhibited: dict[str, float] = field(default_factory=dict)
    states: list[tuple[str, float]] = field(default_factory=list)
    watched: float = 0  # seconds after the fault began
    problem: str = ""  # why the run says nothing

    @property
    def name(self) -> str:
        """The fault's name."""
        return self.fault.name if self.fault else CONTROL

    @property
    def expected(self) -> frozenset[str]:
        """Names of the alerts of which someone has to be told."""
        return frozenset(alert.name for alert in self.fault.alerts) if self.fault else frozenset()

    @property
    def right(self) -> frozenset[str]:
        """What was expected and told, or kept back for another expected one that was told.

        Which of two that explain each other fires first is chance.
        """
        explained = self.inhibited.keys() if self.expected & self.told.keys() else set()
        return self.expected & (self.told.keys() | explained)

    @property
    def missing(self) -> frozenset[str]:
        """What was expected, and neither told nor explained by what was."""
        return self.expected - self.right

    @property
    def unexpected(self) -> frozenset[str]:
        """What was not expected, and was told or would have been had the run gone on."""
        due = self.fired.keys() - self.inhibited.keys()
        return (frozenset(self.told) | due) - self.expected

    @property
    def silenced(self) -> frozenset[str]:
        """What fired, but nobody was told, because another alert implies it."""
        return frozenset(self.inhibited) - self.told.keys()

    @property
    def expected_state(self) -> str:
        """Name of the state in which the projection has to end."""
        return (self.fault.state if self.fault else OK).name

    @property
    def state(self) -> str:
        """Name of the state in which it was at the end, or several at once, or none."""
        return self.states[-1][0] if self.states else ""

    @property
    def passed(self) -> bool:
        """Whether all expected alerts and no others were told, and the state is the right one."""
        in_order = self.state == self.expected_state
        return in_order and not (self.problem or self.missing or self.unexpected)

    def note_state(self, names: Sequence[str], since: float) -> None:
        """Take down which states are recorded as the present ones: it should be one."""
        now = " and ".join(names)
        if now and now != self.state:
            self.states.append((now, since))


def plan_runs(only: Sequence[str] = ()) -> list[Run]:
    """The runs of a matrix: the control and every fault, or those asked for.

    The ones that take longest come first, so that none of them is left alone at the end.

    Raises:
        UnknownFaultError: No fault has one of the names.
    """
    names = only or (CONTROL, *FAULTS)
    runs = [Run(None if name == CONTROL else fault_named(name)) for name in names]
    return sorted(runs, key=lambda run: -run_seconds(run.fault))


def run_seconds(fault: Fault | None) -> float:
    """How long a run lasts; the control, which has no fault to wait for, as long as the longest."""
    if fault is None:
        return max(map(run_seconds, FAULTS.values()))
    return fault.warm_up + fault.watch


def watch_seconds(fault: Fault | None) -> float:
    """How long a run goes on after its fault began; the control is watched from the start."""
    return fault.watch if fault else run_seconds(None)


def precision(runs: Iterable[Run]) -> float:
    """Share of what was told that was expected; 1 when nothing was told."""
    runs = list(runs)
    right = sum(len(run.right) for run in runs)
    told = right + sum(len(run.unexpected) for run in runs)
    return right / told if told else 1.0


def recall(runs: Iterable[Run]) -> float:
    """Share of what was expected that was told; 1 when nothing was expected."""
    runs = list(runs)
    expected = sum(len(run.expected) for run in runs)
    return sum(len(run.right) for run in runs) / expected if expected else 1.0


def unproven(runs: Iterable[Run]) -> list[str]:
    """Alerts that no run made fire, in their order."""
    fired = {name for run in runs for name in (*run.fired, *run.told)}
    return [alert.name for alert in ALERTS if alert.name not in fired]


def table(runs: Sequence[Run]) -> Table:
    """Fault x alert and state, with the seconds from the fault's begin."""
    result = Table(
        "fault", "alert or state", "begins after", "told after", "verdict", title="Fault matrix"
    )
    for run in sorted(runs, key=_order):
        rows = [*(_rows(run) or [("no alert", "", "", "as expected")]), _state_row(run)]
        if run.problem:
            rows = [("", "", "", f"[red]{run.problem}")]
        for number, row in enumerate(rows):
            last = number == len(rows) - 1
            result.add_row("" if number else run.name, *row, end_section=last)
    return result


def as_json(runs: Sequence[Run]) -> dict[str, Any]:
    """The same for programs."""
    return {
        "precision": precision(runs),
        "recall": recall(runs),
        "passed": all(run.passed for run in runs),
        "unproven_alerts": unproven(runs),
        "runs": [
            {
                "fault": run.name,
                "passed": run.passed,
                "problem": run.problem,
                "watched_seconds": round(run.watched),
                "expected": sorted(run.expected),
                "missing": sorted(run.missing),
                "unexpected": sorted(run.unexpected),
                "silenced": sorted(run.silenced),
                "fired_after_seconds": _rounded(run.fired),
                "told_after_seconds": _rounded(run.told),
                "expected_state": run.expected_state,
                "states": [[state, round(since, 1)] for state, since in run.states],
            }
            for run in sorted(runs, key=_order)
        ],
    }


def _order(run: Run) -> int:
    return list(FAULTS).index(run.name) if run.fault else -1


def _state_row(run: Run) -> tuple[str, str, str, str]:
    state, since = run.states[-1] if run.states else ("none", None)
    right = state == run.expected_state
    verdict = "as expected" if right else f"[red]expected {run.expected_state}"
    return f"state {state}", _seconds(since), "", verdict


def _rows(run: Run) -> list[tuple[str, str, str, str]]:
    rows = []
    for name in sorted(run.expected | run.fired.keys() | run.told.keys()):
        if name in run.missing:
            verdict = "[red]missing"
        elif name in run.unexpected:
            verdict = "[red]unexpected"
        else:
            verdict = "silenced" if name in run.silenced else "as expected"
        rows.append((name, _seconds(run.fired.get(name)), _seconds(run.told.get(name)), verdict))
    return rows


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.0f} s"


def _rounded(times: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 1) for name, value in sorted(times.items())}
