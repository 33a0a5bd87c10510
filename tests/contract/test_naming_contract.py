"""What the real SDK and Prometheus exporter say is what ``naming`` and the catalogue say."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.parser import text_string_to_metric_families

from cqrs_alerts.config import Config
from cqrs_alerts.label_names import LE
from cqrs_alerts.naming import label_name, series_name
from cqrs_telemetry import (
    Backlog,
    CqrsTelemetry,
    InstrumentedCommandBus,
    InstrumentedProjectionHandler,
    InstrumentedQueryBus,
    Rebuild,
    catalog,
)
from cqrs_telemetry.catalog import METRICS, Metric
from cqrs_telemetry.eventsourcing import instrument_application
from waits import LIMIT

NAMING = Config().naming
TYPES = {
    "counter": "counter",
    "histogram": "histogram",
    "up_down_counter": "gauge",
    "gauge": "gauge",
}
SCOPE_LABELS = {"otel_scope_name", "otel_scope_version", "otel_scope_schema_url"}

Scrape = Callable[[], list[Family]]


@pytest.fixture
def registry() -> CollectorRegistry:
    """An own registry: the global one keeps what other tests leave."""
    return CollectorRegistry()


@pytest.fixture
def provider(registry: CollectorRegistry) -> Iterator[MeterProvider]:
    """A real meter provider that exports to ``registry``."""
    provider = MeterProvider([PrometheusMetricReader(registry=registry)])
    yield provider
    provider.shutdown()


@pytest.fixture
def scrape(registry: CollectorRegistry, provider: MeterProvider) -> Iterator[Scrape]:
    """Read ``/metrics`` as Prometheus does: over HTTP, as text."""
    server, thread = start_http_server(0, addr="127.0.0.1", registry=registry)

    def get() -> list[Family]:
        address = f"http://127.0.0.1:{server.server_port}/metrics"
        with urllib.request.urlopen(address, timeout=LIMIT) as response:
            families = list(text_string_to_metric_families(response.read().decode()))
        return [family for family in families if family.name != "target_info"]

    yield get
    server.shutdown()
    server.server_close()
    thread.join(LIMIT)


def create_all(provider: MeterProvider) -> None:
    """Every instrument as the catalogue declares it, with one value under all its attributes."""
    for metric in METRICS:
        meter = provider.get_meter(metric.scope)
        attributes = {attribute.key: "x" for attribute in metric.attributes}

        def observe(_: object, attributes: dict[str, str] = attributes) -> list[Observation]:
            return [Observation(1, attributes)]

        if metric.kind == "histogram":
            meter.create_histogram(
                metric.name,
                metric.unit,
                metric.description,
                explicit_bucket_boundaries_advisory=metric.bounds,
            ).record(1, attributes)
        elif metric.kind == "counter":
            meter.create_observable_counter(metric.name, [observe], metric.unit, metric.description)
        elif metric.kind == "gauge":
            meter.create_observable_gauge(metric.name, [observe], metric.unit, metric.description)
        else:
            assert metric.kind == "up_down_counter", "a new kind needs an instrument here"
            meter.create_observable_up_down_counter(
                metric.name, [observe], metric.unit, metric.description
            )


def declared_samples(metric: Metric) -> set[str]:
    """Names of a metric's series."""
    parts = ("bucket", "sum", "count") if metric.kind == "histogram" else ("",)
    return {series_name(metric, NAMING, part) for part in parts}


def test_names_agree_both_ways(provider: MeterProvider, scrape: Scrape) -> None:
    """Each declared series is exported, and nothing else is."""
    create_all(provider)
    exported = {sample.name for family in scrape() for sample in family.samples}
    assert exported == {name for metric in METRICS for name in declared_samples(metric)}


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_shape_agrees(metric: Metric, provider: MeterProvider, scrape: Scrape) -> None:
    """Type, description, labels and bucket bounds come out as declared."""
    create_all(provider)
    names = declared_samples(metric)
    (family,) = (f for f in scrape() if {sample.name for sample in f.samples} == names)
    assert family.type == TYPES[metric.kind]
    assert family.documentation == metric.description
    labels = {label_name(attribute, NAMING) for attribute in metric.attributes}
    for sample in family.samples:
        assert sample.labels.keys() - SCOPE_LABELS - {LE} == labels
    bounds = [str(bound) for bound in metric.bounds]
    assert [s.labels[LE] for s in family.samples if LE in s.labels] == (
        [*bounds, "+Inf"] if metric.kind == "histogram" else []
    )


