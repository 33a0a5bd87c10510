"""Why a service that reports does not report one metric: unused, idle, or not instrumented."""

from __future__ import annotations

from dataclasses import dataclass

from cqrs_telemetry import catalog
from cqrs_telemetry.catalog import PROJECTION, READ, WRITE, Metric, Side

from ..config import Config
from ..naming import label_name, series_name
from ..promql import Matcher, equals, rate, select
from ..windows import RATE_WINDOW
from .causes import Cause, Diagnosis
from .prometheus import Prometheus

_SIDES: dict[str, Side] = {
    catalog.WRITE_SCOPE: WRITE,
    catalog.READ_SCOPE: READ,
    catalog.PROJECTION_SCOPE: PROJECTION,
}
_NO_WATCH = "no process watches a projection, or every probe fails"
_NO_REPOSITORY = "no repository is instrumented"
_NO_REBUILD = "no rebuild is under way"
# Metrics that a service reports only when it calls for them.
_OPTIONAL = {
    catalog.PROJECTION_PENDING: _NO_WATCH,
    catalog.PROJECTION_STALENESS: _NO_WATCH,
    catalog.QUERY_WAIT: "no query waits for a projection",
    catalog.AGGREGATE_LOAD_EVENTS: _NO_REPOSITORY,
    catalog.AGGREGATE_CONFLICTS: _NO_REPOSITORY,
    catalog.AGGREGATE_RETRIES: _NO_REPOSITORY,
    catalog.PROJECTION_REBUILDING: _NO_REBUILD,
    catalog.PROJECTION_REBUILD_TARGET: _NO_REBUILD,
    catalog.PROJECTION_REBUILD_APPLIED: _NO_REBUILD,
}
# What is missing when another metric of the same watch or rebuild is there.
_INCOMPLETE = {
    catalog.PROJECTION_PENDING: (
        catalog.PROJECTION_STALENESS, "the probe does not return the number of pending events",
    ),
    catalog.PROJECTION_STALENESS: (
        catalog.PROJECTION_PENDING, "the probe does not return the age of the oldest event",
    ),
    catalog.PROJECTION_REBUILD_TARGET: (
        catalog.PROJECTION_REBUILD_APPLIED, "the rebuild was not given its number of events",
    ),
}  # fmt: skip
# Metrics that services stop reporting when the work is done.
TEMPORARY = frozenset(metric for metric, why in _OPTIONAL.items() if why is _NO_REBUILD)

# Metrics that services report all the time once they do.
WATCHED = frozenset(metric for metric, why in _OPTIONAL.items() if why is _NO_WATCH)


@dataclass(frozen=True)
class _Instrumentation:
    """What an instrumented side reports, and what shows that its operations should be there."""

    done: Metric  # reported once an operation has ended
    begun: Metric  # reported before
    evidence: tuple[tuple[Metric, str], ...]
    operation: str
    fix: str


_INSTRUMENTATION: dict[Side, _Instrumentation] = {
    WRITE: _Instrumentation(
        catalog.COMMAND_TOTAL,
        catalog.COMMAND_ACTIVE,
        (
            (catalog.QUERY_TOTAL, "queries are executed"),
            (catalog.PROJECTION_TOTAL, "events are applied"),
        ),
        "command was processed",
        "InstrumentedCommandBus or instrument_commands",
    ),
    READ: _Instrumentation(
        catalog.QUERY_TOTAL,
        catalog.QUERY_ACTIVE,
        (
            (catalog.COMMAND_TOTAL, "commands are processed"),
            (catalog.PROJECTION_TOTAL, "events are applied"),
        ),
        "query was executed",
        "InstrumentedQueryBus or instrument_queries",
    ),
    PROJECTION: _Instrumentation(
        catalog.PROJECTION_TOTAL,
        catalog.PROJECTION_HANDLERS,
        ((catalog.EVENTS_PRODUCED, "events are produced"),),
        "event was applied",
        "InstrumentedProjectionHandler or instrument_projection",
    ),
}


