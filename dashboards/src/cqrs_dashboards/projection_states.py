"""States of projections, and the facts that decide them: can users trust what they read?"""

from __future__ import annotations

from dataclasses import replace

from cqrs_alerts import projection_state as states
from cqrs_alerts import recording
from cqrs_alerts.objective_settings import promise
from cqrs_alerts.projection_state import State
from cqrs_alerts.promql import max_by
from cqrs_telemetry import catalog

from . import colors, panels
from .model import Mapping, Panel, Row, Target
from .queries import MOST_SERIES, Queries
from .thresholds import freshness, stalled

TITLE = "Can users trust what they read?"
UNWATCHED = "no projection is watched"
_SILENT = "no projections"
_PROJECTION = catalog.PROJECTION_NAME

# From good to bad: of several projections or services the worst is told.
RANKED = (
    states.OK, states.REBUILDING_STATE, states.CATCHING_UP, states.UNKNOWN, states.LAGGING,
    states.STALLED, states.STOPPED, states.FAILED,
)  # fmt: skip


def trust(queries: Queries) -> Row:
    """The state of each projection, and what it is derived from."""
    facts = (staleness(queries), _pending(queries), _handlers(queries), _last_events(queries))
    below = panels.low(panels.spread(facts))
    return Row(TITLE, (over_time(queries, width=16), _now(queries), *below))


def worst_now(queries: Queries) -> Panel:
    """The worst state that a projection is in."""
    stat = panels.stat(
        "Worst state",
        "The worst state that any projection is in now; the chart of states names it. Normal is "
        "ok. Catching up, lagging, stalled, failed and stopped mean that users read the past; "
        "unknown means that nobody watches the projection: telemetry.watch_projection does.",
        panels.COUNT, f"max({_ranks(queries)})", _SILENT,
    )  # fmt: skip
    return replace(stat, mappings=_mappings())


def over_time(queries: Queries, width: int) -> Panel:
    """When each projection was in which state."""
    return Panel(
        "State by projection",
        "The state of each projection over time, derived from what its process and whoever watches "
        "it report. Normal is one band, ok. "
        + " ".join(f"{_words(each).capitalize()}: {each.meaning}." for each in states.STATES),
        "state-timeline", panels.COUNT,
        (Target(_by_projection(queries), queries.legend(_PROJECTION)),), _SILENT,
        width=width, minimum=None, mappings=_mappings(),
    )  # fmt: skip


def staleness(queries: Queries) -> Panel:
    """Age of the oldest event that readers do not see yet."""
    promised = queries.config.slos.projection_freshness
    return Panel(
        "Staleness by projection",
        f"Age of the oldest event that a projection has not applied, the {MOST_SERIES} stalest; 0 "
        "when there is none. Normal is below the red line, the objective: "
        f"{promise(promised)}. Unlike lag it goes on growing when a projection has died: the "
        "state says of what.",
        "timeseries", panels.MILLISECONDS,
        (
            Target(
                queries.worst(recording.STALENESS, _PROJECTION), queries.legend(_PROJECTION)
            ),
        ),
        UNWATCHED, thresholds=freshness(queries.config),
    )  # fmt: skip


def stalest_now(queries: Queries) -> Panel:
    """Age of the oldest event that readers do not see yet, over all projections."""
    return panels.stat(
        "Staleness",
        "Age of the oldest event that some projection has not applied: how old what readers see "
        "may be at worst. Normal is below the red threshold, the objective. When it rises, the "
        "chart State by projection names the projection.",
        panels.MILLISECONDS, f"max({queries.series(recording.STALENESS)})", UNWATCHED,
        thresholds=freshness(queries.config),
    )  # fmt: skip


