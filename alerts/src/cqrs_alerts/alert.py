"""What an alert is: when it fires, what it says, and what its runbook shows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .alert_settings import AlertSettings
from .conditions import Text, rate_window
from .config import Config
from .exemptions import exempted
from .setting_types import Severity

AlertSide = Literal["write", "read", "projection", "telemetry"]

PREFIX = "Cqrs"


@dataclass(frozen=True)
class Query:
    """A question to ask Prometheus while looking into an alert."""

    title: str
    expression: Text


@dataclass(frozen=True)
class Rule:
    """One alerting rule of an alert: most have one, burn rates one per pair of windows."""

    expression: str
    for_: str
    severity: Severity
    holds_within: str  # how long after its cause sets in the condition holds, at the latest
    keep_firing_for: str = "0s"
    labels: Mapping[str, str] = field(default_factory=dict)
    own_hold_within: Mapping[str, str] = field(default_factory=dict)  # by type, where it differs


def labels_named(template: str) -> tuple[str, ...]:
    """Labels whose values a template writes in any case, and so those that an alert has."""
    return tuple(dict.fromkeys(re.findall(r"{{ \$labels\.(\w+) }}", template)))


@dataclass(frozen=True)
class Alert:
    """An alert on a condition; its numbers are the section of ``alerts`` named like it."""

    name: str
    side: AlertSide
    dashboard: str  # uid
    row: str  # of the dashboard, by its title: where to look first
    summary: str  # static, so that Alertmanager can group by it
    description: Text  # a template that Prometheus expands
    expression: Text
    queries: tuple[Query, ...]
    spans: Text | None = None  # a TraceQL search, where a span shows the cause
    holds_within: Text = rate_window  # of its rule

    section = "alerts"

    @property
    def key(self) -> str:
        """Name of the alert's settings in its section of the configuration."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", self.name.removeprefix(PREFIX)).lower()

    def settings(self, config: Config) -> AlertSettings:
        """The alert's settings in a configuration."""
        settings: AlertSettings = getattr(config.alerts, self.key)
        return settings

    def labels(self, config: Config) -> tuple[str, ...]:
        """Labels that the alert has besides those that its rule adds."""
        return labels_named(self.description(config))

    def possible_labels(self, config: Config) -> Mapping[str, tuple[str, ...]]:
        """Labels that the alert may have, each with its values where these are known."""
        return dict.fromkeys(self.labels(config), ())

    def rules(self, config: Config) -> tuple[Rule, ...]:
        """The alert's one rule."""
        settings = self.settings(config)
        return (
            Rule(
                exempted(self.expression(config), self.key, config),
                settings.for_,
                settings.severity,
                self.holds_within(config),
                settings.keep_firing_for,
            ),
        )
