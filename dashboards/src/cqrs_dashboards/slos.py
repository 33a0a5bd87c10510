"""SLOs: what was promised, how much may still go wrong, and how fast it does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cqrs_alerts import slo
from cqrs_alerts.config import Config
from cqrs_alerts.label_names import SEVERITY
from cqrs_alerts.links import SLOS_UID
from cqrs_alerts.promql import Matcher, equals, ratio
from cqrs_alerts.windows import RATE_WINDOW

from . import alert_panels, colors, panels
from .annotations import dashboard_annotations
from .model import Dashboard, Panel, Row, Target, Threshold
from .queries import Queries
from .slo_panels import FACTOR, SILENT, budget_left, burn_pair, objective_lines
from .thresholds import BUDGET, fastest_burn
from .variables import group_variables, objective_variable

INTRO = (
    "What users were promised, and how much of what may go wrong is left. A budget that burns at "
    "rate 1 lasts exactly its period; alerts compare a long window, which tells a burn from a "
    "blip, with a short one, which tells that it still burns."
)


def dashboard(config: Config) -> Dashboard:
    """The dashboard for a configuration."""
    queries = Queries(config, (), objectives=True)
    return Dashboard(
        uid=SLOS_UID,
        title="CQRS / SLOs",
        description="Objectives: budget left, burn rates, bad events, alerts on them",
        variables=(
            *group_variables(config, [sli.recording for sli in slo.SLIS]),
            objective_variable(queries),
        ),
        rows=(
            _opening(queries),
            _budgets(queries),
            Row(
                "How fast does it burn?",
                _tall(panels.spread([burn_pair(queries, r) for r in config.slos.burn_rates])),
            ),
            _events(queries),
            Row("Who was told?", (_told(queries),)),
        ),
        annotations=dashboard_annotations(queries),
    )


def _opening(queries: Queries) -> Row:
    config = queries.config
    left = queries.objective(slo.budget_remaining(config))
    window = slo.long_windows(config)[0]
    promised = queries.objective(slo.OBJECTIVE)
    return panels.opening(
        INTRO,
        (
            panels.stat(
                "Objectives",
                "Objectives that have a budget now, all services together. Normal is those that "
                "the configuration leaves on, times the services. Fewer means that a side of a "
                "service had no event since the rules were loaded.",
                panels.COUNT, f"count({promised})", SILENT, color=colors.NEUTRAL, decimals=0,
            ),
            panels.stat(
                "Objectives broken",
                "Objectives whose budget is used up. Normal is 0. Each one is a promise that this "
                "period cannot keep any more: agree what gives way, features or the objective.",
                panels.COUNT, f"count({left} < 0) or 0 * count({left})", SILENT,
                thresholds=(Threshold(1.0, colors.CRITICAL),), decimals=0,
            ),
            panels.stat(
                "Least budget left",
                f"Share of the budget of {config.slos.period} that the worst objective has left. "
                "Normal is more than the share of the period that is still to come. Below 0 it is "
                "overdrawn; the bars below name it.",
                panels.SHARE, f"min({left})", SILENT, color=colors.CRITICAL, thresholds=BUDGET,
                decimals=1,
            ),
            panels.stat(
                "Fastest burn",
                f"The fastest burn rate over {window}. Normal is below 1. Above it the budget will "
                "not last; the charts below name the objective and the minute that it began.",
                FACTOR, f"max({queries.objective(slo.burn_rate(window))})", SILENT,
                thresholds=fastest_burn(config.slos.burn_rates), decimals=1,
            ),
            alert_panels.firing_now(
                queries, "Pages firing", "Burn-rate alerts that wake someone",
                *_of_budgets(queries), equals(SEVERITY, config.severities.critical),
            ),
            alert_panels.firing_now(
                queries, "Tickets firing", "Burn-rate alerts that can wait for the morning",
                *_of_budgets(queries), equals(SEVERITY, config.severities.warning),
            ),
        ),
    )  # fmt: skip


def _budgets(queries: Queries) -> Row:
    config = queries.config
    period = config.slos.period
    left = queries.objective(slo.budget_remaining(config))
    over_time = Panel(
        "Budget left over time",
        f"Share of the budget of {period} that is left, by objective; with several services "
        "chosen, the lowest. Normal is a line that falls no faster than the period passes and "
        "rises when old failures drop out of it. A cliff is an incident, a slope is a defect.",
        "timeseries", panels.SHARE,
        (Target(queries.worst_objective("min", left), queries.objective_legend),), SILENT,
        # Further below it matters no more, and the rest would be squashed.
        minimum=-1, decimals=1, color=colors.CRITICAL, thresholds=BUDGET,
        lines=objective_lines(),
    )  # fmt: skip
    return Row("How much is left?", _tall((budget_left(queries), over_time, _achieved(queries))))


def _achieved(queries: Queries) -> Panel:
    config = queries.config
    period = config.slos.period
    promised = ", ".join(
        f"{sli.name} {sli.settings(config).objective * 100:g} %" for sli in slo.slis(config)
    )
    weakest = min((sli.settings(config).objective for sli in slo.slis(config)), default=0)
    bad, whole = (queries.objective(name) for name in (slo.bad_events(period), slo.events(period)))
    return Panel(
        "Achieved",
        f"Share of good events in the last {period}, by objective; with several services chosen, "
        f"the lowest. Promised are: {promised}. Normal is at or above that. Far above it is room "
        "to take more risk, or an objective that asks too little.",
        "bargauge", panels.SHARE,
        (
            Target(
                queries.worst_objective("min", f"1 - {ratio(bad, whole)}"),
                queries.objective_legend,
            ),
        ),
        # From twice the weakest budget up: at 0 all bars would look full.
        SILENT, minimum=round(1 - 2 * (1 - weakest), 6), maximum=1, decimals=3,
        color=colors.NEUTRAL,
    )  # fmt: skip


def _events(queries: Queries) -> Row:
    bad, whole = (
        queries.objective(name) for name in (slo.bad_events(RATE_WINDOW), slo.events(RATE_WINDOW))
    )
    legend = queries.objective_legend
    by = queries.by_objective
    return Row(
        "What burns it?",
        _tall(_objectives((
            panels.series(
                "Bad events",
                "Events of the last 5 minutes that did not keep their promise, by objective; of an "
                "objective of time, seconds. Normal is near 0. The path's own dashboard says which "
                "types and why: failures for availability, latency and lag for the others.",
                "short", queries.top(by(bad)), legend, SILENT,
            ),
            panels.series(
                "Share of bad events",
                "Share of events that did not keep their promise over the last 5 minutes, by "
                "objective. Normal is below what the objective allows. A step up marks the minute "
                "of the cause: look for a restart or a deployment there.",
                panels.SHARE, queries.top(ratio(by(bad), by(whole))), legend, SILENT,
            ),
            panels.series(
                "Events",
                "Events of the last 5 minutes that count towards each objective; of an objective "
                "of time, seconds, added up over projections. Normal follows the traffic. Burn "
                "rates of little traffic say little: rules have a floor, minimum_events, for the "
                "events in their long window.",
                "short", queries.top(by(whole)), legend, SILENT,
            ),
        ))),
    )  # fmt: skip


def _tall(drawn: Iterable[Panel]) -> tuple[Panel, ...]:
    """With room for a legend of all objectives."""
    return tuple(replace(panel, height=10) for panel in drawn)


def _objectives(drawn: Iterable[Panel]) -> tuple[Panel, ...]:
    """With the objectives' colours."""
    return tuple(replace(panel, lines=objective_lines()) for panel in drawn)


def _told(queries: Queries) -> Panel:
    return alert_panels.firing_over_time(queries, *_of_budgets(queries), width=24, height=5)


def _of_budgets(queries: Queries) -> tuple[Matcher, ...]:
    return (queries.chosen_objectives,)
