"""The three situations that an operation is measured in."""

from __future__ import annotations

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Sampler
from peers import Providers


def no_sdk() -> Providers:
    """The API alone, as in a process that sets nothing up."""
    return None, None


def _sdk(sampler: Sampler) -> Providers:
    meters = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
    return TracerProvider(sampler=sampler, shutdown_on_exit=False), meters


def unsampled() -> Providers:
    """Metrics, and spans that do not record."""
    return _sdk(ALWAYS_OFF)


def always_on() -> Providers:
    """Metrics, and spans that record and go nowhere."""
    return _sdk(ALWAYS_ON)


TRACING = {"no SDK": no_sdk, "unsampled": unsampled, "always on": always_on}
