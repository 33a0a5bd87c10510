"""The catalogue's metrics as OpenTelemetry instruments, one set per meter provider.

Counters and up-down counters are observable: operations add to cells of our own, which cost a
fraction of ``Counter.add``, and the SDK reads the cells at collection
(docs/adr/0003-observable-counters.md).
"""

from __future__ import annotations

import functools
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Histogram, Meter, MeterProvider, Observation

from ._watches import Watches
from .catalog import (
    METRICS,
    PROJECTION_HANDLERS,
    PROJECTION_PENDING,
    PROJECTION_STALENESS,
    Metric,
)

if TYPE_CHECKING:
    from .rebuild import Rebuild

Attributes = Mapping[str, str]


@functools.cache
def package_version() -> str:
    """The version of this package, which its instruments and tracers carry."""
    from importlib.metadata import version  # slow to import; an SDK has done so already

    return version("cqrs-telemetry")


class Cell:
    """The running total of one attribute set.

    ``increment`` is a C function: atomic without a lock, so that threads do not wait for each
    other, a finalizer or signal handler cannot meet its own thread's lock, and a forked child finds
    none held.
    """

    __slots__ = ("_reads", "attributes", "increment", "lock")

    def __init__(self, attributes: Attributes) -> None:
        self.attributes = attributes
        self.restart()

    @property
    def value(self) -> int:
        """The total; reading takes one step of the count, which is subtracted."""
        with self.lock:
            value = self.increment() - self._reads
            self._reads += 1
            return value

    def restart(self) -> None:
        """Begin at 0 again."""
        self.lock = threading.Lock()
        self._reads = 0
        self.increment = count().__next__


class InFlight(set[object]):
    """The operations under way of one attribute set.

    The operations themselves: adding to a set needs no lock, and removing what a forked child does
    not have leaves it at 0.
    """

    def __init__(self, attributes: Attributes) -> None:
        super().__init__()
        self.attributes = attributes

    @property
    def value(self) -> int:
        """How many there are."""
        return len(self)

    def restart(self) -> None:
        """Forget the parent's."""
        self.clear()


class Living(InFlight):
    """Objects that live in this process; a forked child has them too."""

    def add_until_collected(self, owner: object) -> None:
        """Count ``owner`` until it is garbage. It need not be hashable: a token stands for it."""
        token = object()
        self.add(token)
        weakref.finalize(owner, self.discard, token).atexit = False

    def restart(self) -> None:
        """Nothing to forget."""


class Level:
    """The present value of one attribute set; None, and not exported, while it is unknown."""

    __slots__ = ("attributes", "value")

    def __init__(self, attributes: Attributes) -> None:
        self.attributes = attributes
        self.value: float | None = None

    def restart(self) -> None:
        """Forget the parent's."""
        self.value = None


AnyCell = TypeVar("AnyCell", Cell, InFlight, Living, Level)


class Cells(Generic[AnyCell]):
    """All attribute sets of one observable instrument."""

    def __init__(self, kind: type[AnyCell]) -> None:
        self._kind: type[AnyCell] = kind
        self.prepare: Callable[[], None] | None = None  # before each collection
        self._cells: dict[frozenset[tuple[str, str]], AnyCell] = {}

    def cell(self, attributes: Attributes) -> AnyCell:
        """The cell of an attribute set, made at 0 when new."""
        key = frozenset(attributes.items())
        # setdefault is atomic. No lock: a finalizer may come here while its thread is here already.
        cell = self._cells.get(key)
        return self._cells.setdefault(key, self._kind(attributes)) if cell is None else cell

    def put(self, cell: Cell | Level) -> None:
        """Report a cell that somebody else keeps, until it is removed."""
        self._cells[frozenset(cell.attributes.items())] = cell  # type: ignore[assignment]  # alike

    def remove(self, cell: Cell | Level) -> None:
        """Report it no more, if it has not been replaced."""
        key = frozenset(cell.attributes.items())
        if self._cells.get(key) is cell:
            self._cells.pop(key, None)

    def observe(self, _options: CallbackOptions) -> Iterable[Observation]:
        """What the SDK calls at each collection."""
        if self.prepare is not None:
            self.prepare()
        read = [(cell.value, cell.attributes) for cell in tuple(self._cells.values())]
        return [Observation(value, attributes) for value, attributes in read if value is not None]

    def restart(self) -> None:
        """Begin at 0 again, in a forked child."""
        for cell in self._cells.values():
            cell.restart()


