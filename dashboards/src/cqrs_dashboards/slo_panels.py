"""Panels on budgets: what is left of them, and how fast they burn."""

from __future__ import annotations

from cqrs_alerts import slo
from cqrs_alerts.slo_settings import BurnRate

from . import colors, panels
from .model import Line, Panel, Target
from .queries import Queries
from .thresholds import BUDGET, burn, fastest_burn

SILENT = "no objective has events yet"
_DASHED = " dashed"  # of a series whose line is
FACTOR = "short"  # a burn rate is a number without a unit


def budget_left(queries: Queries, width: int = 8) -> Panel:
    """A bar per objective."""
    left = queries.objective(slo.budget_remaining(queries.config))
    return Panel(
        "Budget left",
        f"Share of the error budget of {_period(queries)} that each objective has left; with "
        "several services chosen, the lowest. Normal is more than the share of the period that is "
        "still to come. Below 0 the promise is broken: stop releases, mend what the burn rates "
        "show.",
        "bargauge", panels.SHARE,
        (Target(queries.worst_objective("min", left), queries.objective_legend),), SILENT,
        width=width, minimum=0, maximum=1, decimals=1, color=colors.CRITICAL, thresholds=BUDGET,
    )  # fmt: skip


def fastest_burns(queries: Queries) -> Panel:
    """The burn rate of each objective over the shortest long window."""
    rates = queries.config.slos.burn_rates
    window = slo.long_windows(queries.config)[0]
    burning = queries.objective(slo.burn_rate(window))
    return Panel(
        f"Burn rate {window}",
        f"How many times faster than it may the budget of each objective burnt over {window}; with "
        "several services chosen, the fastest. Normal is below 1, where a budget lasts its period. "
        "The lines are where alerts begin; see the SLO dashboard for all windows.",
        "timeseries", FACTOR,
        (
            Target(
                queries.top(queries.worst_objective("max", burning)), queries.objective_legend
            ),
        ),
        SILENT, height=10, thresholds=fastest_burn(rates), lines=objective_lines(),
    )  # fmt: skip


def burn_pair(queries: Queries, rate: BurnRate) -> Panel:
    """The long and the short window of one alerting rule."""
    targets = tuple(
        Target(
            queries.top(queries.worst_objective("max", queries.objective(slo.burn_rate(window)))),
            f"{queries.objective_legend} {window}{dashed}",
        )
        for window, dashed in ((rate.long, ""), (rate.short, _DASHED))
    )
    return Panel(
        f"Burn over {rate.long} and {rate.short}",
        f"Burn rates over {rate.long} and {rate.short}. Normal is below the line at "
        f"{rate.factor:g}. The alert fires, as {rate.severity}, when both windows of an objective "
        f"have been above it for {rate.for_}; when the short one falls, the cause is over.",
        "timeseries", FACTOR, targets, SILENT, thresholds=burn(rate),
        lines=(
            *objective_lines(rf"\s+{rate.long}"),
            *objective_lines(rf"\s+{rate.short}{_DASHED}"),
            Line(f"{_DASHED}$", None, dashed=True),
        ),
    )  # fmt: skip


def objective_lines(suffix: str = r"\s*") -> tuple[Line, ...]:
    """One colour per objective, in its side's; those of single types take Grafana's palette.

    Legends of an objective for all types end in blanks, where the labels of a type are empty.
    """
    return tuple(Line(f"^{sli.name}{suffix}$", _shade(sli)) for sli in slo.SLIS)


def _shade(sli: slo.Sli) -> str:
    light, medium, dark = colors.SHADES[sli.side]
    return {slo.Availability: dark, slo.Latency: light}.get(type(sli), medium)


def _period(queries: Queries) -> str:
    return queries.config.slos.period
