"""The faults by name: what each does, which process it breaks and how, which alerts must fire.

A fault begins when its process gets its signal. ``START`` tells a process that knows the fault to
break itself from inside; any other signal is the fault.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Literal

from cqrs_alerts.alerting import ALERTS, AnyAlert

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
    alerts: tuple[AnyAlert, ...]  # of which someone has to be told, and of no others
    why: str  # these and not others
    signal: signal.Signals = START
    warm_up: float = 75  # seconds of health before it, where alerts compare with the past
    watch: float = 150  # seconds after its begin in which all has shown
    ends: bool = False  # the signal ends the process, which is no accident then

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
            "conflict-storm", "six customers order one product at one instant, again and again",
            "load",
            alerts_named(
                "CqrsCommandRejectionsSurge",
            ),
            "one wins, the others lose the race for the aggregate's version: rejections",
            warm_up=160,
            watch=355,
        ),
        Fault(
            "poison-event", "an order is stored that the projection cannot turn into rows",
            "service",
            alerts_named(
                "CqrsProjectionErrorsHigh",
                "CqrsProjectionStalled",
            ),
            "orders is tried again and again and gets no further; stock goes on",
            watch=355,
        ),
        Fault(
            "slow-projection", "the projection orders takes 0.8 s more for each event",
            "projection",
            alerts_named(
                "CqrsProjectionApplyLatencyHigh",
                "CqrsProjectionLagHigh",
                "CqrsProjectionFallingBehind",
                "CqrsProjectionFreshnessBurn",
            ),
            "less is applied than arrives, so what readers see gets older and older",
            watch=225,
        ),
        Fault(
            "projection-killed", "SIGKILL to the projections' process", "projection",
            alerts_named(
                "CqrsTargetDown",
                "CqrsProjectionStalled",
            ),
            "nothing can be scraped there, and events arrive that nobody applies",
            signal=signal.SIGKILL, ends=True,
            watch=355,
        ),
        Fault(
            "projection-frozen", "SIGSTOP to the projections' process", "projection",
            alerts_named(
                "CqrsTargetDown",
                "CqrsProjectionStalled",
            ),
            "a frozen process does not answer a scrape either",
            signal=signal.SIGSTOP,
            watch=355,
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
            "service-killed", "SIGKILL to the service", "service",
            alerts_named(
                "CqrsTargetDown",
            ),
            "nothing can be scraped there; that nothing is handled follows, and is kept back",
            signal=signal.SIGKILL, ends=True,
            watch=355,
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
