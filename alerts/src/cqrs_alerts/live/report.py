"""The check of a live Prometheus for people, as text, and for programs, as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from .check import RuleFinding, RuleReport
from .problems import Problem, describe


def render_text(report: RuleReport, *, verbose: bool = False) -> Iterator[str]:
    """Lines: what is not simply ok, by cause, then the counts."""
    yield from describe(
        (
            # What is idle needs nothing done, so it comes last.
            Problem(each.status, _name(each), each.why, each.mend, int(each.status == "idle"))
            for each in report.findings
            if each.status != "ok"
        ),
        verbose=verbose,
    )
    counts = ", ".join(f"{number} {status}" for status, number in _counts(report).items())
    yield f"{len(report.findings)} rules at {report.prometheus}: {counts}"


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
