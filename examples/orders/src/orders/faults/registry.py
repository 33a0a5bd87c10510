"""The faults by name: what each does, which process it breaks and how, which alerts must fire.

A fault begins when its process gets its signal. ``START`` tells a process that knows the fault to
break itself from inside; any other signal is the fault.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Literal

from cqrs_alerts.alerting import ALERTS, AnyAlert
from cqrs_alerts.projection_state import (
    FAILED,
    LAGGING,
    OK,
    REBUILDING_STATE,
    STALLED,
    STOPPED,
    UNKNOWN,
    State,
)

START = signal.SIGUSR1
Part = Literal["service", "projection", "load"]
_ALERTS = {alert.name: alert for alert in ALERTS}


class UnknownFaultError(Exception):
    """No fault has that name."""


def alerts_named(*names: str) -> tuple[AnyAlert, ...]:
    """The alerts of these names; one that does not exist is a KeyError as soon as this is read."""
    return tuple(_ALERTS[name] for name in names)


@dataclass(frozen=True)
class Fault:
    """One way to break the shop."""

    name: str
    does: str
    part: Part
    alerts: tuple[
        AnyAlert, ...
    ]  # of which someone has to be told, and of no others; none: harmless
    why: str  # these and not others
    signal: signal.Signals = START
    warm_up: float = 75  # seconds of health before it, where alerts compare with the past
    watch: float = 150  # seconds after its begin in which all has shown
    ends: bool = False  # the signal ends the process, which is no accident then
    also: tuple[Part, ...] = ()  # parts that get the signal as well
    state: State = OK  # in which the projection of orders ends, as who watches it says

    @property
    def armed(self) -> bool:
        """Whether the process has to know the fault from its start."""
        return self.signal is START


FAULTS = {
    fault.name: fault
    for fault in (
        Fault(
            "handler-errors", "the handler of ShipOrder raises", "service",
            alerts_named("CqrsCommandErrorsHigh", "CqrsCommandAvailabilityBurn"),
            "the type fails, and with it more of all commands than the objective allows",
        ),
        Fault(
            "slow-handler", "the handler of ShipOrder takes 2.5 s more", "service",
            alerts_named("CqrsCommandLatencyHigh", "CqrsCommandLatencyBurn"),
            "the type is slow, and with it more of all commands than the objective allows",
        ),
        Fault(
            "slow-query", "ListOrders waits 4 s for its rows", "service",
            alerts_named("CqrsQueryLatencyHigh", "CqrsQueryLatencyBurn"),
            "the type is slow, and with it more of all queries than the objective allows",
        ),
        Fault(
            "query-errors", "the handler of ListOrders raises", "service",
            alerts_named("CqrsQueryErrorsHigh", "CqrsQueryAvailabilityBurn"),
            "the type fails, and with it more of all queries than the objective allows",
        ),
        Fault(
            "query-hangs", "BusiestOrders waits for its rows for ever; three at a time may",
            "service",
            alerts_named("CqrsQueriesStuck"),
            "its queries are under way and none ends; the other types go on",
            watch=400,
        ),
        Fault(
            "huge-results", "ListOrders has lost a join condition: each order times each",
            "service",
            alerts_named(
                "CqrsQueryResultsHuge",
            ),
            "answers are many times as long as they were, and still fast",
            warm_up=330,
            watch=345,
        ),
        Fault(
            "rejections-storm", "customers order more than there is, again and again", "load",
            alerts_named(
                "CqrsCommandRejectionsSurge",
            ),
            "the shop says no, rightly: no error, but not as usual",
            warm_up=160,
            watch=355,
        ),
        Fault(
            "conflict-storm", "a dozen customers order the same at one instant, again and again",
            "load",
            alerts_named(
                "CqrsCommandRejectionsSurge",
            ),
            "one wins, the others lose the race for the versions, most of them three times",
            warm_up=160,
            watch=355,
        ),
        Fault(
            "lost-events", "the handler of PlaceOrder no longer returns its events", "service",
            alerts_named("CqrsCommandsWithoutEvents"),
            "orders are placed, stored and shown, and nothing counts their events any more",
            warm_up=160,
            watch=355,
        ),
        Fault(
            "poison-event", "an order is stored that the projection cannot turn into rows",
            "service",
            alerts_named("CqrsProjectionFailed", "CqrsProjectionErrorsHigh"),
            "orders is tried again and again and gets no further; stock goes on",
            state=FAILED,
        ),
        Fault(
            "slow-projection", "the projection orders takes 0.8 s more for each event",
            "projection",
            alerts_named(
                "CqrsProjectionApplyLatencyHigh",
                "CqrsProjectionLagHigh",
                "CqrsProjectionFallingBehind",
                "CqrsProjectionFreshnessBurn",
                "CqrsProjectionStale",
                "CqrsProjectionStalenessBurn",
            ),
            "less is applied than arrives, so what readers see gets older and older",
            watch=225,
            state=LAGGING,
        ),
        Fault(
            "thread-killed", "the projection orders fails; nobody sees that its thread is gone",
            "projection",
            alerts_named("CqrsProjectionFailed"),
            "it failed last, however long ago, and events wait",
            state=FAILED,
        ),
        Fault(
            "lost-notification", "the projection orders waits for events that it is not told of",
            "projection",
            alerts_named("CqrsProjectionStalled"),
            "the thread lives and nothing fails, but events wait",
            state=STALLED,
        ),
        Fault(
            "database-locked", "someone else holds the lock on the tables of orders", "projection",
            alerts_named(
                "CqrsProjectionErrorsHigh",
                "CqrsProjectionApplyLatencyHigh",
                "CqrsProjectionFailed",
            ),
            "each event waits 5 s for the lock, and fails",
            state=FAILED,
        ),
        Fault(
            "stock-only", "every command is a delivery: the projection orders has nothing to apply",
            "load",
            alerts_named(),
            "its position stands still while events go on, and nothing of it waits",
        ),
        Fault(
            "rebuild", "the projection orders is rebuilt, one event a second", "projection",
            alerts_named(),
            "what readers see is old on purpose, and replayed events have no lag",
            watch=120, state=REBUILDING_STATE,
        ),
        Fault(
            "rebuild-stuck", "a rebuild of the projection orders gets no further", "projection",
            alerts_named("CqrsRebuildStuck"),
            "it is under way and applies nothing; that readers see the past is its doing",
            state=REBUILDING_STATE,
        ),
        Fault(
            "rebuild-forgotten", "a rebuild of the projection orders is done, and nobody says so",
            "projection",
            alerts_named("CqrsRebuildForgotten"),
            "all is applied, but as long as it counts as a rebuild no lag of it is told of",
            state=REBUILDING_STATE,
        ),
        Fault(
            "projection-killed", "SIGKILL to the projections' process", "projection",
            alerts_named(
                "CqrsTargetDown",
                "CqrsProjectionStopped",
            ),
            "nothing can be scraped there, and events arrive that nobody applies",
            signal=signal.SIGKILL, ends=True,
            state=STOPPED,
        ),
        Fault(
            "projection-frozen", "SIGSTOP to the projections' process", "projection",
            alerts_named(
                "CqrsTargetDown",
                "CqrsProjectionStopped",
            ),
            "a frozen process does not answer a scrape either",
            signal=signal.SIGSTOP,
            state=STOPPED,
        ),
        Fault(
            "clock-skew", "events bear a time one hour ahead", "service",
            alerts_named("CqrsProjectionClockSkew"),
            "lag would be negative, so it says nothing any more; all else goes on",
        ),
        Fault(
            "unknown-type", "ShipOrder and OrderHistory have no handler any more", "service",
            alerts_named(
                "CqrsCommandTypeUnknown",
                "CqrsCommandAvailabilityBurn",
                "CqrsQueryTypeUnknown",
                "CqrsQueryAvailabilityBurn",
            ),
            "what nobody handles fails; that explains the high share of errors, which is kept back",
        ),
        Fault(
            "type-name-explosion", "every query has a class of its own", "service",
            alerts_named("CqrsTypeNameOverflow"),
            "queries are answered as before; only their names are too many",
        ),
        Fault(
            "telemetry-faults", "the result class of StockLevels raises when it is inspected",
            "service",
            alerts_named("CqrsTelemetryFaults"),
            "the instrumentation cannot inspect the results; users get their answers as before",
        ),
        Fault(
            "telemetry-lost", "the service shuts its meter provider down and goes on", "service",
            alerts_named("CqrsInstanceSilent"),
            "its page of metrics is empty; that nothing seems to arrive follows, and is kept back",
            watch=355,
            state=UNKNOWN,
        ),
        Fault(
            "outage", "SIGKILL to the service and to the projections' process", "service",
            alerts_named("CqrsTelemetryAbsent"),
            "nobody reports any more; that each target is down follows, and is kept back",
            signal=signal.SIGKILL, ends=True,
            also=("projection",),
            state=UNKNOWN,
        ),
        Fault(
            "service-killed", "SIGKILL to the service", "service",
            alerts_named(
                "CqrsTargetDown",
            ),
            "nothing can be scraped there; that nothing is handled follows, and is kept back",
            signal=signal.SIGKILL, ends=True,
            watch=355,
            state=UNKNOWN,
        ),
        Fault(
            "deadlock", "two handlers wait for each other's lock, for ever", "service",
            alerts_named(
                "CqrsCommandsStuck",
                "CqrsQueriesStopped",
            ),
            "commands are under way and none ends, until no thread is left for queries either",
            watch=400,
        ),
        Fault(
            "traffic-stops", "SIGTERM to the load", "load",
            alerts_named(
                "CqrsCommandsStopped",
                "CqrsQueriesStopped",
            ),
            "all is well but nobody asks",
            signal=signal.SIGTERM,
            watch=355,
        ),
    )
}  # fmt: skip


def fault_named(name: str | None) -> Fault | None:
    """The fault of a name; None for none.

    Raises:
        UnknownFaultError: Lists the names that there are.
    """
    if not name:
        return None
    if name not in FAULTS:
        raise UnknownFaultError(f"no fault is called {name!r}; known: {', '.join(FAULTS)}")
    return FAULTS[name]