class Instruments:
    """Every instrument of the catalogue on one meter provider; ``None`` is the global one."""

    def __init__(self, meter_provider: MeterProvider | None) -> None:
        self.histograms: dict[Metric, Histogram] = {}
        self.counters: dict[Metric, Cells[Cell]] = {}
        self.in_flight: dict[Metric, Cells[InFlight]] = {}
        self.gauges: dict[Metric, Cells[Level]] = {}
        self.handlers: Cells[Living] = Cells(Living)
        self.watches = Watches()
        self.rebuilds: dict[str, Rebuild] = {}  # the newest of each projection
        meters: dict[str, Meter] = {}
        for metric in METRICS:
            if metric.scope not in meters:
                meters[metric.scope] = metrics.get_meter(
                    metric.scope, package_version(), meter_provider
                )
            self._create(metric, meters[metric.scope])
        _instances.add(self)

    def _create(self, metric: Metric, meter: Meter) -> None:
        if metric.kind == "histogram":
            self.histograms[metric] = meter.create_histogram(
                metric.name,
                metric.unit,
                metric.description,
                explicit_bucket_boundaries_advisory=metric.bounds,
            )
        elif metric.kind == "counter":
            counters = self.counters[metric] = Cells(Cell)
            meter.create_observable_counter(
                metric.name, [counters.observe], metric.unit, metric.description
            )
        elif metric is PROJECTION_HANDLERS:
            meter.create_observable_up_down_counter(
                metric.name, [self.handlers.observe], metric.unit, metric.description
            )
        elif metric.kind == "up_down_counter":
            in_flight = self.in_flight[metric] = Cells(InFlight)
            meter.create_observable_up_down_counter(
                metric.name, [in_flight.observe], metric.unit, metric.description
            )
        else:
            gauges = self.gauges[metric] = Cells(Level)
            if metric in (PROJECTION_PENDING, PROJECTION_STALENESS):
                gauges.prepare = self.watches.ask
            meter.create_observable_gauge(
                metric.name, [gauges.observe], metric.unit, metric.description
            )

    def restart(self) -> None:
        """Begin at 0 again, in a forked child."""
        every: list[Cells[Any]] = [*self.counters.values(), *self.in_flight.values()]
        for cells in (*every, *self.gauges.values()):
            cells.restart()
        self.watches.restart()
        for rebuild in tuple(self.rebuilds.values()):
            rebuild.leave()


_instances: weakref.WeakSet[Instruments] = weakref.WeakSet()
_by_provider: weakref.WeakKeyDictionary[MeterProvider, Instruments] = weakref.WeakKeyDictionary()
_global: list[Instruments] = []
_lock = threading.Lock()


def instruments_for(meter_provider: MeterProvider | None) -> Instruments:
    """The provider's instruments, shared: the SDK ignores the callbacks of a second creation."""
    with _lock:
        current = metrics.get_meter_provider()
        if meter_provider is None or meter_provider is current:
            if not _global:  # the provider may have been used before it became the global one
                _global.append(_by_provider.get(current) or Instruments(None))
            return _global[0]
        instruments = _by_provider.get(meter_provider)
        if instruments is None:
            instruments = _by_provider[meter_provider] = Instruments(meter_provider)
        return instruments


def _restart_in_child() -> None:
    # The parent's totals are the parent's: a child that kept them would report them again.
    global _lock  # the parent's lock may be held by a thread that is not here
    _lock = threading.Lock()
    for instruments in _instances:
        instruments.restart()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_restart_in_child)
