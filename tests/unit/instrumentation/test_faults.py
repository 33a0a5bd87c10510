"""Telemetry that fails: the business result stays, the fault is counted, the rest is recorded."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import StatusCode

from cqrs_telemetry import (
    CqrsTelemetry,
    InstrumentedCommandBus,
    InstrumentedProjectionHandler,
    InstrumentedQueryBus,
    catalog,
)
from cqrs_telemetry.testing import RecordedTelemetry


class BrokenError(Exception):
    """What telemetry raises here."""


class Message:
    """A command, query or event."""

    aggregate_id = "o-1"
    timestamp: Any = time.time()


class Projection(InstrumentedProjectionHandler):
    """Gives back what it applied, or raises what it is given to hold."""

    def apply(self, event: Any) -> Any:
        """Raise the store's error, if there is one."""
        if self.read_store is not None:
            raise self.read_store
        return event


def run_all(telemetry: CqrsTelemetry, failure: BaseException | None = None) -> None:
    """One message through each of the seams, with results or exceptions compared by identity."""
    result = Message()
    result.events = [Message()]  # type: ignore[attr-defined]  # as a result has

    def handle(message: Any) -> Any:
        if failure is not None:
            raise failure
        return result

    def rows(message: Any) -> Any:
        yield handle(message)

    command = InstrumentedCommandBus({Message: handle}, telemetry=telemetry).dispatch
    query = InstrumentedQueryBus({Message: handle}, telemetry=telemetry).execute
    generate = InstrumentedQueryBus({Message: rows}, telemetry=telemetry).execute
    projection = Projection("orders", failure, telemetry=telemetry)
    event = Message()
    calls: list[tuple[Callable[[], Any], Any]] = [
        (lambda: command(Message()), result),
        (lambda: query(Message()), result),
        (lambda: next(generate(Message())), result),
        (lambda: projection.handle_event(event), event),
        (lambda: projection.handle_events([event]), None),
    ]
    for call, expected in calls:
        if failure is None:
            assert call() is expected
        else:
            with pytest.raises(type(failure)) as caught:
                call()
            assert caught.value is failure


FAILURES = [None, KeyError("business"), KeyboardInterrupt()]


class BrokenSpans(SpanProcessor):
    """Raises when spans start or end."""

    def __init__(self, when: str) -> None:
        self.when = when

    def on_start(self, span: Span, parent_context: Any = None) -> None:
        """Raise if told to."""
        if self.when == "start":
            raise BrokenError

    def on_end(self, span: ReadableSpan) -> None:
        """Raise if told to."""
        if self.when == "end":
            raise BrokenError


@pytest.mark.parametrize("failure", FAILURES, ids=repr)
@pytest.mark.parametrize("when", ["start", "end"])
def test_a_span_processor_that_raises(when: str, failure: BaseException | None) -> None:
    """Without usable spans every message is still counted and timed."""
    recorded = RecordedTelemetry()
    recorded.tracer_provider.add_span_processor(BrokenSpans(when))
    run_all(recorded.telemetry, failure)
    status = catalog.SUCCESS if failure is None else catalog.ERROR
    recorded.assert_command("Message", status)
    recorded.assert_query("Message", status, count=2)
    recorded.assert_projected("orders", "Message", status, count=2)
    assert recorded.count(catalog.COMMAND_DURATION) == 1
    assert recorded.value(catalog.COMMAND_ACTIVE) == recorded.value(catalog.QUERY_ACTIVE) == 0
    for side in catalog.SIDES:
        assert recorded.value(catalog.TELEMETRY_FAULTS, cqrs_side=side, error_type="BrokenError")


class Broken:
    """Gives what it wraps, except for one method, which raises."""

    def __init__(self, wrapped: Any, method: str) -> None:
        self._wrapped = wrapped
        self._method = method

    def __getattr__(self, name: str) -> Any:
        if name == self._method:
            return self._fail
        value = getattr(self._wrapped, name)
        if name not in ("get_tracer", "start_span"):
            return value
        return lambda *args, **kwargs: Broken(value(*args, **kwargs), self._method)

    def _fail(self, *args: Any, **kwargs: Any) -> Any:
        raise BrokenError


