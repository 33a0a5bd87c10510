"""What a user can set in ``cqrs.yaml``: its shape, its defaults, its limits.

Every field carries the text that ``cqrs.example.yaml`` and error messages show. Reading the file is
``config_file``'s job.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic.dataclasses import dataclass

from cqrs_telemetry import catalog

from .alert_settings import Alerts
from .dashboard_settings import DashboardSettings
from .label_names import ALERT_LABELS, INSTANCE, LE
from .naming import STRATEGIES, UNSUPPORTED_STRATEGIES, Strategy, label_name
from .promql import Matcher, duration_seconds, number, parse_matcher
from .setting_types import CLOSED, Base, Duration, Text
from .slo_settings import Slos
from .windows import RATE_WINDOW, SAMPLES_PER_WINDOW

_CATALOGUE_LABELS = frozenset(
    label_name(attribute, STRATEGIES[0])
    for metric in catalog.METRICS
    for attribute in metric.attributes
)


def _check_group_label(name: str) -> str:
    if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name) or name.startswith("__"):
        raise ValueError("not a label name; use letters, digits and _, such as job or namespace")
    if name == INSTANCE:
        raise ValueError("instances are summed, so that a restart does not start a new series")
    if name == LE:
        raise ValueError("histogram buckets use this label")
    if name in ALERT_LABELS:
        raise ValueError("alerts use this label")
    if name in _CATALOGUE_LABELS:
        raise ValueError("recorded series keep this label where they have it; leave it out")
    return name


def _check_unique(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise ValueError("name at least one, such as job; else all services become one")
    if len(set(names)) < len(names):
        raise ValueError("names a label twice")
    return names


def _read_matcher(value: Any) -> Any:
    if isinstance(value, Matcher):
        return value
    matcher = parse_matcher(str(value))
    if matcher.label in (LE, "__name__") or matcher.label in _CATALOGUE_LABELS:
        raise ValueError(
            f"select targets, not message types: {matcher.label} is not on every metric"
        )
    return matcher


def _check_naming(value: Any) -> Any:
    if value in UNSUPPORTED_STRATEGIES:
        raise ValueError(f"not supported yet; this version knows {', '.join(STRATEGIES)}")
    return value


def _check_scrape_interval(value: str) -> str:
    window, interval = duration_seconds(RATE_WINDOW), duration_seconds(value)
    if not 0 < interval <= window / SAMPLES_PER_WINDOW:
        raise ValueError(
            f"rates over {RATE_WINDOW} need at least {SAMPLES_PER_WINDOW} samples: "
            f"at most {number(window / SAMPLES_PER_WINDOW)}s"
        )
    return value


@dataclass(frozen=True, config=CLOSED)
class Severities:
    """The ``severity`` label's value for each level, as Alertmanager's routes expect it."""

    critical: Annotated[Text, Field(description="someone is woken")] = "critical"
    warning: Annotated[Text, Field(description="someone looks on the next working day")] = "warning"
    info: Annotated[Text, Field(description="context for other alerts")] = "info"


@dataclass(frozen=True, config=CLOSED)
class Config:
    """Settings of the bundle; the defaults suit one Prometheus job per service."""

    group_labels: Annotated[
        tuple[Annotated[str, AfterValidator(_check_group_label)], ...],
        Field(
            description="labels that tell services apart; rules and alerts keep them",
        ),
        AfterValidator(_check_unique),
    ] = ("job",)
    selector: Annotated[
        tuple[Annotated[Matcher, BeforeValidator(_read_matcher)], ...],
        Field(
            description="""which targets count, as PromQL matchers: ['namespace="shop"']""",
        ),
    ] = ()
    naming: Annotated[
        Strategy,
        BeforeValidator(_check_naming),
        Field(description="how the exporter spells names; this one is every exporter's default"),
    ] = STRATEGIES[0]
    scrape_interval: Annotated[
        Duration,
        AfterValidator(_check_scrape_interval),
        Field(description="time between two samples: Prometheus' or the OTLP exporter's interval"),
    ] = "1m"
    runbook_base_url: Annotated[
        Base,
        Field(description="where the runbook pages are published; the default is their folder"),
    ] = "alerts/runbooks"
    dashboard_base_url: Annotated[Base, Field(description="where Grafana is")] = (
        "http://localhost:3000"
    )
    severities: Annotated[
        Severities, Field(description="the severity label's values, as Alertmanager expects them")
    ] = Severities()
    dashboards: Annotated[
        DashboardSettings, Field(description="how the dashboards are told from others in Grafana")
    ] = DashboardSettings()
    slos: Annotated[
        Slos, Field(description="what is promised: objectives, and how fast budgets may burn")
    ] = Slos()
    alerts: Annotated[Alerts, Field(description="one section per alert")] = Alerts()
