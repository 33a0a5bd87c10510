"""The catalogue's metrics as OpenTelemetry instruments, one set per meter provider.

Counters and up-down counters are observable: operations add to cells of our own, which cost a
fraction of ``Counter.add``, and the SDK reads the cells at collection
(docs/adr/0003-observable-counters.md).
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterable, Mapping
from importlib.metadata import version

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Histogram, Meter, MeterProvider, Observation

from .catalog import METRICS, Metric

VERSION = version("cqrs-telemetry")
Attributes = Mapping[str, str]


class Cell:
    """The running total of one attribute set."""

    __slots__ = ("attributes", "lock", "value")

    def __init__(self, attributes: Attributes) -> None:
        self.attributes = attributes
        self.lock = threading.Lock()
        self.value = 0

    def add(self, amount: int) -> None:
        """Add; ``+=`` alone loses updates between threads."""
        with self.lock:
            self.value += amount


class Cells:
    """All attribute sets of one observable instrument."""

    def __init__(self) -> None:
        self._cells: dict[frozenset[tuple[str, str]], Cell] = {}
        self._lock = threading.Lock()

    def cell(self, attributes: Attributes) -> Cell:
        """The cell of an attribute set, made at 0 when new."""
        key = frozenset(attributes.items())
        cell = self._cells.get(key)
        if cell is None:
            with self._lock:
                cell = self._cells.setdefault(key, Cell(attributes))
        return cell

    def observe(self, _options: CallbackOptions) -> Iterable[Observation]:
        """What the SDK calls at each collection."""
        return [Observation(cell.value, cell.attributes) for cell in tuple(self._cells.values())]

    def restart(self) -> None:
        """Begin at 0 again, with locks that no other thread holds."""
        self._lock = threading.Lock()
        for cell in self._cells.values():
            cell.lock = threading.Lock()
            cell.value = 0


class Instruments:
    """Every instrument of the catalogue on one meter provider; ``None`` is the global one."""

    def __init__(self, meter_provider: MeterProvider | None) -> None:
        self.histograms: dict[Metric, Histogram] = {}
        self.cells: dict[Metric, Cells] = {}
        meters: dict[str, Meter] = {}
        for metric in METRICS:
            if metric.scope not in meters:
                meters[metric.scope] = metrics.get_meter(metric.scope, VERSION, meter_provider)
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
            return
        create = {
            "counter": meter.create_observable_counter,
            "up_down_counter": meter.create_observable_up_down_counter,
        }[metric.kind]
        cells = self.cells[metric] = Cells()
        create(metric.name, [cells.observe], metric.unit, metric.description)


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
        for cells in instruments.cells.values():
            cells.restart()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_restart_in_child)
