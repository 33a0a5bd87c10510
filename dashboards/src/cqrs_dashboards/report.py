"""A report for people, as a table, and for programs, as JSON."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import Any, get_args

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cqrs_alerts.live.causes import Diagnosis

from .doctor import Finding, Report, Status

_STYLES: dict[Status, str] = {
    "ok": "green", "unused": "dim", "hidden": "yellow", "idle": "yellow", "empty": "red",
}  # fmt: skip


def render_table(report: Report, console: Console) -> None:
    """Print the table, then each cause once with what mends it."""
    causes: dict[Diagnosis, int] = {}
    for finding in report.findings:
        if finding.diagnosis:
            causes.setdefault(finding.diagnosis, len(causes) + 1)
    for dashboard, findings in groupby(report.findings, key=lambda finding: finding.dashboard):
        console.print(_table(dashboard, list(findings), causes))
    for diagnosis, number in causes.items():
        console.print(Text.assemble((f"[{number}] ", "bold"), diagnosis.why))
        console.print(Padding(Text.assemble("→ ", (diagnosis.mend, "bold")), (0, 0, 0, 4)))
    console.print(_summary(report))


def as_json(report: Report) -> dict[str, Any]:
    """The report as JSON; the shape is documented in the package's README."""
    return {
        "prometheus": report.prometheus,
        "ok": report.ok,
        "counts": _counts(report),
        "findings": [
            {
                "kind": finding.kind,
                "dashboard": finding.dashboard,
                "title": finding.title,
                "status": finding.status,
                "series": finding.series,
                "sample": finding.sample,
                "cause": finding.diagnosis and finding.diagnosis.cause.value,
                "why": finding.diagnosis and finding.diagnosis.why,
                "mend": finding.diagnosis and finding.diagnosis.mend,
            }
            for finding in report.findings
        ],
    }


def _table(dashboard: str, findings: list[Finding], causes: dict[Diagnosis, int]) -> Table:
    table = Table(title=Text(dashboard), title_justify="left", title_style="bold", expand=True)
    table.add_column("status", width=6)
    table.add_column("panel, variable or alert", ratio=1)
    table.add_column("series", justify="right", width=6)
    table.add_column("sample", justify="right", width=9)
    table.add_column("why", justify="right", width=4)
    for finding in findings:
        title = finding.title if finding.kind != "variable" else f"${finding.title}"
        table.add_row(
            Text(finding.status, _STYLES[finding.status]),
            Text(title),
            str(finding.series),
            "" if finding.sample is None else f"{finding.sample:.4g}",
            f"\\[{causes[finding.diagnosis]}]" if finding.diagnosis else "",
        )
    return table


def _summary(report: Report) -> Text:
    counts = ", ".join(f"{number} {status}" for status, number in _counts(report).items() if number)
    style = "bold green" if report.ok else "bold red"
    return Text(f"{len(report.findings)} examined at {report.prometheus}: {counts}", style)


def _counts(report: Report) -> dict[str, int]:
    counts = Counter(finding.status for finding in report.findings)
    return {status: counts[status] for status in get_args(Status)}
