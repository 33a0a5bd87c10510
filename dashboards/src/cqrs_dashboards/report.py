"""The doctor's report for people, as text, and for programs, as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, get_args

from cqrs_alerts.live.causes import Cause
from cqrs_alerts.live.problems import Problem, describe

from .doctor import Finding, Report, Status

_CAUSES = list(Cause)


def render_text(report: Report, *, verbose: bool = False) -> Iterator[str]:
    """Lines: what is not in order, by cause, then the counts; with ``verbose`` every finding."""
    if verbose:
        yield from map(_row, report.findings)
    yield from describe(map(_problem, _not_in_order(report)), verbose=verbose)
    counts = ", ".join(f"{number} {status}" for status, number in _counts(report).items() if number)
    yield f"{len(report.findings)} examined at {report.prometheus}: {counts}"


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


def _not_in_order(report: Report) -> Iterator[Finding]:
    return (each for each in report.findings if not each.in_order)


def _problem(finding: Finding) -> Problem:
    diagnosis = finding.diagnosis
    if diagnosis is None:
        return Problem(finding.status, _name(finding), "", "", len(_CAUSES))
    rank = _CAUSES.index(diagnosis.cause)
    return Problem(finding.status, _name(finding), diagnosis.why, diagnosis.mend, rank)


def _row(finding: Finding) -> str:
    value = "" if finding.sample is None else f", such as {finding.sample:.4g}"
    return f"{finding.status}  {_name(finding)}: {finding.series} series{value}"


def _name(finding: Finding) -> str:
    title = f"${finding.title}" if finding.kind == "variable" else finding.title
    return f"{finding.dashboard} / {title}"


def _counts(report: Report) -> dict[str, int]:
    counts = Counter(finding.status for finding in report.findings)
    return {status: counts[status] for status in get_args(Status)}
