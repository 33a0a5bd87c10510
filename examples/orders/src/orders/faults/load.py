"""Faults of the load: what customers and clerks send besides the plan, from some moment on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import get_args

from ..commands import AddProduct, Command, PlaceOrder, RestockProduct
from ..load.journeys import PRODUCTS, Step
from .switch import Break

CUSTOMERS = 12  # that want the same at the same instant
LINES = 8
PAUSE = 30  # steps of the plan between two rushes: orders must not grow so fast that lists do


class Company:
    """What is sent for each step of the plan: the step alone, until something is the matter."""

    def __init__(self) -> None:
        self._sends: Callable[[Step], Step] = lambda step: step

    def __call__(self, step: Step) -> Step:
        """What is sent for a step of the plan."""
        return self._sends(step)

    @property
    def faults(self) -> dict[str, Break]:
        """What may be the matter, by the name of its fault."""
        return {
            "rejections-storm": lambda: self._storm(_want_too_much()),
            "conflict-storm": lambda: self._storm(_rush()),
            "stock-only": lambda: self._send(_only_restock),
        }

    def _send(self, sends: Callable[[Step], Step]) -> None:
        self._sends = sends

    def _storm(self, storm: Iterator[Step]) -> None:
        self._send(lambda step: (*step, *next(storm)))


def _only_restock(step: Step) -> Step:
    skus = itertools.cycle(PRODUCTS)
    return tuple(
        RestockProduct(next(skus), 1) if isinstance(message, get_args(Command)) else message
        for message in step
    )


def _want_too_much() -> Iterator[Step]:
    for sku in itertools.cycle(PRODUCTS):
        yield (PlaceOrder("customer-001", {sku: 1_000_000}),)


def _rush() -> Iterator[Step]:
    # There is enough for all: what they lose is the race for the products' versions. One of many
    # lines takes long enough to decide that others come in between, again and again.
    lines = {f"on-sale-{number}": 1 for number in range(LINES)}
    yield tuple(AddProduct(sku, price=1, quantity=1_000_000) for sku in lines)
    while True:
        yield from itertools.repeat((), PAUSE)
        yield tuple(PlaceOrder("customer-001", lines) for _ in range(CUSTOMERS))
