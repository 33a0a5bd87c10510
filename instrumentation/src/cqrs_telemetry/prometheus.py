"""``/metrics`` for a service of one process; needs the extra ``cqrs-telemetry[prometheus]``.

The Prometheus exporter has no multiprocess mode: services with several workers export OTLP to a
collector instead.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any
from wsgiref.simple_server import WSGIServer

try:
    from opentelemetry import metrics
    from opentelemetry.exporter.prometheus import PrometheusMetricReader
    from opentelemetry.sdk.metrics import (
        Histogram,
        MeterProvider,
        ObservableCounter,
        ObservableGauge,
        ObservableUpDownCounter,
    )
    from opentelemetry.sdk.resources import Resource
    from prometheus_client import CollectorRegistry, start_http_server
except ImportError as missing:
    raise ImportError(
        f"{missing.name} is not installed: pip install 'cqrs-telemetry[prometheus]'",
        name=missing.name,
    ) from missing

from ._instruments import instruments_for
from ._sets import checked_limit

_INSTRUMENTS = (Histogram, ObservableCounter, ObservableGauge, ObservableUpDownCounter)


class MetricsServer:
    """A running ``/metrics`` endpoint; a context manager, or ``close`` it."""

    def __init__(
        self, server: WSGIServer, thread: threading.Thread, meter_provider: MeterProvider
    ) -> None:
        self._server = server
        self._thread = thread
        self.meter_provider = meter_provider

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_port)

    def close(self) -> None:
        """Stop serving and shut the meter provider down; once more does nothing."""
        if not self._thread.is_alive():
            return
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self.meter_provider.shutdown()

    def __enter__(self) -> MetricsServer:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _exception: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close()


def serve_metrics(
    port: int = 9464,
    host: str = "127.0.0.1",
    *,
    resource_attributes: Mapping[str, Any] | None = None,
    set_global: bool = True,
    max_attribute_sets: int | None = None,
) -> MetricsServer:
    """Set up OpenTelemetry metrics and serve them to Prometheus.

    Args:
        port: 0 picks a free one.
        host: Loopback unless told otherwise; metrics say more about a business than one expects.
        resource_attributes: Such as ``{"service.name": "orders"}``; they become ``target_info``.
        set_global: Make the meter provider the global one, which buses use by default.
        max_attribute_sets: Attribute sets per metric, for the SDK (from 1.45.2 on) and for this
            package, whose ``CqrsTelemetry`` then need not be told.

    Raises:
        OSError: the port is taken or not allowed; the text names it.
        ValueError: there is no such port, or the limit is too low.
        RuntimeError: another meter provider is the global one already; ours would stay empty.
    """
    if not 0 <= port <= 65535:
        raise ValueError(f"port must be 0 to 65535, not {port}")
    limits: dict[str, Any] = {}
    if max_attribute_sets is not None:
        most = checked_limit(max_attribute_sets)
        limits = {"cardinality_limits": dict.fromkeys(_INSTRUMENTS, most)}
    registry = CollectorRegistry()
    reader = PrometheusMetricReader(registry=registry, **limits)
    try:
        server, thread = start_http_server(port, addr=host, registry=registry)
    except OSError as error:
        raise OSError(
            error.errno,
            f"cannot serve metrics on {host}:{port}: {error.strerror}; "
            "choose another port, or 0 for a free one. If this is one of several workers of a "
            "service, each of them needs a port of its own, or exports OTLP",
        ) from error
    provider = MeterProvider([reader], Resource.create(dict(resource_attributes or {})))
    endpoint = MetricsServer(server, thread, provider)
    if set_global:
        metrics.set_meter_provider(provider)
        if metrics.get_meter_provider() is not provider:  # OpenTelemetry only logs that
            endpoint.close()
            raise RuntimeError(
                "this process has a global meter provider already: give it a "
                "PrometheusMetricReader, or serve_metrics(set_global=False) and "
                "CqrsTelemetry(meter_provider=...)"
            )
    if max_attribute_sets is not None:
        instruments_for(provider).limit_sets(max_attribute_sets)
    return endpoint
