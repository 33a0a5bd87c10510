"""The doctor's answer as a table that fits, and as JSON."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from rich.console import Console

from cqrs_alerts.live.causes import Cause, Diagnosis, most_fundamental
from cqrs_dashboards.doctor import Finding, Report
from cqrs_dashboards.report import as_json, render_table

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


def table(width: int) -> str:
    """The printed report."""
    out = io.StringIO()
    render_table(REPORT, Console(file=out, width=width))
    return out.getvalue()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_table_fits(width: int) -> None:
    """No line is wider than the terminal, and titles, values and causes are there."""
    text = table(width)
    assert max(map(len, text.splitlines())) <= width
    for part in ("CQRS / Write path", "Commands per second", "12.35", "Latency p95", "[1]"):
        assert part in text


def test_each_cause_is_told_once() -> None:
    """Panels that are empty for the same reason share one explanation and its mend."""
    text = table(120)
    assert text.count(STALE.why) == 1
    assert text.count(STALE.mend) == 1
    assert "4 examined at http://localhost:9090: 2 ok, 2 empty" in text


def test_titles_are_text() -> None:
    """What looks like markup in a title is printed as it is."""
    assert "[red]evil[/red]" in table(80)


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