class Placed:
    """An event from the future, so that the clock's skew is counted."""

    aggregate_id = "order-1"
    timestamp = time.time() + 3_600


class PlaceOrder:
    """A command."""


class OtherCommand(PlaceOrder):
    """One type too many, when the limit is one."""


class FindOrders:
    """A query."""


class Result:
    """What a command handler answers: the events it made."""

    events = (Placed(),)


class Orders(InstrumentedProjectionHandler):
    """A projection that fails once."""

    failures = 1

    def apply(self, event: Placed) -> None:
        """Fail, then work."""
        if self.failures:
            self.failures -= 1
            raise ConnectionError


class Unprintable:
    """Length that raises: a fault of the instrumentation, not of the query."""

    def __len__(self) -> int:
        """Never answers."""
        raise ArithmeticError


def fail(_: object) -> None:
    """A handler that fails."""
    raise ConnectionError


def operate(telemetry: CqrsTelemetry) -> None:
    """A run in which every metric of the catalogue has something to say."""
    commands = InstrumentedCommandBus({PlaceOrder: lambda _: Result()}, telemetry=telemetry)
    commands.dispatch(PlaceOrder())
    failing = InstrumentedCommandBus({OtherCommand: fail}, telemetry=telemetry)
    with pytest.raises(ConnectionError):
        failing.dispatch(OtherCommand())
    queries = InstrumentedQueryBus({FindOrders: lambda _: [1, 2]}, telemetry=telemetry)
    queries.execute(FindOrders())
    broken = InstrumentedQueryBus({FindOrders: lambda _: Unprintable()}, telemetry=telemetry)
    broken.execute(FindOrders())
    projection = Orders("orders", None, telemetry=telemetry)
    with pytest.raises(ConnectionError):
        projection.handle_event(Placed())
    projection.handle_event(Placed())


def watch(telemetry: CqrsTelemetry) -> Rebuild:
    """What is told of a projection from outside, and a rebuild of it, under way until it leaves."""
    application = instrument_application(Application[Any](), telemetry)
    application.save(aggregate := Aggregate())
    application.repository.get(aggregate.id)
    telemetry.wait_until_seen(FindOrders, "orders", lambda: True)
    telemetry.watch_projection("orders", lambda: Backlog(1, time.time()))
    return telemetry.rebuilding("orders", target=1)


def test_a_real_run_emits_what_is_declared(provider: MeterProvider, scrape: Scrape) -> None:
    """Buses and handlers export each declared metric, none besides, and only declared labels."""
    telemetry = CqrsTelemetry(meter_provider=provider, max_types=1)
    operate(telemetry)
    by_name = {name: metric for metric in METRICS for name in declared_samples(metric)}
    seen = {}
    with watch(telemetry):
        families = scrape()
    for family in families:
        for sample in family.samples:
            metric = by_name[sample.name]
            seen[sample.name] = metric
            own = sample.labels.keys() - SCOPE_LABELS - {LE}
            assert own <= {label_name(attribute, NAMING) for attribute in metric.attributes}
            assert sample.labels["otel_scope_name"] == metric.scope
            for attribute in metric.attributes:
                value = sample.labels.get(label_name(attribute, NAMING), "")
                assert not attribute.values or value in attribute.values
    assert seen == by_name


def test_a_process_reports_before_its_first_operation(
    provider: MeterProvider, scrape: Scrape
) -> None:
    """The counter behind ``recording.INSTANCES`` is there from the start, at 0, for every side.

    The alert on absent telemetry hangs on this: without it an idle service looks like a dead one.
    """
    telemetry = CqrsTelemetry(meter_provider=provider)
    name = series_name(catalog.TELEMETRY_OVERFLOW, NAMING)
    samples = [s for family in scrape() for s in family.samples if s.name == name]
    assert {s.labels[label_name(catalog.SIDE, NAMING)] for s in samples} == set(catalog.SIDES)
    assert {s.value for s in samples} == {0.0}
    assert telemetry
