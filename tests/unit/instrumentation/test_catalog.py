"""The catalogue, and that what is emitted is what it declares."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate
from eventsourcing.persistence import IntegrityError
from opentelemetry.sdk.metrics.export import Gauge, HistogramDataPoint

from cqrs_telemetry import (
    Backlog,
    CqrsTelemetry,
    InstrumentedCommandBus,
    InstrumentedProjectionHandler,
    InstrumentedQueryBus,
    catalog,
)
from cqrs_telemetry.eventsourcing import instrument_application
from cqrs_telemetry.testing import RecordedTelemetry

HISTOGRAMS = [metric for metric in catalog.METRICS if metric.kind == "histogram"]
SPAN_KEYS = {
    value.key
    for name, value in vars(catalog).items()
    if isinstance(value, catalog.Attribute) and name.startswith("SPAN_")
}


def test_every_metric_is_in_one_scope_under_one_name() -> None:
    """One name in two scopes makes the Prometheus exporter swap label values."""
    names = [metric.name for metric in catalog.METRICS]
    assert len(names) == len(set(names)) > 0
    scopes = {"cqrs.write", "cqrs.read", "cqrs.projection", "cqrs.telemetry"}
    assert {metric.scope for metric in catalog.METRICS} == scopes


@pytest.mark.parametrize("metric", catalog.METRICS, ids=lambda m: m.name)
def test_every_metric_is_well_formed(metric: catalog.Metric) -> None:
    """cqrs.side on all, keys once, a description, and bounds exactly on histograms."""
    assert metric.attributes[0] is catalog.SIDE
    keys = [attribute.key for attribute in metric.attributes]
    assert len(keys) == len(set(keys))
    assert metric.description
    assert bool(metric.bounds) is (metric.kind == "histogram")
    assert re.fullmatch(r"cqrs(\.[a-z_]+)+", metric.name)
    assert not (metric.kind == "gauge" and metric.unit == "1")  # _ratio on some paths only


@pytest.mark.parametrize("metric", HISTOGRAMS, ids=lambda m: m.name)
def test_bounds_are_sorted_floats(metric: catalog.Metric) -> None:
    """An int would be printed as le="5" beside le="5.0"."""
    assert list(metric.bounds) == sorted(set(metric.bounds))
    assert all(type(bound) is float for bound in metric.bounds)


class Message:
    """A command, query or event."""

    aggregate_id = "o-1"

    def __init__(self, outcome: BaseException | None = None, ahead: float = 0) -> None:
        self.outcome = outcome
        self.timestamp = time.time() + ahead


def answer(message: Message) -> Any:
    """Raise the message's outcome, or return events and rows."""
    if message.outcome is not None:
        raise message.outcome
    return SimpleNamespace(events=[Message()], items=[1, 2])


class Projection(InstrumentedProjectionHandler):
    """Raises the event's outcome."""

    def apply(self, event: Message) -> None:
        """Raise, or not."""
        answer(event)


class Unreadable(Message):
    """A message that makes a fault on every side."""

    @property
    def aggregate_id(self) -> str:  # type: ignore[override]  # a property that raises
        """Raise."""
        raise LookupError


def record_costs(telemetry: CqrsTelemetry) -> None:
    """A load, a conflict and a retry, in an application without a database."""
    application = instrument_application(Application[Any](), telemetry)
    order = Aggregate()
    application.save(order)
    stale: Aggregate = application.repository.get(order.id)
    for each in (order, stale):
        each.trigger_event(Aggregate.Event)
    application.save(order)
    with pytest.raises(IntegrityError):
        application.save(stale)
    again: Aggregate = application.repository.get(order.id)
    again.trigger_event(Aggregate.Event)
    application.save(again)


@pytest.fixture
def full(recorded: RecordedTelemetry, out_of_stock: type[Exception]) -> Iterator[RecordedTelemetry]:
    """Every outcome on every side, an event from the future, an overflow and faults."""
    telemetry = recorded.telemetry
    calls = [
        InstrumentedCommandBus({"Message": answer}, telemetry=telemetry).dispatch,
        InstrumentedQueryBus({"Message": answer}, telemetry=telemetry).execute,
        Projection("orders", telemetry=telemetry).handle_event,
    ]
    for call in calls:
        call(Message())
        for outcome in (KeyError(), out_of_stock(), GeneratorExit()):
            with pytest.raises(type(outcome)):
                call(Message(outcome))
        with pytest.raises((ValueError, AttributeError)):
            call(None)
    projection = Projection("orders", telemetry=telemetry)
    projection.handle_event(Message(ahead=3600))
    Projection("orders", telemetry=telemetry).handle_events([Message()])
    telemetry.command(Unreadable())
    telemetry.projection("orders", Unreadable())
    for i in range(201):
        telemetry.query(f"Q{i}")
    record_costs(telemetry)
    telemetry.wait_until_seen("Message", "orders", lambda: True)
    telemetry.wait_until_seen("Message", "orders", lambda: False, timeout=0)
    telemetry.watch_projection("orders", lambda: Backlog(1, time.time()))
    with telemetry.rebuilding("orders", target=1):
        projection.handle_event(Message())
        projection.handle_events([Message()])
        yield recorded


def test_every_metric_is_emitted_with_the_declared_keys(full: RecordedTelemetry) -> None:
    """Exactly the catalogue's keys on every point; error.type is the only one that may miss."""
    for metric in catalog.METRICS:
        keys = {attribute.key for attribute in metric.attributes}
        points = full.points(metric)
        assert points, metric.name
        for point in points:
            found = set(point.attributes)
            assert found <= keys, metric.name
            assert keys - found <= {catalog.ERROR_TYPE.key}, metric.name
            assert all(isinstance(value, str) for value in point.attributes.values())
        for attribute in metric.attributes:
            values = {
                str(p.attributes[attribute.key]) for p in points if attribute.key in p.attributes
            }
            assert not attribute.values or values <= set(attribute.values)


def test_kind_unit_scope_and_bounds_are_the_declared_ones(full: RecordedTelemetry) -> None:
    """What reaches the SDK is the declaration, and nothing that is not declared."""
    declared = {metric.name: metric for metric in catalog.METRICS}
    data = full._reader.get_metrics_data()
    assert data is not None
    seen = set()
    for scope in data.resource_metrics[0].scope_metrics:
        for recorded in scope.metrics:
            metric = declared[recorded.name]
            seen.add(metric.name)
            assert scope.scope.name == metric.scope
            assert recorded.unit == metric.unit
            assert recorded.description == metric.description
            for point in recorded.data.data_points:
                assert isinstance(point, HistogramDataPoint) is (metric.kind == "histogram")
                if isinstance(point, HistogramDataPoint):
                    assert tuple(point.explicit_bounds) == metric.bounds
            assert isinstance(recorded.data, Gauge) is (metric.kind == "gauge")
            if metric.kind in ("counter", "up_down_counter"):
                monotonic = getattr(recorded.data, "is_monotonic", None)
                assert monotonic is (metric.kind == "counter")
    assert seen == set(declared)


def test_every_span_has_a_side_and_declared_keys_only(full: RecordedTelemetry) -> None:
    """cqrs.side on every span, as the seed promises."""
    spans = full.spans()
    assert {str((s.attributes or {})["cqrs.side"]) for s in spans} == set(catalog.SIDES)
    for span in spans:
        assert set(span.attributes or {}) <= SPAN_KEYS | {"cqrs.side", "error.type"}
    emitted = {key for span in spans for key in span.attributes or {}}
    assert emitted == SPAN_KEYS | {"cqrs.side", "error.type"}
