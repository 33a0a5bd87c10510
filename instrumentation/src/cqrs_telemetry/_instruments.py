"""The catalogue's metrics as OpenTelemetry instruments, one set per meter provider."""

from __future__ import annotations

import functools
import os
import threading
import weakref
from typing import TYPE_CHECKING, Any

from opentelemetry import metrics
from opentelemetry.metrics import Histogram, Meter, MeterProvider

from ._cells import Cell, Cells, InFlight, Level, Living
from ._ends import Ends
from ._sets import AttributeSets
from ._watches import Watches
from .catalog import (
    ATTRIBUTE_KEY,
    COMMAND_TOTAL,
    METRICS,
    PROJECTION_HANDLERS,
    PROJECTION_PENDING,
    PROJECTION_STALENESS,
    SIDE,
    TELEMETRY_OVERFLOW,
    Metric,
)

if TYPE_CHECKING:
    from .rebuild import Rebuild


@functools.cache
def package_version() -> str:
    """The version of this package, which its instruments and tracers carry."""
    from importlib.metadata import version  # slow to import; an SDK has done so already

    return version("cqrs-telemetry")


class Instruments:
    """Every instrument of the catalogue on one meter provider; ``None`` is the global one."""

    def __init__(self, meter_provider: MeterProvider | None) -> None:
        self.histograms: dict[Metric, Histogram] = {}
        self.counters: dict[Metric, Cells[Cell]] = {}
        self.in_flight: dict[Metric, Cells[InFlight]] = {}
        self.gauges: dict[Metric, Cells[Level]] = {}
        self.handlers: Cells[Living] = Cells(Living)
        self.ends = Ends()
        self.sets = {metric.name: AttributeSets(metric, self.ends) for metric in METRICS}
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
            if metric is COMMAND_TOTAL:  # the first counter to be collected
                counters.prepare = self.ends.collect
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
                gauges.prepare = self._ask_watches
            meter.create_observable_gauge(
                metric.name, [gauges.observe], metric.unit, metric.description
            )

    def limit_sets(self, most: int) -> None:
        """Set how many attribute sets each metric may have."""
        for sets in self.sets.values():
            sets.limit = most

    def fold(
        self, metric: Metric, attributes: dict[str, str], *, counts: bool = True
    ) -> dict[str, str]:
        """The set to record an operation under; ``counts`` what has to fold."""
        folded, keys = self.sets[metric.name].fold(attributes)
        for key in keys if counts else ():
            next(self.overflow(attributes[SIDE.key], key).steps)
        return folded

    def counter(self, metric: Metric, attributes: dict[str, str], *, counts: bool = True) -> Cell:
        """The counter of an operation; ``counts`` what has to fold."""
        return self.counters[metric].cell(self.fold(metric, attributes, counts=counts))

    def overflow(self, side: str, key: str) -> Cell:
        """The counter of what had to fold one attribute."""
        attributes = {SIDE.key: side, ATTRIBUTE_KEY.key: key}
        return self.counters[TELEMETRY_OVERFLOW].cell(attributes)

    def _ask_watches(self) -> None:
        if self.watches.ask():
            self.ends.collect()  # what is to be logged of them

    def restart(self) -> None:
        """Begin at 0 again, in a forked child."""
        every: list[Cells[Any]] = [*self.counters.values(), *self.in_flight.values()]
        for cells in (*every, *self.gauges.values()):
            cells.restart()
        for sets in self.sets.values():
            sets.restart()
        self.ends.restart()
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
