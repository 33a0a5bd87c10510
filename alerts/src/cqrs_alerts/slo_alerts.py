"""Alerts on budgets that burn too fast: one alert per objective, one rule per pair of windows."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cqrs_telemetry import catalog

from .alert import PREFIX, AlertSide, Query, Rule, labels_named
from .conditions import Text, busiest, failed_spans, highest, late_spans, slow_spans
from .config import Config
from .exemptions import exempted
from .label_names import LONG_WINDOW, SHORT_WINDOW, SLO
from .links import SLOS_UID
from .naming import recorded_label
from .objective_settings import (
    EventObjectives,
    Objectives,
    OwnAvailability,
    TimeObjectives,
    promise,
)
from .projection_state import CODE
from .promql import Matcher, duration, duration_seconds, equals, number, select
from .recording import (
    COMMAND_DURATION_P95,
    COMMAND_ERROR_RATE,
    COMMAND_ERROR_RATIO,
    COMMAND_RATE,
    PENDING,
    PROJECTION_DURATION_P95,
    PROJECTION_LAG_P99,
    PROJECTION_RATE,
    QUERY_DURATION_P95,
    QUERY_ERROR_RATE,
    QUERY_ERROR_RATIO,
    QUERY_RATE,
    RESULT_SIZE_P95,
    STALENESS,
)
from .slo import (
    COMMAND_AVAILABILITY,
    COMMAND_LATENCY,
    PROJECTION_FRESHNESS,
    PROJECTION_STALENESS,
    QUERY_AVAILABILITY,
    QUERY_LATENCY,
    Latency,
    Sli,
    Staleness,
    budget_remaining,
    burn_rate,
    events,
)
from .slo_settings import BurnRate

_BURN = '{{ printf "%.1f" $value }}'


@dataclass(frozen=True)
class BurnAlert:
    """An alert on an objective; its numbers are the section of ``slos`` named like it."""

    sli: Sli
    summary: str  # static, so that Alertmanager can group by it
    what: str  # is promised, as the description says it
    causes: tuple[Query, ...]
    spans: Text

    section = "slos"
    dashboard = SLOS_UID
    row = "How fast does it burn?"

    @property
    def name(self) -> str:
        """Name of the alert: the objective's, as alerts spell it."""
        words = self.sli.name.split("_")
        return f"{PREFIX}{''.join(word.capitalize() for word in words)}Burn"

    @property
    def side(self) -> AlertSide:
        """Side of the objective."""
        return self.sli.side

    @property
    def key(self) -> str:
        """Name of the objective's settings in its section of the configuration."""
        return self.sli.name

    @property
    def queries(self) -> tuple[Query, ...]:
        """What to ask Prometheus: the budget, then what eats it."""
        chosen = equals(SLO, self.sli.name)
        return (
            Query(
                "Share of the budget that is left",
                lambda config: select(budget_remaining(config), [chosen]),
            ),
            *self.causes,
        )

    def settings(self, config: Config) -> EventObjectives | TimeObjectives:
        """The objective's settings in a configuration."""
        return self.sli.settings(config)

    def description(self, config: Config) -> str:
        """A template that Prometheus expands."""
        own = recorded_label(self.sli.type)
        where = ", ".join(f"{label} {{{{ $labels.{label} }}}}" for label in config.service_labels)
        return (
            f"The error budget for {self.what} burns {_BURN} times as fast as it may; promised "
            f"are {self._promised(config)} "
            f"({where}{{{{ with $labels.{own} }}}}, {own} {{{{ . }}}}{{{{ end }}}})."
        )

    def labels(self, config: Config) -> tuple[str, ...]:
        """Labels that the alert has in any case, besides those that its rules add."""
        return (*labels_named(self.description(config)), SLO)

    def possible_labels(self, config: Config) -> Mapping[str, tuple[str, ...]]:
        """Labels that the alert may have, each with its values where these are known.

        It has a type where that has an objective of its own.
        """
        types = tuple(own.type for own in self.sli.settings(config).types)
        return {
            **dict.fromkeys(self.labels(config), ()),
            SLO: (self.sli.name,),
            **({recorded_label(self.sli.type): types} if types else {}),
        }

    def _promised(self, config: Config) -> str:
        """What was promised for what fires: a template when types have objectives of their own."""
        settings, label = self.sli.settings(config), recorded_label(self.sli.type)
        own = "".join(
            f"{{{{ else if eq $labels.{label} {json.dumps(each.type, ensure_ascii=False)} }}}}"
            f"{promise(each)}"
            for each in settings.types
        )
        if not own:
            return promise(settings)
        return f"{{{{{own.removeprefix('{{ else')}{{{{ else }}}}{promise(settings)}{{{{ end }}}}"

    def rules(self, config: Config) -> tuple[Rule, ...]:
        """One rule per pair of windows."""
        return tuple(
            Rule(
                exempted(self._expression(burn, config), self.key, config),
                burn.for_,
                burn.severity,
                self._exhausts(burn, self.settings(config), config),
                labels={LONG_WINDOW: burn.long, SHORT_WINDOW: burn.short},
                own_hold_within={
                    own.type: self._exhausts(burn, own, config)
                    for own in self.sli.settings(config).types
                },
            )
            for burn in config.slos.burn_rates
        )

    def _exhausts(
        self, burn: BurnRate, promised: Objectives | OwnAvailability, config: Config
    ) -> str:
        """How long everything has to be bad for the long window to burn as fast as the factor."""
        seconds = burn.factor * (1 - promised.objective) * duration_seconds(burn.long)
        if isinstance(self.sli, Staleness):  # what waits is not late at once
            seconds += config.slos.projection_freshness.within_ms / 1000
        return duration(math.ceil(seconds))

    def _expression(self, burn: BurnRate, config: Config) -> str:
        chosen: list[Matcher] = [equals(SLO, self.sli.name)]
        long, short = (select(burn_rate(window), chosen) for window in (burn.long, burn.short))
        limit = number(burn.factor)
        floor = f"{select(events(burn.long), chosen)} >= {self.settings(config).floor}"
        return f"{long} > {limit}\nand {short} > {limit}\nand {floor}"


