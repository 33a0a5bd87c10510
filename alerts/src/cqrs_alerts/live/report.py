"""The check of a live Prometheus for people, as a table, and for programs, as JSON."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .check import RuleFinding, RuleReport, Status

_STYLES: dict[Status, str] = {"ok": "green", "idle": "yellow"}


def render_table(report: RuleReport, console: Console) -> None:
    """Print what is not simply ok, group by group, then the counts."""
    table = Table(expand=True)
    for heading, ratio in (("status", None), ("rule", 2), ("why", 3), ("what mends it", 2)):
        table.add_column(heading, ratio=ratio)
    told = [each for each in report.findings if each.status != "ok"]
    for finding in told:
        style = _STYLES.get(finding.status, "red")
        table.add_row(
            Text(finding.status, style), Text(_name(finding)), Text(finding.why), Text(finding.mend)
        )
    if told:
        console.print(table)
    counts = ", ".join(f"{number} {status}" for status, number in _counts(report).items())
    style = "bold green" if report.ok else "bold red"
    console.print(Text(f"{len(report.findings)} rules at {report.prometheus}: {counts}", style))


def as_json(report: RuleReport) -> dict[str, Any]:
    """The report as JSON; the shape is documented in the package's README."""
    return {
        "prometheus": report.prometheus,
        "ok": report.ok,
        "counts": _counts(report),
        "rules": [
            {
                "group": each.group,
                "name": each.name,
                "labels": dict(each.labels),
                "status": each.status,
                "why": each.why or None,
                "mend": each.mend or None,
            }
            for each in report.findings
        ],
    }


def _name(finding: RuleFinding) -> str:
    labels = ", ".join(f"{key}={value}" for key, value in finding.labels)
    return " ".join(filter(None, (finding.group, finding.name, labels and f"({labels})")))


def _counts(report: RuleReport) -> dict[str, int]:
    return dict(Counter(each.status for each in report.findings))
