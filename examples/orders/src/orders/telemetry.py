"""The OpenTelemetry SDK of each process, as the standard ``OTEL_*`` variables ask for it.

``OTEL_METRICS_EXPORTER`` is ``prometheus`` (metrics on a port, the default) or ``otlp``;
``OTEL_TRACES_EXPORTER`` is ``none`` (the default) or ``otlp``. Endpoints, headers, intervals,
temporality and resource attributes are the SDK's own variables:
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from opentelemetry import metrics, trace
from opentelemetry.environment_variables import OTEL_METRICS_EXPORTER, OTEL_TRACES_EXPORTER
from opentelemetry.sdk.environment_variables import OTEL_EXPORTER_OTLP_PROTOCOL
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter

from cqrs_telemetry.prometheus import serve_metrics

SERVICE = "orders"  # service and projection are parts of one, told apart by their instance
OTLP_PROTOCOL = "http/protobuf"  # what Prometheus' own receiver understands, too


class TelemetryError(Exception):
    """A variable asks for what is not there."""


def metrics_exporter() -> str:
    """Name of the exporter that the environment asks for: ``prometheus`` or ``otlp``.

    Raises:
        TelemetryError: It asks for another.
    """
    return _choice(OTEL_METRICS_EXPORTER, "prometheus", "otlp")


@contextmanager
def exported_telemetry(host: str, metrics_port: int, spans: Path | None) -> Iterator[str]:
    """Set the global providers for the time of the context; yields where metrics are.

    Nobody shares providers: a process that forks enters this in each child, or the children would
    go on counting from what the parent had counted. Without ``spans`` and an exporter of traces
    there is no tracer, nothing is sampled and events carry no trace.

    Raises:
        OSError: The port is in use, or ``spans`` cannot be written.
        TelemetryError: A variable asks for what is not there.
    """
    resource = _resource()
    with ExitStack() as stack:
        exporters = [*_file_exporter(stack, spans), *_otlp_span_exporters()]
        if metrics_exporter() == "otlp":
            where = "by OTLP"
            _export_metrics(stack, resource)
        else:
            attributes = dict(resource.attributes)
            server = serve_metrics(metrics_port, host, resource_attributes=attributes)
            stack.callback(server.close)
            where = f"http://{host}:{server.port}/metrics"
        if exporters:
            provider = TracerProvider(resource=resource)
            for exporter in exporters:
                provider.add_span_processor(BatchSpanProcessor(exporter))
            stack.callback(provider.shutdown)
            trace.set_tracer_provider(provider)
        yield where


def _resource() -> Resource:
    """Ours, unless the environment names the service otherwise.

    The SDK adds a ``service.instance.id`` of this very process, which keeps the series of several
    workers apart.
    """
    named = Resource({SERVICE_NAME: SERVICE}).merge(OTELResourceDetector().detect())
    return Resource.create(dict(named.attributes))


def _export_metrics(stack: ExitStack, resource: Resource) -> None:
    _require_http()
    # Imported here: who is scraped does not wait for it.
    from .deliveries import MetricExporter

    provider = MeterProvider([PeriodicExportingMetricReader(MetricExporter())], resource)
    stack.callback(provider.shutdown)
    metrics.set_meter_provider(provider)


def _otlp_span_exporters() -> list[SpanExporter]:
    if _choice(OTEL_TRACES_EXPORTER, "none", "otlp") == "none":
        return []
    _require_http()
    from .deliveries import SpanExporter as OTLPSpanExporter

    return [OTLPSpanExporter()]


def _file_exporter(stack: ExitStack, spans: Path | None) -> list[SpanExporter]:
    if spans is None:
        return []
    lines = stack.enter_context(spans.open("a", encoding="utf-8"))
    return [ConsoleSpanExporter(out=lines, formatter=_line)]


def _line(span: ReadableSpan) -> str:
    line: str = span.to_json(indent=None)
    return line + os.linesep


def _choice(variable: str, default: str, *others: str) -> str:
    value = os.environ.get(variable) or default  # empty is as good as unset, says the specification
    if value not in (default, *others):
        known = " or ".join((default, *others))
        raise TelemetryError(f"{variable} is {value!r}; this service knows {known}")
    return value


def _require_http() -> None:
    protocol = os.environ.get(OTEL_EXPORTER_OTLP_PROTOCOL) or OTLP_PROTOCOL
    if protocol != OTLP_PROTOCOL:
        raise TelemetryError(
            f"{OTEL_EXPORTER_OTLP_PROTOCOL} is {protocol!r}; this service sends {OTLP_PROTOCOL},"
            " to port 4318 of a collector"
        )
