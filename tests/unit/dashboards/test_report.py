"""The doctor's answer as text that fits on a screen, and as JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from cqrs_alerts.live.causes import Cause, Diagnosis, most_fundamental
from cqrs_dashboards.doctor import Finding, Report
from cqrs_dashboards.report import as_json, render_text

STALE = Diagnosis(Cause.STALE, "x was last reported 5 min ago", "start the service again")
REPORT = Report(
    "http://localhost:9090",
    (
        Finding("variable", "CQRS / Write path", "Job", "ok", 2, None, None),
        Finding("panel", "CQRS / Write path", "Commands per second", "ok", 1, 12.3456, None),
        Finding("panel", "CQRS / Read path", "Latency p95", "empty", 0, None, STALE),
        Finding("panel", "CQRS / Read path", "[red]evil[/red]", "empty", 0, None, STALE),
    ),
)


def text(*, verbose: bool = False, report: Report = REPORT) -> list[str]:
    """Lines of the printed report."""
    return list(render_text(report, verbose=verbose))


def test_each_cause_is_told_once() -> None:
    """Panels that are empty for the same reason share one explanation and its fix."""
    assert text() == [
        f"empty: {STALE.why}",
        f"  fix: {STALE.mend}",
        "  affects CQRS / Read path / Latency p95, CQRS / Read path / [red]evil[/red]",
        "4 examined at http://localhost:9090: 2 ok, 2 empty",
    ]


def test_what_is_in_order_is_a_line() -> None:
    """Nobody reads two hundred rows to find that nothing is wrong."""
    fine = replace(REPORT, findings=REPORT.findings[:2])
    assert text(report=fine) == ["2 examined at http://localhost:9090: 2 ok"]


def test_verbose_names_everything() -> None:
    """A line for each finding, with what was found, before the causes."""
    lines = text(verbose=True)
    assert lines[:2] == [
        "ok  CQRS / Write path / $Job: 2 series",
        "ok  CQRS / Write path / Commands per second: 1 series, such as 12.35",
    ]
    assert lines[4:] == text()


def test_problems_come_first_by_their_cause_and_fit_on_a_screen() -> None:
    """The most fundamental cause is the first; what is left out is counted, and named at will."""
    causes = list(Cause)
    findings = tuple(
        Finding(
            "panel", "CQRS / SLOs", f"Panel {number} of {cause.name}", "empty", 0, None,
            Diagnosis(cause, f"why {cause.name}", "fix it"),
        )
        for cause in reversed(causes)
        for number in range(20)
    )  # fmt: skip
    report = replace(REPORT, findings=findings)
    lines = text(report=report)
    assert lines[0] == f"empty: why {causes[0].name}"
    assert len(lines) < 30
    assert "and 15 more" in lines[2]
    assert f"{len(causes) - 8} more causes" in lines[-2]
    assert sum("Panel 19 of" in line for line in text(report=report, verbose=True)) > len(causes)


def test_json_shape() -> None:
    """The documented keys, readable by any JSON parser."""
    shape: dict[str, Any] = json.loads(json.dumps(as_json(REPORT), allow_nan=False))
    assert shape["ok"] is False
    assert shape["counts"] == {"ok": 2, "unused": 0, "hidden": 0, "idle": 0, "empty": 2}
    assert shape["findings"][2] == {
        "kind": "panel",
        "dashboard": "CQRS / Read path",
        "title": "Latency p95",
        "status": "empty",
        "series": 0,
        "sample": None,
        "cause": "metric no longer reported",
        "why": STALE.why,
        "mend": STALE.mend,
    }


def test_the_most_fundamental_cause_comes_first() -> None:
    """What breaks the chain nearest to its start is to be mended first; of equals the last."""
    rules = Diagnosis(Cause.RULES_NOT_LOADED, "no rules", "load them")
    idle, base = (Diagnosis(Cause.NO_TRAFFIC, name, "") for name in ("idle", "base"))
    assert most_fundamental([idle, rules, STALE]) is rules
    assert most_fundamental([idle, base]) is base
