"""What a user can set in ``cqrs.yaml``: its shape, its defaults, its limits.

Every field carries the text that ``cqrs.example.yaml`` and error messages show. Reading the file is
``config_file``'s job.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from cqrs_telemetry import catalog
from cqrs_telemetry.catalog import Metric

from .naming import STRATEGIES, UNSUPPORTED_STRATEGIES, Strategy, label_name
from .promql import Matcher, duration_seconds, number, parse_matcher

RATE_WINDOW = "5m"  # the contract's; part of the recorded names
SAMPLES_PER_WINDOW = 4  # fewer, and one failed scrape makes a rate disappear
LE = "le"
INSTANCE = "instance"
SEVERITY = "severity"
SIDE = "side"

Severity = Literal["critical", "warning", "info"]

_CLOSED = ConfigDict(extra="forbid", validate_by_name=True)
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
    if name in (SEVERITY, SIDE, "alertname"):
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


def _check_duration(value: str) -> str:
    duration_seconds(value)
    return value


def _check_scrape_interval(value: str) -> str:
    window, interval = duration_seconds(RATE_WINDOW), duration_seconds(value)
    if not 0 < interval <= window / SAMPLES_PER_WINDOW:
        raise ValueError(
            f"rates over {RATE_WINDOW} need at least {SAMPLES_PER_WINDOW} samples: "
            f"at most {number(window / SAMPLES_PER_WINDOW)}s"
        )
    return value


def _check_base(value: str) -> str:
    if re.search(r"\s|[{}<>\"]", value) or not value.strip("/"):
        raise ValueError("write an address or a path without blanks, braces and quotes")
    if ":" in value and not re.match(r"https?://[^/]+", value):
        raise ValueError("an address starts with http:// or https://")
    return value.rstrip("/")


Flag = Annotated[bool, Field(strict=True)]
Duration = Annotated[str, AfterValidator(_check_duration)]
Base = Annotated[str, AfterValidator(_check_base)]
Text = Annotated[str, Field(min_length=1, pattern=r"^[a-zA-Z0-9_.-]+$")]
Share = Annotated[float, Field(strict=True, ge=0, lt=1, allow_inf_nan=False)]
Milliseconds = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(strict=True, ge=0)]

_Minimum = Annotated[
    Count,
    Field(description=f"does not fire below so many operations in {RATE_WINDOW}"),
]


@dataclass(frozen=True, config=_CLOSED)
class AlertSettings:
    """What can be set for every alert."""

    enabled: Annotated[Flag, Field(description="false leaves the alert out")] = True
    severity: Annotated[Severity, Field(description="critical, warning or info")] = "warning"
    for_: Annotated[
        Duration, Field(alias="for", description="how long it has to be so before it fires")
    ] = "10m"
    keep_firing_for: Annotated[
        Duration, Field(description="how long it goes on firing once it is no longer so")
    ] = "0s"


@dataclass(frozen=True, config=_CLOSED)
class RatioAlert(AlertSettings):
    """Fires on a share of operations."""

    above_ratio: Annotated[Share, Field(description="fires above this share, 0.05 is 5 %")] = 0.05
    minimum_operations: _Minimum = 20


@dataclass(frozen=True, config=_CLOSED)
class LatencyAlert(AlertSettings):
    """Fires on a quantile of a histogram in milliseconds."""

    above_ms: Annotated[Milliseconds, Field(description="fires above so many milliseconds")] = 1000
    minimum_operations: _Minimum = 20


@dataclass(frozen=True, config=_CLOSED)
class AbsenceAlert(AlertSettings):
    """Fires on what was there and is gone."""

    seen_within: Annotated[
        Duration, Field(description="how far back a service counts as one that should be there")
    ] = "6h"

    @model_validator(mode="after")
    def _check_order(self) -> AbsenceAlert:
        if duration_seconds(self.seen_within) <= duration_seconds(self.for_):
            raise ValueError("could never fire: seen_within has to be longer than for")
        return self


def _reaches(metric: Metric) -> Callable[[LatencyAlert], LatencyAlert]:
    def check(settings: LatencyAlert) -> LatencyAlert:
        if settings.above_ms >= metric.bounds[-1]:
            raise ValueError(
                f"could never fire: above_ms has to be below {number(metric.bounds[-1])}, "
                f"the last bucket of {metric.name}"
            )
        return settings

    return check


@dataclass(frozen=True, config=_CLOSED)
class Alerts:
    """One section per alert; ``alerting`` says what each of them watches."""

    command_errors_high: RatioAlert = RatioAlert(severity="critical", for_="5m")
    command_latency_high: Annotated[
        LatencyAlert, AfterValidator(_reaches(catalog.COMMAND_DURATION))
    ] = LatencyAlert(above_ms=1000)
    query_errors_high: RatioAlert = RatioAlert(severity="critical", for_="5m")
    query_latency_high: Annotated[
        LatencyAlert, AfterValidator(_reaches(catalog.QUERY_DURATION))
    ] = LatencyAlert(above_ms=500)
    projection_errors_high: RatioAlert = RatioAlert(severity="critical", for_="5m")
    projection_apply_latency_high: Annotated[
        LatencyAlert, AfterValidator(_reaches(catalog.PROJECTION_DURATION))
    ] = LatencyAlert(above_ms=500)
    projection_lag_high: Annotated[
        LatencyAlert, AfterValidator(_reaches(catalog.PROJECTION_LAG))
    ] = LatencyAlert(severity="critical", above_ms=30_000)
    projection_clock_skew: RatioAlert = RatioAlert(for_="15m")
    telemetry_absent: AbsenceAlert = AbsenceAlert(severity="critical")
    telemetry_faults: AlertSettings = AlertSettings(keep_firing_for="15m")
    type_name_overflow: AlertSettings = AlertSettings(keep_firing_for="15m")


@dataclass(frozen=True, config=_CLOSED)
class Severities:
    """The ``severity`` label's value for each level, as Alertmanager's routes expect it."""

    critical: Annotated[Text, Field(description="someone is woken")] = "critical"
    warning: Annotated[Text, Field(description="someone looks on the next working day")] = "warning"
    info: Annotated[Text, Field(description="context for other alerts")] = "info"


@dataclass(frozen=True, config=_CLOSED)
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
    alerts: Annotated[Alerts, Field(description="one section per alert")] = Alerts()
