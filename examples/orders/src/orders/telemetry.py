"""The OpenTelemetry SDK of each process: metrics on a port, spans in a file when asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from opentelemetry import trace
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

from cqrs_telemetry.prometheus import serve_metrics

SERVICE = "orders"  # service and projection are parts of one, told apart by their instance


@contextmanager
def exported_telemetry(host: str, metrics_port: int, spans: Path | None) -> Iterator[int]:
    """Set the global providers for the time of the context; yields the port of ``/metrics``.

    Without ``spans`` there is no tracer, nothing is sampled and events carry no trace.

    Raises:
        OSError: The port is in use.
    """
    with ExitStack() as stack:
        server = serve_metrics(metrics_port, host, resource_attributes={SERVICE_NAME: SERVICE})
        stack.callback(server.close)
        if spans is not None:
            lines = stack.enter_context(spans.open("a", encoding="utf-8"))
            provider = TracerProvider(resource=Resource.create({SERVICE_NAME: SERVICE}))
            exporter = ConsoleSpanExporter(out=lines, formatter=_line)
            provider.add_span_processor(BatchSpanProcessor(exporter))
            stack.callback(provider.shutdown)
            trace.set_tracer_provider(provider)
        yield server.port


def _line(span: ReadableSpan) -> str:
    line: str = span.to_json(indent=None)
    return line + os.linesep
