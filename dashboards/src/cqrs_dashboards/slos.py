"""SLOs: what was promised, how much may still go wrong, and how fast it does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from cqrs_alerts import slo
from cqrs_alerts.config import Config
from cqrs_alerts.label_names import SEVERITY
from cqrs_alerts.links import SLOS_UID
from cqrs_alerts.promql import Matcher, equals, number, ratio
from cqrs_alerts.windows import RATE_WINDOW

from . import alert_panels, colors, panels
from .annotations import dashboard_annotations
from .model import Bar, Dashboard, Panel, Row, Target, Threshold
from .queries import Queries
from .slo_panels import FACTOR, SILENT, budget_left, burn_pair, objective_lines
from .thresholds import BUDGET, fastest_burn
from .variables import group_variables, objective_variable

INTRO = (
    "Objectives, the error budget that is left, and how fast it is consumed. At burn rate 1 a "
    "budget lasts exactly its period."
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
    return panels.opening(
        INTRO,
        (
            panels.stat(
                "Oldest data",
                f"Age of the oldest sample within the period of {config.slos.period}, of any "
                "objective. Normal is the whole period. Until then, budgets cover the data that "
                "is available, and change quickly.",
                "s", _age_of_data(queries), SILENT, color=colors.NEUTRAL, decimals=1,
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
        lines=objective_lines(), lowest_first=True,
    )  # fmt: skip
    return Row(
        "How much is left?",
        _tall((budget_left(queries, width=7), replace(over_time, width=7), _achieved(queries))),
    )


def _age_of_data(queries: Queries) -> str:
    """To the hour, within the last hour to the minute: a fine step over weeks would be slow."""
    promised = queries.objective(slo.OBJECTIVE)
    samples = f"timestamp({promised})"
    coarse, fine = (
        f"max(time() - min_over_time({samples}[{window}:{step}]))"
        for window, step in ((queries.config.slos.period, "1h"), ("1h", "1m"))
    )
    return f"({coarse} > {fine}) or {fine} or 0 * max({promised})"


def _achieved(queries: Queries) -> Panel:
    config = queries.config
    period = config.slos.period
    bars = tuple(achieved_bars(config))
    weakest = min((objective for _, objective in _promises(config)), default=0.0)
    bad, whole = (queries.objective(name) for name in (slo.bad_events(period), slo.events(period)))
    return Panel(
        "Achieved",
        f"Share of good events in the last {period}, by objective; with several services chosen, "
        "the lowest; its name states the target. Normal is green. Orange has less than a quarter "
        "of its budget left, red has missed the target. A share far above the target leaves room "
        "for more risk, or shows that the target is too low.",
        "bargauge", panels.SHARE,
        (
            Target(
                queries.worst_objective("min", f"1 - {ratio(bad, whole)}"),
                queries.objective_legend,
            ),
        ),
        # From twice the weakest budget up: at 0 all bars would look full.
        SILENT, minimum=round(1 - 2 * (1 - weakest), 6), maximum=1, decimals=3,
        color=colors.NEUTRAL, bars=bars, width=10,
    )  # fmt: skip


def achieved_bars(config: Config) -> Iterator[Bar]:
    """One per objective, with its target in its name and in its colours."""
    for words, objective in _promises(config):
        allowed = 1 - objective
        spaced = r"\s+".join(map(re.escape, words))
        yield Bar(
            rf"^{spaced}\s*$",
            f"{' '.join(words)} ≥ {number(objective * 100)} %",
            colors.CRITICAL,
            # As a budget: red when it is used up, green with a quarter left.
            tuple(
                replace(each, value=round(objective + allowed * each.value, 9)) for each in BUDGET
            ),
        )


def _promises(config: Config) -> Iterator[tuple[tuple[str, ...], float]]:
    """Each objective by the words of its legend: its name, and the type where it is of one."""
    for sli in slo.slis(config):
        settings = sli.settings(config)
        yield (sli.name,), settings.objective
        for own in settings.types:
            yield (sli.name, own.type), own.objective


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
