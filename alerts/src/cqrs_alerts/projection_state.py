"""The state of each projection as recorded series, derived from facts that do not depend on it.

Who can tell of a dead projection is another process: one that watches it, such as the writer. Facts
of both are brought together by the projection's name, under the group labels of the watcher; a
projection that nobody watches keeps its own. Why so, and why in this order:
docs/adr/0011-states-of-projections.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cqrs_telemetry import catalog

from .config import Config
from .label_names import STATE
from .naming import recorded_label
from .projection_staleness import staleness_over
from .promql import equals, label_list, max_by, number, select
from .recording import (
    HANDLERS,
    INSTANCES,
    LAST_EVENT,
    PENDING,
    REBUILDING,
    STALENESS,
)
from .recording_rules import expression

# Facts of a projection under the labels of who watches it.
WATCHED = "cqrs:projection_watched:bool"
HANDLERS_KNOWN = "cqrs:projection_handlers:known"
LAST_SUCCESS = "cqrs:projection_last_success:known"
LAST_ERROR = "cqrs:projection_last_error:known"
REBUILDS_KNOWN = "cqrs:projection_rebuilding:known"
PROGRESS = "cqrs:projection_progress:known"
STALE = "cqrs:projection_stale:bool"
# Of a service: as another group records it, which is evaluated at another moment.
REPORTING = "cqrs:projection_watchers:count"

CODE = "cqrs:projection_state:code"
STATES_BOOL = "cqrs:projection_state:bool"

_DRAINED_WITHIN = 3600  # seconds: catching up is what will be done by then at its present pace


@dataclass(frozen=True)
class State:
    """A state, its number in the recorded series, and what it says of the read model."""

    name: str
    code: int
    meaning: str


OK = State("ok", 0, "readers see every event within the objective")
CATCHING_UP = State(
    "catching_up", 1, "readers see the past; the backlog will be gone within the hour"
)
LAGGING = State("lagging", 2, "readers see the past; the backlog is not about to go")
STALLED = State("stalled", 3, "events wait, none is applied, and none fails")
FAILED = State("failed", 4, "the last event failed, and events wait")
STOPPED = State("stopped", 5, "the process that ran the projection is gone")
REBUILDING_STATE = State("rebuilding", 6, "the read model is being made anew")
UNKNOWN = State("unknown", 7, "nobody can tell what readers see")
STATES = (OK, CATCHING_UP, LAGGING, STALLED, FAILED, STOPPED, REBUILDING_STATE, UNKNOWN)


def meanings() -> dict[str, str]:
    """What each recorded series says."""
    codes = ", ".join(f"{each.code} {each.name}" for each in STATES)
    return {
        WATCHED: "1 for a projection that some process watches, 0 for one that only tells of "
        "itself; its labels are those of all below",
        HANDLERS_KNOWN: "handlers of the projection that live now; 0 when there were some",
        LAST_SUCCESS: "Unix time at which an event was last applied",
        LAST_ERROR: "Unix time at which an event last failed",
        REBUILDS_KNOWN: "rebuilds of the projection under way",
        PROGRESS: "Unix time at which an event was last applied, where that was within "
        "`stalled_after`",
        STALE: "1 while staleness is over the objective, 0 while it is within; absent while it is "
        "not known, and during a rebuild",
        REPORTING: "processes of a service that report now, and so could watch",
        CODE: f"its state as a number: {codes}",
        STATES_BOOL: "a series for each state, 1 for the one that it is in, 0 for the others",
    }


def labels(name: str, config: Config) -> tuple[str, ...]:
    """Labels of a recorded series."""
    if name == REPORTING:
        return config.service_labels
    return (*_full(config), *((STATE,) if name == STATES_BOOL else ()))


def shared_labels(config: Config) -> tuple[str, ...]:
    """Labels that a projection, its watcher and the writers of its events have in common."""
    return (*config.shared_labels, recorded_label(catalog.PROJECTION_NAME))


def draining(window: str) -> str:
    """The backlog will be gone before long, at its pace within a window: by number or by age."""
    return " or ".join(
        f"predict_linear({each.name}[{window}], {number(_DRAINED_WITHIN)}) <= 0"
        for each in (PENDING, STALENESS)
    )


def units(config: Config) -> list[list[dict[str, Any]]]:
    """The recording rules, in the order of their evaluation; all states are of one instant."""
    single = [
        {"record": WATCHED, "expr": _watched(config)},
        *_known_facts(config),
        {"record": PROGRESS, "expr": _progress(config)},
        {
            "record": STALE,
            "expr": f"({staleness_over(config)})\nunless {REBUILDS_KNOWN} > 0",
        },
        {"record": REPORTING, "expr": expression(INSTANCES, config)},
        {"record": CODE, "expr": _code(config)},
    ]
    states = [
        {
            "record": STATES_BOOL,
            "expr": f"{CODE} == bool {state.code}",
            "labels": {STATE: state.name},
        }
        for state in STATES
    ]
    return [*([rule] for rule in single), states]


def _full(config: Config) -> tuple[str, ...]:
    return (*config.service_labels, recorded_label(catalog.PROJECTION_NAME))


def _seen(series: str, config: Config) -> str:
    """The highest value within the memory."""
    return f"max_over_time({series}[{config.projections.seen_within}])"


def _watched(config: Config) -> str:
    """All projections that are known of."""
    watched = _seen(PENDING.name, config)
    on = label_list(shared_labels(config))
    alone = f"({_seen(HANDLERS.name, config)} or {REBUILDING.name} > 0)"
    return f"0 * {watched} + 1\nor 0 * ({alone} unless on ({on}) {watched})"


def _known_facts(config: Config) -> Iterator[dict[str, Any]]:
    handlers_seen = _seen(HANDLERS.name, config)
    facts = {
        HANDLERS_KNOWN: (f"({HANDLERS.name} or 0 * {handlers_seen})", handlers_seen),
        LAST_SUCCESS: (_last_event(catalog.SUCCESS, config), handlers_seen),
        LAST_ERROR: (_last_event(catalog.ERROR, config), handlers_seen),
        REBUILDS_KNOWN: (REBUILDING.name, REBUILDING.name),
    }
    for name, (fact, owner) in facts.items():
        yield {"record": name, "expr": _known(fact, owner, config)}


def _last_event(status: str, config: Config) -> str:
    """When an event last ended so; a process that is gone is remembered."""
    chosen = select(LAST_EVENT.name, [equals(recorded_label(catalog.PROJECTION_STATUS), status)])
    return max_by(_full(config), _seen(chosen, config))


def _known(fact: str, owner: str, config: Config) -> str:
    """A fact under the labels of the watcher.

    What is said under these very labels counts first: another service may have a projection of that
    name. ``owner`` has series where something is said so.
    """
    full, shared = _full(config), shared_labels(config)
    own = f"{fact}\nand {WATCHED}"
    if set(shared) == set(full):
        return own
    return (
        f"{own}\nor 0 * ({WATCHED} unless {owner})\n"
        f"  + on ({label_list(shared)}) group_left () {max_by(shared, fact)}"
    )


def _progress(config: Config) -> str:
    """An event was applied since: by the change of the time, as clocks may differ."""
    window, seen = config.projections.stalled_after, config.projections.seen_within
    before = f"last_over_time({LAST_SUCCESS}[{seen}] offset {window})"
    return f"{LAST_SUCCESS} > {before}\nor {LAST_SUCCESS} unless {before}"


def _code(config: Config) -> str:
    """The number of the first state whose facts hold."""
    window = config.projections.stalled_after
    waited = f"min_over_time({PENDING.name}[{window}])"
    waiting_before = f"last_over_time({PENDING.name}[{window}] offset {window})"
    where = label_list(config.service_labels)
    chain = {
        REBUILDING_STATE: f"{REBUILDS_KNOWN} > 0",
        STOPPED: f"{HANDLERS_KNOWN} == 0 and on ({where}) {REPORTING}",
        FAILED: f"({PENDING.name} > 0 or {WATCHED} == 0)\n"
        f"    and ({LAST_ERROR} > {LAST_SUCCESS} or {LAST_ERROR} unless {LAST_SUCCESS})",
        STALLED: f"{PENDING.name} and {waited} > 0 and {waiting_before} > 0\n    unless {PROGRESS}",
        CATCHING_UP: f"{STALE} == 1 and {PROGRESS}\n    and ({draining(window)})",
        LAGGING: f"{STALE} == 1",
        OK: PENDING.name,
        UNKNOWN: WATCHED,
    }
    return "\nor ".join(f"0 * ({holds}) + {state.code}" for state, holds in chain.items())
