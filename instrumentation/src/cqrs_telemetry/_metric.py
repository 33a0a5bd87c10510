"""What the catalogue is made of: metrics and their attributes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "up_down_counter", "histogram", "gauge"]


@dataclass(frozen=True)
class Attribute:
    """A key on metrics or spans; ``values`` is the closed set it takes, empty when open."""

    key: str
    description: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Metric:
    """A metric as the OpenTelemetry API sees it.

    ``bounds`` are a histogram's bucket boundaries in the metric's unit. They are floats, because
    the Prometheus exporter prints ``le="5"`` for an int and ``le="5.0"`` for a float.
    """

    name: str
    kind: Kind
    unit: str
    scope: str
    description: str
    attributes: tuple[Attribute, ...]
    bounds: tuple[float, ...] = ()
