"""What is said of a receiver that does not take telemetry; a stand-in gives the rare answers."""

from __future__ import annotations

import logging
import re
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricExportResult
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from orders.deliveries import MetricExporter, SpanExporter
from waits import LIMIT


class Receiver(BaseHTTPRequestHandler):
    """Answers with what it is told to."""

    status = 200
    words = ""

    def do_POST(self):
        """Read all of it, and answer."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(self.words.encode())

    def log_message(self, format, *args):  # noqa: A002 - its name there
        """Nothing."""


@pytest.fixture
def receiver(monkeypatch):
    """A receiver to which the environment leads."""
    kind = type("Told", (Receiver,), {})
    http = HTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{http.server_port}"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.5")
    yield kind
    http.shutdown()
    thread.join(LIMIT)
    http.server_close()


@pytest.fixture(autouse=True)
def loggers_as_before():
    """No filter of a test stays with the SDK's loggers."""
    names = [MetricExporter.__mro__[1].__module__, SpanExporter.__mro__[1].__module__]
    loggers = [logging.getLogger(each) for each in (*names, "opentelemetry.sdk._shared_internal")]
    before = [list(each.filters) for each in loggers]
    yield
    for each, filters in zip(loggers, before, strict=True):
        each.filters[:] = filters


@pytest.fixture
def data():
    """Two points."""
    reader = InMemoryMetricReader()
    counter = MeterProvider([reader], shutdown_on_exit=False).get_meter("x").create_counter("y")
    counter.add(1, {"z": "1"})
    counter.add(1, {"z": "2"})
    return reader.get_metrics_data()


@pytest.mark.parametrize(
    ("status", "words", "said"),
    [
        (400, "out of order sample", "400 Bad Request out of order sample. .* the receiver's log"),
        (401, "", "401 Unauthorized. .* set OTEL_EXPORTER_OTLP_HEADERS"),
        (404, "no", "404 Not Found no. .*--web.enable-otlp-receiver, or mend OTEL_EXPORTER_OTLP_E"),
        (413, "<html>\n\x00", "413 Request Entity Too Large. .* the receiver's log"),
        (429, "", "429 Too Many Requests. .* overloaded"),
        (503, "data refused due to high memory", "503 Service Unavailable data refused.*memory"),
    ],
)
def test_each_refusal_has_its_mend(receiver, data, capsys, status, words, said):
    """The receiver's words, shortened and without what is no text, and what to do about it."""
    receiver.status, receiver.words = status, words
    exporter = MetricExporter()
    for _ in range(2):
        assert exporter.export(data) is MetricExportResult.FAILURE
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert re.search(f": points cannot be delivered to http.*: {said}", lines[0])
    receiver.status = 200
    assert exporter.export(data) is MetricExportResult.SUCCESS
    assert exporter.export(data) is MetricExportResult.SUCCESS
    (again,) = capsys.readouterr().err.splitlines()
    assert again.endswith(": 4 are missing")
    exporter.shutdown()
    assert capsys.readouterr().err == ""


def test_spans_that_have_no_room_are_counted_with_the_refused(receiver, capsys, caplog):
    """Each of them, though the SDK writes equal lines once; what is left at the end is lost.

    The SDK looks at its queue without a lock: it says so, too, of one that finds room just then.
    """
    receiver.status = 400
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(
        BatchSpanProcessor(
            SpanExporter(), max_queue_size=10, max_export_batch_size=10,
            schedule_delay_millis=60_000,
        )
    )  # fmt: skip
    tracer = provider.get_tracer("x")
    for _ in range(500):
        tracer.start_span("y").end()
    provider.shutdown()
    first, last = capsys.readouterr().err.splitlines()
    assert "spans cannot be delivered" in first
    assert 500 <= int(last.split(": ")[-1].split(" ")[0]) <= 505
    assert caplog.records == []