def diagnose_left_out(metric: Metric, config: Config) -> Diagnosis | None:
    """Say that the configuration leaves the metric's side out; None when it does not."""
    side = _SIDES.get(metric.scope)
    if side is None or side in config.instrumented:
        return None
    return Diagnosis(
        Cause.NOT_IN_USE,
        f"`instrumented` in cqrs.yaml leaves out {side}",
        f"no action is needed; when a service has a {side} side, add {side} to `instrumented`",
    )


class SilenceExaminer:
    """Diagnoses of metrics that are missing on a server on which services report others."""

    def __init__(self, prometheus: Prometheus, config: Config) -> None:
        self._prometheus = prometheus
        self._config = config

    def diagnose(self, metric: Metric) -> Diagnosis:
        """Why a metric that no exporter spells otherwise is missing."""
        side = _SIDES.get(metric.scope)
        nothing = self._diagnose_side(side, _INSTRUMENTATION[side]) if side else None
        if nothing and nothing.cause is not Cause.NO_TRAFFIC:
            return nothing
        if metric in _OPTIONAL:
            other, why = _INCOMPLETE.get(metric, (None, ""))
            used = other and self._count(other)
            return Diagnosis(
                Cause.NOT_IN_USE, why if used else _OPTIONAL[metric],
                "no action is needed, unless it should be reported",
            )  # fmt: skip
        if nothing:
            return nothing
        if metric is catalog.PROJECTION_LAG and self._has_live_events():
            return Diagnosis(
                Cause.NO_TIMESTAMPS,
                "events are applied, but none had a usable timestamp, so lag is unknown",
                "set the attribute timestamp when an event is created, or pass "
                "InstrumentedProjectionHandler a function timestamp= that returns it",
            )
        return Diagnosis(
            Cause.NO_TRAFFIC,
            f"services report, but not {series_name(metric, self._config.naming)} yet",
            "no action is needed; the metric appears with the first event that it measures",
        )

    def _diagnose_side(self, side: Side, known: _Instrumentation) -> Diagnosis | None:
        """Why a side has no operations; None when it has.

        One that is in use follows the others within a window.
        """
        if self._count(known.done):
            return None
        nothing = f"no {known.operation} yet"
        says = next((says for metric, says in known.evidence if self._lasts(metric)), None)
        if says and not self._count(known.begun):
            return Diagnosis(
                Cause.NOT_INSTRUMENTED,
                f"{says}, but {nothing}: the {side} side is idle or not instrumented",
                f"instrument it by {known.fix}; when no service has a {side} side, leave {side} "
                "out of `instrumented` in cqrs.yaml",
            )
        if says and side is PROJECTION:
            if not self._count(known.begun, " > 0"):
                return Diagnosis(
                    Cause.NOT_APPLIED,
                    f"{says}, but no projection is running",
                    "start the process that runs the projections",
                )
            if self._count(known.begun, f" offset {RATE_WINDOW} > 0"):
                return Diagnosis(
                    Cause.NOT_APPLIED,
                    f"{says} and projections are running, but {nothing}",
                    "find out whether events reach the projections: their subscription, topic or "
                    "queue",
                )
        return Diagnosis(Cause.NO_TRAFFIC, f"services report, but {nothing}", "send some traffic")

    def _lasts(self, counter: Metric) -> bool:
        """Whether it counts now, and did so a window ago: not only since a moment."""
        name = series_name(counter, self._config.naming)
        chosen = rate(select(name, self._config.selector), RATE_WINDOW)
        before = self._count(counter, f" offset {RATE_WINDOW}")
        return bool(before and self._prometheus.count(f"{chosen} > 0"))

    def _has_live_events(self) -> bool:
        """Whether events were applied that each have a lag, if it is known when they were made."""
        values = {
            catalog.PROJECTION_STATUS: catalog.SUCCESS,
            catalog.PROJECTION_PHASE: catalog.LIVE,
        }
        live = [
            equals(label_name(key, self._config.naming), value) for key, value in values.items()
        ]
        return self._count(catalog.PROJECTION_TOTAL, " > 0", *live) > 0

    def _count(self, metric: Metric, suffix: str = "", *matchers: Matcher) -> int:
        name = series_name(metric, self._config.naming)
        return self._prometheus.count(select(name, [*self._config.selector, *matchers]) + suffix)