@pytest.mark.parametrize("failure", FAILURES, ids=repr)
@pytest.mark.parametrize(
    "method",
    ["start_span", "get_span_context", "is_recording", "set_attribute", "set_attributes",
     "add_event", "set_status", "record_exception", "end", "record"],
)  # fmt: skip
def test_a_provider_that_raises(
    method: str, failure: BaseException | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever method of the API fails: results, exceptions and counts stay what they are."""
    recorded = RecordedTelemetry()
    provider = recorded.tracer_provider
    if method == "get_span_context":  # spans that record are valid and not asked
        provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    tracers: Any = Broken(provider, method)
    if method == "record":
        monkeypatch.setattr(Histogram, method, tracers._fail)
    telemetry = CqrsTelemetry(tracer_provider=tracers, meter_provider=recorded.meter_provider)
    run_all(telemetry, failure)
    status = catalog.SUCCESS if failure is None else catalog.ERROR
    recorded.assert_command("Message", status)
    recorded.assert_query("Message", status, count=2)
    recorded.assert_projected("orders", "Message", status, count=2)
    assert recorded.value(catalog.COMMAND_ACTIVE) == recorded.value(catalog.QUERY_ACTIVE) == 0
    only_failures = {"set_status", "record_exception"}
    only_success = {"set_attributes", "add_event"}
    reached = method not in (only_failures if failure is None else only_success)
    assert bool(recorded.value(catalog.TELEMETRY_FAULTS, error_type="BrokenError")) is reached


def test_no_context_stays_attached_after_faults() -> None:
    """A fault between attach and detach does not make later spans children of this one."""
    recorded = RecordedTelemetry()
    tracers: Any = Broken(recorded.tracer_provider, "set_attribute")
    telemetry = CqrsTelemetry(
        tracer_provider=tracers, meter_provider=recorded.meter_provider, rejections=[KeyError]
    )
    run_all(telemetry, KeyError("x"))
    with recorded.telemetry.command("After"):
        pass
    assert recorded.spans("command.After")[0].parent is None


class EvilId:
    """A message whose id cannot be read."""

    @property
    def aggregate_id(self) -> str:
        """Raise."""
        raise BrokenError


class EvilText:
    """An id without a text."""

    def __str__(self) -> str:
        raise BrokenError


def test_a_message_whose_id_raises(recorded: RecordedTelemetry) -> None:
    """The id is empty and the message is handled, on both sides that have ids."""
    with recorded.telemetry.command(EvilId()):
        pass
    with recorded.telemetry.command("X", aggregate_id=EvilText()):
        pass
    with recorded.telemetry.projection("orders", EvilId()):
        pass
    assert [(s.attributes or {}).get("cqrs.aggregate.id") for s in recorded.spans()[:2]] == ["", ""]
    assert recorded.value(catalog.TELEMETRY_FAULTS, error_type="BrokenError") == 3
    recorded.assert_command("EvilId")
    recorded.assert_projected("orders", "EvilId")


@pytest.mark.parametrize(
    "stamp", ["yesterday", object(), [], float("nan"), float("inf"), float("-inf"), "", {}]
)
def test_a_timestamp_that_cannot_be_read(recorded: RecordedTelemetry, stamp: Any) -> None:
    """The event is applied and counted, lag is not, and the histogram's sum stays a number."""
    event = Message()
    event.timestamp = stamp
    projection = Projection("orders", telemetry=recorded.telemetry)
    assert projection.handle_event(event) is event
    recorded.assert_projected("orders", "Message")
    assert recorded.points(catalog.PROJECTION_LAG) == []
    assert recorded.value(catalog.TELEMETRY_FAULTS, cqrs_side="projection") == 1
    assert (recorded.spans()[0].attributes or {})["cqrs.projection.status"] == "applied"


def test_hooks_that_raise(recorded: RecordedTelemetry) -> None:
    """Hooks are the service's code, but they only serve telemetry."""

    def hook(event: Any) -> Any:
        raise BrokenError

    event = Message()
    projection = Projection(
        "orders", telemetry=recorded.telemetry, timestamp=hook, aggregate_id=hook
    )
    assert projection.handle_event(event) is event
    recorded.assert_projected("orders", "Message")
    assert recorded.value(catalog.TELEMETRY_FAULTS, error_type="BrokenError") == 2


@pytest.mark.parametrize("contexts", [5, [object()], object()])
def test_causes_that_cannot_be_read(recorded: RecordedTelemetry, contexts: Any) -> None:
    """A batch whose contexts are nonsense is applied without links."""
    projection = Projection("orders", telemetry=recorded.telemetry)
    projection.handle_events([Message()], contexts)
    projection.handle_event(Message(), contexts)
    recorded.assert_projected("orders", "Message", count=2)
    assert [span.links for span in recorded.spans()] == [(), ()]


class UnprintableError(Exception):
    """An error of the business that cannot be printed."""

    def __str__(self) -> str:
        raise BrokenError


def test_an_exception_without_text(recorded: RecordedTelemetry) -> None:
    """The span is an error and everything is counted, though the exception cannot be printed."""
    failure = UnprintableError()
    with pytest.raises(UnprintableError) as caught, recorded.telemetry.command("X"):
        raise failure
    assert caught.value is failure
    recorded.assert_command("X", "error")
    assert recorded.count(catalog.COMMAND_DURATION) == 1
    assert recorded.spans()[0].status.status_code is StatusCode.ERROR


def test_faults_are_logged_once_per_type(
    recorded: RecordedTelemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault per message must not fill the disk; the first carries its traceback."""
    with caplog.at_level(logging.WARNING, "cqrs_telemetry"):
        for _ in range(3):
            with recorded.telemetry.command(EvilId()):
                pass
    (record,) = caplog.records
    assert record.exc_info
    assert "write side failed" in record.getMessage()
    assert recorded.value(catalog.TELEMETRY_FAULTS) == 3


class Unbound:
    """A proxy without what it stands for: asking for its class raises."""

    @property  # type: ignore[misc]  # what werkzeug's LocalProxy and Django's lazy objects do
    def __class__(self) -> Any:
        raise BrokenError


def test_a_message_whose_class_cannot_be_asked(recorded: RecordedTelemetry) -> None:
    """Messages are named by their type, without touching them."""
    with recorded.telemetry.command(Unbound()):
        pass
    with recorded.telemetry.projection("orders", Unbound()):
        pass
    recorded.assert_command("Unbound")
    recorded.assert_projected("orders", "Unbound")


class BrokenSpanExporter(SpanExporter):
    """A backend that is gone."""

    def export(self, spans: Any) -> SpanExportResult:
        """Raise."""
        raise BrokenError


class BrokenMetricExporter(MetricExporter):
    """The same for metrics."""

    exports = 0

    def export(self, metrics_data: Any, timeout_millis: float = 0, **kwargs: Any) -> Any:
        """Raise."""
        self.exports += 1
        raise BrokenError

    def force_flush(self, timeout_millis: float = 0) -> bool:
        """Nothing to flush."""
        return True

    def shutdown(self, timeout_millis: float = 0, **kwargs: Any) -> None:
        """Nothing to close."""


@pytest.mark.parametrize("failure", FAILURES, ids=repr)
def test_exporters_that_fail(failure: BaseException | None) -> None:
    """The SDK reports what is wrong with its exporters; messages are handled as ever."""
    exporter = BrokenMetricExporter()
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=60_000)
    meters = MeterProvider([reader], shutdown_on_exit=False)
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(BrokenSpanExporter()))
    telemetry = CqrsTelemetry(tracer_provider=tracers, meter_provider=meters)
    run_all(telemetry, failure)
    reader.collect()
    run_all(telemetry, failure)
    assert exporter.exports == 1
    meters.shutdown()
