"""Which alerts Alertmanager keeps back while another fires that explains them.

A page is never kept back by a ticket. https://prometheus.io/docs/alerting/latest/configuration/#inhibit_rule
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any, get_args

from cqrs_telemetry import catalog
from cqrs_telemetry.catalog import Attribute

from .alerting import AnyAlert, alerts
from .config import Config
from .label_names import LONG_WINDOW, SEVERITY, SHORT_WINDOW, SLO
from .naming import recorded_label
from .promql import Matcher, equals
from .setting_types import Severity
from .slo import TYPES
from .slo_alerts import BurnAlert

# In a folder of its own: Prometheus would take it for rules.
INHIBITIONS_FILE = "alertmanager/inhibit_rules.yaml"

_SEVERITIES: tuple[Severity, ...] = get_args(Severity)  # from loud to quiet


@dataclass(frozen=True)
class Inhibition:
    """While ``source`` fires, ``targets`` of the same service and type are kept back.

    ``across`` services: of those that a projection, its watcher and its readers may be.
    """

    source: str
    targets: tuple[str, ...]
    why: str
    same: tuple[Attribute, ...] = ()
    across: bool = False


# Of a projection that is watched.
_STANDING_STILL = ("CqrsProjectionFailed", "CqrsProjectionStopped", "CqrsProjectionStalled")

INHIBITIONS = (
    Inhibition(
        "CqrsTelemetryAbsent",
        (
            "CqrsTargetDown", "CqrsInstanceSilent", "CqrsCommandsStopped", "CqrsQueriesStopped",
            "CqrsCommandsWithoutEvents", "CqrsProjectionNotProgressing",
            "CqrsProjectionStateUnknown", "CqrsProjectionFallingBehind",
        ),
        "a service of which nothing is left does nothing",
    ),
    Inhibition(
        "CqrsTargetDown",
        (
            "CqrsCommandsStopped", "CqrsQueriesStopped", "CqrsProjectionFallingBehind",
            "CqrsProjectionStateUnknown",
        ),
        "what a dead process did is no longer done, or no longer counted",
    ),
    Inhibition(
        "CqrsInstanceSilent",
        (
            "CqrsCommandsStopped", "CqrsQueriesStopped", "CqrsProjectionFallingBehind",
            "CqrsProjectionStateUnknown",
        ),
        "what a silent process does is not counted",
    ),
    Inhibition(
        "CqrsCommandsStuck", ("CqrsCommandsStopped", "CqrsCommandsWithoutEvents"),
        "commands that hang do not end",
    ),
    Inhibition("CqrsQueriesStuck", ("CqrsQueriesStopped",), "queries that hang do not end"),
    *(
        Inhibition(
            source,
            (
                "CqrsProjectionLagHigh", "CqrsProjectionFallingBehind", "CqrsProjectionStale",
                "CqrsReadYourWritesTimeout",
            ),
            "what is not applied is late", (catalog.PROJECTION_NAME,), across=True,
        )
        for source in (*_STANDING_STILL, "CqrsProjectionNotProgressing")
    ),
    *(
        Inhibition(
            source, ("CqrsProjectionStalenessBurn",), "what is not applied is stale"
        )
        for source in _STANDING_STILL
    ),
    Inhibition(
        "CqrsProjectionFailed", ("CqrsProjectionErrorsHigh",),
        "it tells of the same failures", (catalog.PROJECTION_NAME,), across=True,
    ),
    Inhibition(
        "CqrsProjectionStale",
        ("CqrsProjectionLagHigh", "CqrsProjectionFallingBehind", "CqrsReadYourWritesTimeout"),
        "it tells of the same backlog", (catalog.PROJECTION_NAME,), across=True,
    ),
    Inhibition(
        "CqrsRebuildForgotten", ("CqrsRebuildSlow",),
        "what is done and not ended seems to take long", (catalog.PROJECTION_NAME,),
    ),
    Inhibition(
        "CqrsRebuildStuck", ("CqrsRebuildSlow",),
        "what does not move takes long", (catalog.PROJECTION_NAME,),
    ),
    Inhibition(
        "CqrsCommandTypeUnknown", ("CqrsCommandErrorsHigh", "CqrsCommandRejectionsSurge"),
        "a command without a handler fails", (catalog.COMMAND_TYPE,),
    ),
    Inhibition(
        "CqrsQueryTypeUnknown", ("CqrsQueryErrorsHigh",),
        "a query without a handler fails", (catalog.QUERY_TYPE,),
    ),
    Inhibition(
        "CqrsCommandAvailabilityBurn", ("CqrsCommandErrorsHigh",), "it tells of the same failures"
    ),
    Inhibition(
        "CqrsCommandLatencyBurn", ("CqrsCommandLatencyHigh",), "it tells of the same slowness"
    ),
    Inhibition(
        "CqrsQueryAvailabilityBurn", ("CqrsQueryErrorsHigh",), "it tells of the same failures"
    ),
    Inhibition(
        "CqrsQueryLatencyBurn", ("CqrsQueryLatencyHigh",), "it tells of the same slowness"
    ),
    Inhibition(
        "CqrsProjectionFreshnessBurn", ("CqrsProjectionLagHigh", "CqrsProjectionFallingBehind"),
        "it tells of the same lag",
    ),
    Inhibition(
        "CqrsProjectionFreshnessBurn", ("CqrsProjectionStalenessBurn",), "it tells of the same lag"
    ),
    Inhibition(
        "CqrsProjectionStalenessBurn", ("CqrsProjectionStale",), "it tells of the same staleness"
    ),
)  # fmt: skip


def causes_of(alert: AnyAlert, config: Config) -> list[Inhibition]:
    """The inhibitions that keep an alert back."""
    on = {each.name: each for each in alerts(config)}
    return [
        each
        for each in INHIBITIONS
        if any(alert.name in targets for _, targets in _kept_back(each, on, config))
    ]


def inhibit_rules(config: Config) -> list[dict[str, Any]]:
    """The list for ``inhibit_rules`` in Alertmanager's configuration."""
    on = {alert.name: alert for alert in alerts(config)}
    return [
        *(rule for each in INHIBITIONS for rule in _between(each, on, config)),
        *(
            rule
            for alert in on.values()
            if isinstance(alert, BurnAlert)
            for rule in _within(alert, config)
        ),
    ]


