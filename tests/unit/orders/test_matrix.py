"""Faults against alerts: how runs are judged, and what is printed of them."""

from __future__ import annotations

import pytest
from rich.console import Console

from cqrs_alerts.projection_state import OK
from orders.demo import matrix
from orders.demo.matrix import CONTROL, Run, plan_runs
from orders.faults.registry import FAULTS, UnknownFaultError

FAULT = FAULTS["handler-errors"]
FIRST, SECOND = (alert.name for alert in FAULT.alerts)


def run(*told, inhibited=(), late=()):
    """A run of the fault in which these alerts were told of, and some fired besides."""
    times = dict.fromkeys(told, 10.0)
    besides = dict.fromkeys((*inhibited, *late), 20.0)
    fired, silenced = {**times, **besides}, dict.fromkeys(inhibited, 21.0)
    return Run(FAULT, fired, times, silenced, states=[(FAULT.state.name, -5.0)])


def test_a_run_passes_with_exactly_the_expected_alerts():
    """Nothing missing, nothing besides."""
    assert run(FIRST, SECOND).passed
    assert run(FIRST).missing == {SECOND}
    assert run(FIRST, SECOND, "Other").unexpected == {"Other"}
    assert not run(FIRST).passed
    assert not run(FIRST, SECOND, "Other").passed


def test_the_control_passes_when_nobody_is_told_of_anything():
    """Without a fault each alert is one too many."""
    assert Run(None, states=[("ok", -1.0)]).passed
    assert Run(None).name == CONTROL
    assert not Run(None, told={FIRST: 1.0}).passed


def test_a_run_that_broke_does_not_pass():
    """A demo that ended by itself has shown nothing."""
    broken = run(FIRST, SECOND)
    broken.problem = "the demo ended"
    assert not broken.passed


def test_the_projection_has_to_end_in_the_faults_state():
    """The last state counts; none, or two at once, is no state."""
    broken = Run(FAULTS["poison-event"])
    for name in FAULTS["poison-event"].alerts:
        broken.told[name.name] = 10.0
    assert not broken.passed
    for names, since in (["ok"], -3.0), (["failed"], 6.0), (["failed"], 9.0), ([], 10.0):
        broken.note_state(names, since)
    assert broken.states == [("ok", -3.0), ("failed", 6.0)]
    assert broken.passed
    broken.note_state(["failed", "ok"], 12.0)
    assert broken.state == "failed and ok"
    assert not broken.passed


def test_what_alertmanager_silences_is_neither_missing_nor_unexpected():
    """An alert that fires while another implies it reaches nobody, as it should."""
    silenced = run(FIRST, SECOND, inhibited=["Other"])
    assert silenced.passed
    assert silenced.silenced == {"Other"}


def test_of_two_that_explain_each_other_one_is_enough():
    """Which fires first and keeps the other back is chance; both kept back told nobody."""
    assert run(SECOND, inhibited=[FIRST]).passed
    assert run(SECOND, inhibited=[FIRST]).silenced == {FIRST}
    assert run(inhibited=[FIRST, SECOND]).missing == {FIRST, SECOND}


def test_what_fires_just_before_the_end_is_unexpected_all_the_same():
    """Nobody was told yet, but would have been."""
    assert run(FIRST, SECOND, late=["Other"]).unexpected == {"Other"}
    assert run(FIRST, late=[SECOND]).missing == {SECOND}


@pytest.mark.parametrize(
    ("runs", "precision", "recall"),
    [
        ([run(FIRST, SECOND)], 1, 1),
        ([run(FIRST)], 1, 0.5),
        ([run(FIRST, SECOND, "Other", "More")], 0.5, 1),
        ([run(FIRST, SECOND), Run(None, told={FIRST: 1.0})], 2 / 3, 1),
        ([Run(None)], 1, 1),
    ],
)
def test_precision_and_recall_are_over_all_runs(runs, precision, recall):
    """Share of what was told that was right, and of what was right that was told."""
    assert matrix.precision(runs) == pytest.approx(precision)
    assert matrix.recall(runs) == pytest.approx(recall)


def test_a_matrix_has_the_control_and_every_fault():
    """Long runs come first; a choice is taken as it is; an unknown name is refused."""
    assert {run.name for run in plan_runs()} == {CONTROL, *FAULTS}
    lengths = [matrix.run_seconds(run.fault) for run in plan_runs()]
    assert lengths == sorted(lengths, reverse=True)
    assert [run.name for run in plan_runs(["clock-skew"])] == ["clock-skew"]
    with pytest.raises(UnknownFaultError):
        plan_runs(["gremlins"])


def test_the_table_shows_each_alert_with_its_verdict():
    """Time to fire of what fired; missing, unexpected and silenced alerts are named so."""
    runs = [run(FIRST, "Other", inhibited=["Implied"]), Run(None)]
    console = Console(width=120)
    with console.capture() as capture:
        console.print(matrix.table(runs))
    lines = {line.split("│")[2].strip(): line for line in capture.get().splitlines() if "│" in line}
    assert "10 s" in lines[FIRST]
    assert "as expected" in lines[FIRST]
    assert "missing" in lines[SECOND]
    assert "unexpected" in lines["Other"]
    assert "silenced" in lines["Implied"]
    assert "as expected" in lines["no alert"]
    assert f"expected {OK.name}" in lines["state none"]


def test_the_json_says_the_same_for_programs():
    """Numbers, verdicts and what no run has proven."""
    document = matrix.as_json([run(FIRST)])
    assert document["recall"] == 0.5
    assert document["passed"] is False
    (entry,) = document["runs"]
    assert entry["missing"] == [SECOND]
    assert entry["told_after_seconds"] == {FIRST: 10.0}
    assert entry["states"] == [[entry["expected_state"], -5.0]]
    assert FIRST not in document["unproven_alerts"]
    assert SECOND in document["unproven_alerts"]
