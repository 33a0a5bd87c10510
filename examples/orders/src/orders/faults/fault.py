"""What a fault is: which process it breaks and how, which alerts must fire.

A fault begins when its process gets its signal. ``START`` tells a process that knows the fault to
break itself from inside; any other signal is the fault. Without a signal the demo breaks what is
around the shop: see ``demo.surroundings``.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Literal

from cqrs_alerts.alerting import ALERTS, AnyAlert
from cqrs_alerts.projection_state import OK, State

START = signal.SIGUSR1
Part = Literal["service", "projection", "load", "prometheus", "collector", "traces"]
_ALERTS = {alert.name: alert for alert in ALERTS}


def alerts_named(*names: str) -> tuple[AnyAlert, ...]:
    """The alerts of these names; one that does not exist is a KeyError as soon as this is read."""
    return tuple(_ALERTS[name] for name in names)


@dataclass(frozen=True)
class Fault:
    """One way to break the shop, or what watches it."""

    name: str
    does: str
    part: Part
    alerts: tuple[AnyAlert, ...]  # that have to be sent, and no others; none: harmless
    why: str  # these and not others
    signal: signal.Signals | None = START
    warm_up: float = 75  # seconds of health before it, where alerts compare with the past
    watch: float = 150  # seconds after its begin in which all has shown
    ends: bool = False  # the signal ends the process, which is no accident then
    also: tuple[Part, ...] = ()  # parts that get the signal as well
    state: State = OK  # in which the projection of orders ends, as who watches it says
    watched: bool = True  # the service reports the backlog of each projection
    collector: bool = False  # spans pass through a collector, which Prometheus scrapes

    @property
    def armed(self) -> bool:
        """Whether the process has to know the fault from its start."""
        return self.signal is START
