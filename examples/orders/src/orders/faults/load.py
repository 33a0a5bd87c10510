"""Faults of the load: what customers and clerks send besides the plan, from some moment on."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from ..commands import AddProduct, PlaceOrder
from ..load.journeys import PRODUCTS, Step
from .switch import Break

CUSTOMERS = 6  # that want the same at the same instant
PAUSE = 3  # steps of the plan between two rushes


class Company(Iterator[Step]):
    """What is sent beside each step of the plan: nothing, until a storm begins."""

    def __init__(self) -> None:
        self._storm: Iterator[Step] = itertools.repeat(())

    def __next__(self) -> Step:
        return next(self._storm)

    @property
    def faults(self) -> dict[str, Break]:
        """Each storm by the name of its fault."""
        return {
            "rejections-storm": lambda: self._begin(_want_too_much()),
            "conflict-storm": lambda: self._begin(_rush()),
        }

    def _begin(self, storm: Iterator[Step]) -> None:
        self._storm = storm


def _want_too_much() -> Iterator[Step]:
    for sku in itertools.cycle(PRODUCTS):
        yield (PlaceOrder("customer-001", {sku: 1_000_000}),)


def _rush() -> Iterator[Step]:
    # There is enough for all: what they lose is the race for the product's version.
    yield (AddProduct("on-sale", price=1, quantity=1_000_000),)
    while True:
        yield from itertools.repeat((), PAUSE)
        yield tuple(PlaceOrder("customer-001", {"on-sale": 1}) for _ in range(CUSTOMERS))