def _within(sli: Latency) -> Callable[[Config], float]:
    return lambda config: sli.settings(config).within_ms


ALERTS = (
    BurnAlert(
        COMMAND_AVAILABILITY,
        "Commands fail so often that the error budget will not last",
        "commands without an error",
        (
            Query(
                "Errors per second, by exception",
                busiest(COMMAND_ERROR_RATE, catalog.COMMAND_TYPE, catalog.ERROR_TYPE),
            ),
            Query("Share of errors, by type", highest(COMMAND_ERROR_RATIO)),
        ),
        failed_spans(catalog.WRITE),
    ),
    BurnAlert(
        COMMAND_LATENCY,
        "Commands are slow so often that the latency budget will not last",
        "commands handled in time",
        (
            Query("p95 in ms, by type", highest(COMMAND_DURATION_P95)),
            Query("Commands per second, by type", busiest(COMMAND_RATE, catalog.COMMAND_TYPE)),
        ),
        slow_spans(catalog.WRITE, _within(COMMAND_LATENCY)),
    ),
    BurnAlert(
        QUERY_AVAILABILITY,
        "Queries fail so often that the error budget will not last",
        "queries without an error",
        (
            Query(
                "Errors per second, by exception",
                busiest(QUERY_ERROR_RATE, catalog.QUERY_TYPE, catalog.ERROR_TYPE),
            ),
            Query("Share of errors, by type", highest(QUERY_ERROR_RATIO)),
        ),
        failed_spans(catalog.READ),
    ),
    BurnAlert(
        QUERY_LATENCY,
        "Queries are slow so often that the latency budget will not last",
        "queries answered in time",
        (
            Query("p95 in ms, by type", highest(QUERY_DURATION_P95)),
            Query("p95 of the number of items returned", highest(RESULT_SIZE_P95)),
            Query("Queries per second, by type", busiest(QUERY_RATE, catalog.QUERY_TYPE)),
        ),
        slow_spans(catalog.READ, _within(QUERY_LATENCY)),
    ),
    BurnAlert(
        PROJECTION_FRESHNESS,
        "Readers see events late so often that the freshness budget will not last",
        "events that readers see in time",
        (
            Query("p99 of lag in ms, by projection", highest(PROJECTION_LAG_P99)),
            Query("Events per second", busiest(PROJECTION_RATE, catalog.PROJECTION_NAME)),
            Query("p95 of the time to apply in ms", highest(PROJECTION_DURATION_P95)),
        ),
        late_spans(_within(PROJECTION_FRESHNESS)),
    ),
    BurnAlert(
        PROJECTION_STALENESS,
        "Readers see the past so long that the budget of stale time will not last",
        "time in which readers see the present",
        (
            Query("Age of the oldest event that waits in ms", highest(STALENESS)),
            Query("Events that wait", highest(PENDING)),
            Query("State of each projection, as a number", lambda _: CODE),
            Query("Events per second", busiest(PROJECTION_RATE, catalog.PROJECTION_NAME)),
        ),
        late_spans(_within(PROJECTION_FRESHNESS)),
    ),
)
