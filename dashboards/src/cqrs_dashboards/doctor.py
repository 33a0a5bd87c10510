"""Asks a live Prometheus what every panel, variable and alert needs, and why something is empty."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

from cqrs_alerts import alerting
from cqrs_alerts.config import Config
from cqrs_alerts.live.access import Access
from cqrs_alerts.live.causes import Cause, Diagnosis
from cqrs_alerts.live.diagnosis import Examiner
from cqrs_alerts.live.prometheus import Prometheus, QueryError

from .bundle import render_all
from .questions import PanelQuestion, Question, VariableQuestion, questions

Kind = Literal["panel", "variable", "alert"]
Status = Literal["ok", "unused", "hidden", "idle", "empty"]

ALERTS = "Alerts"  # stands where other findings name their dashboard
_AT_ONCE = 8
_STATUS: dict[Cause, Status] = {Cause.NO_TRAFFIC: "idle", Cause.NOT_IN_USE: "unused"}


@dataclass(frozen=True)
class Finding:
    """One panel, template variable or alert.

    ``status`` is ok; unused, when no service chose to report what it shows; hidden, when a value is
    there but its input is broken or missing; idle, when only traffic is missing; empty otherwise.
    ``series`` counts what was found, ``sample`` is one value.
    """

    kind: Kind
    dashboard: str
    title: str
    status: Status
    series: int
    sample: float | None
    diagnosis: Diagnosis | None

    @property
    def in_order(self) -> bool:
        """Whether nothing has to be done about it."""
        return self.status in ("ok", "unused")


@dataclass(frozen=True)
class Report:
    """All findings about one server."""

    prometheus: str
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether everything has data, but for what nobody chose to report."""
        return all(finding.in_order for finding in self.findings)


def examine(
    access: Access | str,
    config: Config | None = None,
    rendered: Sequence[dict[str, Any]] | None = None,
) -> Report:
    """Examine dashboards, as ``grafana.render`` or a file gives them; by default all of ours.

    Raises:
        PrometheusError: There is no Prometheus at that address that could be asked.
    """
    config = config or Config()
    if rendered is None:
        rendered = render_all(config)
    asked = [each for dashboard in rendered for each in questions(dashboard, config)]
    with Prometheus(access) as prometheus:
        prometheus.query("vector(1)")  # one clear error, in place of one for each panel
        examiner = Examiner(prometheus, config)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = list(pool.map(lambda each: _examine(each, prometheus, examiner), asked))
        return Report(prometheus.url, (*found, *_alerts(examiner, config)))


def _examine(question: Question, prometheus: Prometheus, examiner: Examiner) -> Finding:
    try:
        if isinstance(question, PanelQuestion):
            return _panel(question, prometheus, examiner)
        return _variable(question, prometheus, examiner)
    except (QueryError, ValueError) as error:  # ValueError: what the parser refuses
        refused = Diagnosis(Cause.QUERY_REFUSED, str(error), "mend the query in the dashboard")
        title = question.panel if isinstance(question, PanelQuestion) else question.variable
        kind: Kind = "panel" if isinstance(question, PanelQuestion) else "variable"
        return Finding(kind, question.dashboard, title, "empty", 0, None, refused)


def _panel(question: PanelQuestion, prometheus: Prometheus, examiner: Examiner) -> Finding:
    values: list[float] = []
    diagnosis: Diagnosis | None = None
    status: Status = "ok"
    for expression in question.expressions:
        present = [
            sample.value for sample in prometheus.query(expression) if not math.isnan(sample.value)
        ]
        values += present
        if diagnosis is not None:
            continue  # the first empty query speaks for the panel
        if not present:
            diagnosis = examiner.explain(expression)
            status = _status(diagnosis)
        elif diagnosis := examiner.hidden(expression):
            status = "hidden"
    return Finding(
        "panel", question.dashboard, question.panel, status,
        len(values), max(values, default=None), diagnosis,
    )  # fmt: skip


def _status(diagnosis: Diagnosis) -> Status:
    return _STATUS.get(diagnosis.cause, "empty")


def _variable(question: VariableQuestion, prometheus: Prometheus, examiner: Examiner) -> Finding:
    values = prometheus.label_values(question.label, question.selector)
    diagnosis: Diagnosis | None = None
    status: Status = "ok"
    if not values:
        diagnosis = examiner.explain(question.selector) if question.selector else Diagnosis(
            Cause.LABEL_MISSING, f"no series has the label {question.label}", "mend the variable"
        )  # fmt: skip
        status = _status(diagnosis)
    return Finding(
        "variable", question.dashboard, question.variable, status, len(values), None, diagnosis
    )


def _alerts(examiner: Examiner, config: Config) -> Iterable[Finding]:
    if examiner.rules is None:
        return
    for alert in alerting.alerts(config):
        diagnosis = examiner.diagnose_alert(alert.name)
        status: Status = "empty" if diagnosis else "ok"
        loaded = sum(rule.name == alert.name for rule in examiner.rules)
        yield Finding("alert", ALERTS, alert.name, status, loaded, None, diagnosis)