def idle_now(queries: Queries) -> Panel:
    """Time in which a projection applied nothing although events waited, over all projections."""
    window = queries.config.projections.stalled_after
    pending = queries.series(recording.PENDING)
    waiting, waited = f"{pending} > 0", f"min_over_time({pending}[{window}])"
    last = queries.derived(states.LAST_SUCCESS)
    # The clocks of the two processes may differ.
    since = f"(clamp_min(time() - {last}, 0) and {waiting})"
    age = f"({queries.series(recording.STALENESS)} / 1000 and {waiting})"
    # An idle projection has applied nothing for hours, and waits since the first new event.
    longest = f"{since} < {age} or ({age} and {last}) or {since} or ({age} and {waited} > 0)"
    return panels.stat(
        "Nothing applied for",
        "Time for which a projection has applied no event although events are pending, of the "
        "projection with the longest such time. Normal is 0 or a few seconds. A rising number is a "
        "projection that is dead or stuck; the chart State by projection names it.",
        "s", f"max({longest}) or max({waited}) == 0", UNWATCHED,
        thresholds=stalled(queries.config), decimals=0,
    )  # fmt: skip


def _now(queries: Queries) -> Panel:
    return Panel(
        "State now",
        f"The state that each projection is in, the {MOST_SERIES} worst. Normal is ok for all, and "
        "rebuilding after a release that changed a view. The facts below say why it is another, "
        "and docs/projections.md what to do.",
        "table", panels.COUNT, (Target(_by_projection(queries), ""),), _SILENT,
        columns=(*queries.columns({_PROJECTION: "Projection"}), ("Value", "State")),
        mappings=_mappings(),
    )  # fmt: skip


def _pending(queries: Queries) -> Panel:
    return panels.series(
        "Pending events",
        f"Events that a projection has to apply and has not, the {MOST_SERIES} longest backlogs; a "
        "probe counts up to a limit. Normal is near 0. Growth is a projection that is slower than "
        "the writes; a level that stays is one that applies nothing.",
        panels.COUNT, queries.worst(recording.PENDING, _PROJECTION),
        queries.legend(_PROJECTION), UNWATCHED,
    )  # fmt: skip


def _handlers(queries: Queries) -> Panel:
    alive = queries.highest(states.HANDLERS_KNOWN, _PROJECTION)
    return replace(
        panels.series(
            "Handlers alive",
            "Handlers of each projection that live now, over all processes; one that was there "
            "and is gone stays as 0. Normal is the number of processes that run the projection. "
            "0 is the state stopped: start the process again, its log says why it ended.",
            panels.COUNT, queries.top(alive), queries.legend(_PROJECTION), "no handlers",
        ),
        decimals=0,
    )  # fmt: skip


def _last_events(queries: Queries) -> Panel:
    outcome = queries.label(catalog.PROJECTION_STATUS)
    ages = " or ".join(
        f"label_replace(time() - {queries.highest(name, _PROJECTION)}, "
        f'"{outcome}", "{status}", "", "")'
        for name, status in (
            (states.LAST_SUCCESS, catalog.SUCCESS), (states.LAST_ERROR, catalog.ERROR),
        )
    )  # fmt: skip
    return Panel(
        "Last event by outcome",
        f"Time since an event of each projection last ended in success and in error, the "
        f"{MOST_SERIES} longest ago. Normal is a success just now, where events come in all the "
        "time. An error newer than the success is the state failed: mend or skip that event.",
        "table", "s", (Target(queries.top(ages), ""),), "no event ended yet",
        columns=(
            *queries.columns({_PROJECTION: "Projection"}),
            (outcome, "Outcome"), ("Value", "Ago"),
        ),
    )  # fmt: skip


def _by_projection(queries: Queries) -> str:
    return queries.top(max_by(queries.labels([_PROJECTION]), _ranks(queries)))


def _ranks(queries: Queries) -> str:
    """The recorded states, numbered from good to bad."""
    code = queries.derived(states.CODE)
    return " or ".join(
        f"0 * ({code} == {state.code}) + {rank}" for rank, state in enumerate(RANKED)
    )


def _mappings() -> tuple[Mapping, ...]:
    return tuple(
        Mapping(rank, _words(state), colors.BY_STATE[state.name])
        for rank, state in enumerate(RANKED)
    )


def _words(state: State) -> str:
    return state.name.replace("_", " ")
