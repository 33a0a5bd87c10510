"""What a user can set in ``cqrs.yaml``: its shape, its defaults, its limits.

Every field carries the text that ``cqrs.example.yaml`` and error messages show. Reading the file is
``config_file``'s job.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass
from pydantic_core import PydanticCustomError

from cqrs_telemetry import catalog

from .alert_settings import Alerts
from .dashboard_settings import DashboardSettings
from .exemption_settings import Exemption
from .naming import (
    HISTOGRAMS,
    STRATEGIES,
    Histograms,
    Strategy,
    escape,
    escapes,
)
from .projection_settings import ProjectionSettings
from .promql import duration_seconds, number
from .rule_settings import RuleSettings
from .setting_types import CLOSED, KEY, Address, OptionalAddress, Text
from .slo_settings import Slos
from .target_settings import GroupLabels, Instrumented, ScrapeInterval, Selector
from .windows import SAMPLES_PER_WINDOW


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
        GroupLabels,
        Field(description="labels that tell services apart; rules and alerts keep them"),
    ] = ("job",)
    selector: Annotated[
        Selector,
        Field(
            description="""which targets count, as PromQL matchers: ['namespace="shop"']""",
        ),
    ] = ()
    naming: Annotated[
        Strategy,
        Field(
            description="how the exporter translates names; the first is every exporter's default: "
            + ", ".join(STRATEGIES)
        ),
    ] = STRATEGIES[0]
    histograms: Annotated[
        Histograms,
        Field(
            description="classic: a series per bucket; native: Prometheus 3's, which exponential "
            "ones become over OTLP"
        ),
    ] = HISTOGRAMS[0]
    scrape_interval: Annotated[
        ScrapeInterval,
        Field(description="time between two samples: Prometheus' or the OTLP exporter's interval"),
    ] = "1m"
    instrumented: Annotated[
        Instrumented,
        Field(
            description="sides that services have: write, read, projection; where one is left out, "
            "check and doctor take its missing metrics as intended"
        ),
    ] = catalog.SIDES
    runbook_base_url: Annotated[
        OptionalAddress,
        Field(
            description="where you publish the runbook pages; alerts have no link before it is set"
        ),
    ] = ""
    dashboard_base_url: Annotated[Address, Field(description="where Grafana is")] = (
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
    projections: Annotated[
        ProjectionSettings, Field(description="what the states of projections are derived with")
    ] = ProjectionSettings()
    rules: Annotated[
        RuleSettings, Field(description="how groups of rules are evaluated, what all alerts carry")
    ] = RuleSettings()
    exemptions: Annotated[
        tuple[Exemption, ...],
        Field(
            description="planned ends, pauses and replays of which no alert tells: [{alerts: "
            "[projection_stopped], labels: {projection_name: orders_v1}, reason: retired}]"
        ),
    ] = ()
    alerts: Annotated[Alerts, Field(description="one section per alert")] = Alerts()

    @property
    def service_labels(self) -> tuple[str, ...]:
        """The group labels as recorded series spell them, and so alerts and dashboards."""
        return tuple(map(escape, self.group_labels))

    @property
    def shared_labels(self) -> tuple[str, ...]:
        """Those that a projection, its watcher and the writers of its events have in common."""
        across = set(map(escape, self.projections.across))
        return tuple(label for label in self.service_labels if label not in across)

    @property
    def group_names(self) -> tuple[tuple[str, str], ...]:
        """Each group label as targets have it, and as recorded series do."""
        return tuple(zip(self.group_labels, self.service_labels, strict=True))

    @model_validator(mode="after")
    def _check_labels(self) -> Config:
        """A label that tells services apart is on alerts already, and not to be overwritten."""
        for name, _ in self.rules.labels:
            if name in self.service_labels:
                raise PydanticCustomError(
                    "labels",
                    "alerts carry {name} by group_labels, which this would overwrite: leave it out",
                    {KEY: ("rules", "labels", name), "name": name},
                )
        return self

    @model_validator(mode="after")
    def _check_windows(self) -> Config:
        """A window over recorded series needs samples, as rates do: without, it never fires."""
        least = SAMPLES_PER_WINDOW * duration_seconds(self.scrape_interval)
        for name in self.alerts.__dataclass_fields__:
            window = getattr(getattr(self.alerts, name), "window", None)
            if window is not None and duration_seconds(window) < least:
                raise PydanticCustomError(
                    "window",
                    "{window} has too few samples, which are {interval} apart: at least {least}s",
                    {
                        KEY: ("alerts", name, "window"),
                        "window": window,
                        "interval": self.scrape_interval,
                        "least": number(least),
                    },
                )
        return self

    @model_validator(mode="after")
    def _check_stalled_after(self) -> Config:
        """Within less than two samples nothing can be seen to stand still."""
        least = 2 * duration_seconds(self.scrape_interval)
        if duration_seconds(self.projections.stalled_after) < least:
            raise PydanticCustomError(
                "stalled_after",
                "of two samples each {interval}: at least {least}s",
                {
                    KEY: ("projections", "stalled_after"),
                    "interval": self.scrape_interval,
                    "least": number(least),
                },
            )
        return self

    @model_validator(mode="after")
    def _check_seen_within(self) -> Config:
        """What is forgotten before an alert has waited for it never fires."""
        for name in ("projection_stopped", "projection_state_unknown"):
            settings = getattr(self.alerts, name)
            if duration_seconds(settings.for_) >= duration_seconds(self.projections.seen_within):
                raise PydanticCustomError(
                    "seen_within",
                    "could never fire: has to be shorter than projections.seen_within, {seen}",
                    {KEY: ("alerts", name, "for"), "seen": self.projections.seen_within},
                )
        return self

    @model_validator(mode="after")
    def _check_label_names(self) -> Config:
        """Labels in which a strategy leaves no dot cannot be named with one."""
        if escapes(self.naming):
            named = {
                "group_labels": self.group_labels,
                "selector": [m.label for m in self.selector],
            }
            for key, labels in named.items():
                for index, label in enumerate(labels):
                    if label != escape(label):
                        raise PydanticCustomError(
                            "label_name",
                            "no series has the label {label} where naming is {naming}: write "
                            "{escaped}, or set naming to one of {others}",
                            {
                                KEY: (key, index),
                                "label": label,
                                "naming": self.naming,
                                "escaped": escape(label),
                                "others": ", ".join(s for s in STRATEGIES if not escapes(s)),
                            },
                        )
        return self
