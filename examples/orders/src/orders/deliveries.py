"""Exporters that count what they cannot deliver, say so once, and once more when they can again.

The service goes on meanwhile, and what waits is bounded. The SDK alone writes lines for each
attempt, none at the end, and counts what a receiver refuses as delivered.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from typing import Any

import click
import requests
from opentelemetry import metrics
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk import environment_variables as variables
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult

UNDELIVERED = "orders.telemetry.undelivered"  # by signal, points or spans, and by reason
UNREACHABLE, TIMEOUT, REFUSED, QUEUE_FULL = "unreachable", "timeout", "refused", "queue_full"
_OVERLOADED = "the receiver is overloaded or short of memory: its log and its own metrics tell"
_MENDS: dict[object, str] = {
    UNREACHABLE: "start a collector there, or mend {variable}",
    TIMEOUT: f"the receiver is too slow: mend it, or raise {variables.OTEL_EXPORTER_OTLP_TIMEOUT}",
    REFUSED: "the receiver's log tells what it does not take",
    401: f"set {variables.OTEL_EXPORTER_OTLP_HEADERS} to what the receiver asks for",
    403: f"set {variables.OTEL_EXPORTER_OTLP_HEADERS} to what the receiver asks for",
    404: "nothing takes OTLP there: start Prometheus with --web.enable-otlp-receiver, or mend"
    " {variable}",
    429: _OVERLOADED,
    503: _OVERLOADED,
}
_DROPPED = "Queue full"  # the processor's line for each span that it has no room for
_PROCESSOR = "opentelemetry.sdk._shared_internal"
_ANSWER_WIDTH = 120


class Session(requests.Session):
    """Keeps what became of the last request, which the exporter does not pass on."""

    def __init__(self) -> None:
        super().__init__()
        self.reason = UNREACHABLE
        self.status = 0
        self.told = "nothing was sent"

    def request(self, *arguments: Any, **options: Any) -> requests.Response:
        """As the library's does."""
        try:
            answer = super().request(*arguments, **options)
        except requests.RequestException as error:
            self.reason = TIMEOUT if isinstance(error, requests.Timeout) else UNREACHABLE
            self.status, self.told = 0, _innermost(error)
            raise
        self.reason, self.status = REFUSED, answer.status_code
        words = answer.text.strip() if answer.text.isprintable() else ""
        self.told = f"{answer.status_code} {answer.reason} {words[:_ANSWER_WIDTH]}".strip()
        return answer

    def mend(self) -> str:
        """What to do about it."""
        return _MENDS.get(self.status) or _MENDS[self.reason]


class Delivery(logging.Filter):
    """What becomes of the exports of one kind; stands in for the SDK's lines about them."""

    def __init__(self, signal: str, variable: str, fate: str, *loggers: str) -> None:
        super().__init__()
        self.session = Session()
        self._signal = signal
        general = variables.OTEL_EXPORTER_OTLP_ENDPOINT
        self._variable = variable if os.environ.get(variable) else general
        self._fate = fate
        self._since: float | None = None  # when the first that failed began
        self._missing = 0
        meter = metrics.get_meter("orders")
        self._undelivered = meter.create_counter(UNDELIVERED, description="Telemetry that is lost")
        for name in loggers:
            # First: the SDK's own filter lets only some of equal lines pass.
            logging.getLogger(name).filters.insert(0, self)

    def filter(self, record: logging.LogRecord) -> bool:
        """No line is written; what has no room is counted."""
        if record.getMessage().startswith(_DROPPED):
            self._count(1, QUEUE_FULL)
        return False

    def failed(self, items: int, began: float) -> None:
        """An export has failed, in spite of all its attempts."""
        session = self.session
        self._count(items, session.reason)
        if self._since is None:
            self._since = began
            where = os.environ.get(self._variable) or "http://localhost:4318"
            self._say(
                f"cannot be delivered to {where}: {session.told}. {self._fate}; the service goes"
                f" on. Mend: {session.mend().format(variable=self._variable)}"
            )

    def succeeded(self) -> None:
        """An export was taken."""
        if self._since is not None:
            self._say(f"are delivered again, after {self._elapsed()}: {self._missing} are missing")
            self._since, self._missing = None, 0

    def ended(self) -> None:
        """No export will follow."""
        if self._since is not None:
            self._say(
                f"were not delivered for the last {self._elapsed()}: {self._missing} are lost"
            )
            self._since = None

    def _count(self, items: int, reason: str) -> None:
        self._missing += items
        self._undelivered.add(items, {"signal": self._signal, "reason": reason})

    def _elapsed(self) -> str:
        return f"{time.monotonic() - (self._since or 0):.0f} s"

    def _say(self, text: str) -> None:
        click.echo(f"telemetry of process {os.getpid()}: {self._signal} {text}", err=True)


class MetricExporter(OTLPMetricExporter):
    """Sends metrics: points of totals, each of which makes up for the missing ones before it."""

    def __init__(self) -> None:
        self._delivery = Delivery(
            "points", variables.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT,
            "Totals are kept, and are right again with the next that is taken",
            OTLPMetricExporter.__module__,
        )  # fmt: skip
        super().__init__(session=self._delivery.session)

    def export(
        self, metrics_data: MetricsData, timeout_millis: float | None = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """As the SDK's does."""
        began = time.monotonic()
        result = super().export(metrics_data, timeout_millis, **kwargs)
        if result is MetricExportResult.SUCCESS:
            self._delivery.succeeded()
        else:
            self._delivery.failed(_points(metrics_data), began)
        return result

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """As the SDK's does."""
        super().shutdown(timeout_millis, **kwargs)
        self._delivery.ended()


class SpanExporter(OTLPSpanExporter):
    """Sends spans, each of them once."""

    def __init__(self) -> None:
        self._delivery = Delivery(
            "spans", variables.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
            f"They are lost, and counted in {UNDELIVERED}",
            OTLPSpanExporter.__module__, _PROCESSOR,
        )  # fmt: skip
        super().__init__(session=self._delivery.session)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """As the SDK's does."""
        began = time.monotonic()
        result = super().export(spans)
        if result is SpanExportResult.SUCCESS:
            self._delivery.succeeded()
        else:
            self._delivery.failed(len(spans), began)
        return result

    def shutdown(self) -> None:
        """As the SDK's does."""
        super().shutdown()  # type: ignore[no-untyped-call]
        self._delivery.ended()


def _points(data: MetricsData) -> int:
    return sum(
        len(metric.data.data_points)
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    )


def _innermost(error: BaseException) -> str:
    """The system's own words, which urllib3 and requests wrap."""
    while error.__context__ is not None:
        error = error.__context__
    return str(error)
