"""Faults of the projections: what they do wrong from the moment that one of these is called."""

from __future__ import annotations

import time
from collections.abc import Iterable

from ..domain import TracedEvent
from ..projection import OrdersProjection
from ..read_model import Statement
from .switch import Break

DELAY = 0.8  # seconds per event


def _slow_down() -> None:
    statements = OrdersProjection.statements

    def statements_late(self: OrdersProjection, event: TracedEvent) -> Iterable[Statement]:
        time.sleep(DELAY)
        return statements(self, event)

    setattr(OrdersProjection, "statements", statements_late)  # noqa: B010 - exchanged


PROJECTION_FAULTS: dict[str, Break] = {"slow-projection": _slow_down}