def _between(
    inhibition: Inhibition, on: dict[str, AnyAlert], config: Config
) -> Iterator[dict[str, Any]]:
    """One rule per severity that the source can have, over the targets that are no louder."""
    same = (recorded_label(attribute) for attribute in inhibition.same)
    labels = [*(config.shared_labels if inhibition.across else config.service_labels), *same]
    for severity, targets in _kept_back(inhibition, on, config):
        yield _rule(
            [_named(inhibition.source), equals(SEVERITY, getattr(config.severities, severity))],
            [Matcher("alertname", "=~", "|".join(targets))],
            labels,
        )


def _kept_back(
    inhibition: Inhibition, on: dict[str, AnyAlert], config: Config
) -> Iterator[tuple[Severity, list[str]]]:
    if inhibition.source not in on:
        return
    source = on[inhibition.source].rules(config)
    severities: dict[Severity, None] = {rule.severity: None for rule in source}
    for severity in severities:
        targets = [
            name
            for name in inhibition.targets
            if name in on
            and all(_is_as_loud(severity, rule.severity) for rule in on[name].rules(config))
        ]
        if targets:
            yield severity, targets


def _within(alert: BurnAlert, config: Config) -> Iterator[dict[str, Any]]:
    """Of one objective's rules that fire together, the fastest burn is told."""
    fastest = sorted(config.slos.burn_rates, key=lambda burn: -burn.factor)
    own = (recorded_label(attribute) for attribute in TYPES)
    labels = [*config.service_labels, SLO, *own]
    for fast, slow in combinations(fastest, 2):
        if _is_as_loud(fast.severity, slow.severity):
            source, target = (
                [
                    _named(alert.name),
                    equals(LONG_WINDOW, burn.long),
                    equals(SHORT_WINDOW, burn.short),
                ]
                for burn in (fast, slow)
            )
            yield _rule(source, target, labels)


def _is_as_loud(one: Severity, other: Severity) -> bool:
    return _SEVERITIES.index(one) <= _SEVERITIES.index(other)


def _named(alert: str) -> Matcher:
    return equals("alertname", alert)


def _rule(source: list[Matcher], target: list[Matcher], labels: list[str]) -> dict[str, Any]:
    return {
        "source_matchers": list(map(str, source)),
        "target_matchers": list(map(str, target)),
        "equal": labels,
    }
