"""A real Prometheus that translates OTLP by each strategy: names, wrong settings, recorded series.

One server per strategy and kind of histograms. It starts with rules of the wrong settings; the
doctor names the right ones, and with these the same series are recorded as by default.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import pytest
import yaml
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricReader
from opentelemetry.sdk.metrics.view import (
    Aggregation,
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
    View,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry, start_http_server

from cqrs_alerts import recording_rules, slo
from cqrs_alerts.config import Config
from cqrs_alerts.dashboard_settings import DashboardSettings
from cqrs_alerts.label_names import INSTANCE, LE
from cqrs_alerts.live.causes import Cause
from cqrs_alerts.naming import (
    STRATEGIES,
    Histograms,
    Strategy,
    label_name,
    series_name,
    stored_parts,
)
from cqrs_alerts.recording import RECORDINGS
from cqrs_alerts.rule_files import render_rules
from cqrs_dashboards import doctor
from cqrs_dashboards.bundle import render_all
from cqrs_dashboards.doctor import Report
from cqrs_dashboards.questions import PanelQuestion, questions
from cqrs_telemetry import catalog
from cqrs_telemetry.catalog import METRICS
from observations import check_rules, observe_undisturbed
from orders.demo.ports import choose_ports
from orders.demo.prometheus import require_server
from waits import LIMIT, wait_for

from .otlp_json import otlp_metrics

pytestmark = pytest.mark.servers

ROOT = Path(__file__).parents[2]
NAMESPACE = "k8s.namespace.name"
RESOURCE = Resource({"service.name": "shop", "service.instance.id": "shop-1", NAMESPACE: "sales"})
TARGET_DOWN = "CqrsTargetDown"
COUNTERS = {"counter", "up_down_counter"}


@dataclass(frozen=True)
class Kind:
    """How a server names, and what histograms it gets and keeps."""

    strategy: Strategy
    exponential: bool = False  # as the service exports them
    converted: bool = False  # explicit bounds, kept as native histograms

    @property
    def histograms(self) -> Histograms:
        """The setting that fits."""
        return "native" if self.exponential or self.converted else "classic"

    @property
    def config(self) -> Config:
        """The settings that fit."""
        return Config(naming=self.strategy, histograms=self.histograms)

    @property
    def wrong(self) -> Config:
        """The default, or what differs in both settings from it."""
        if self.config == Config():
            return Config(naming="NoTranslation", histograms="native")
        return Config()


KINDS = {
    f"{strategy} {what}": Kind(strategy, **settings)
    for strategy in STRATEGIES
    for what, settings in {
        "classic": {}, "exponential": {"exponential": True}, "converted": {"converted": True},
    }.items()
    if what != "converted" or strategy == STRATEGIES[0]
}  # fmt: skip


class Service:
    """Every metric of the catalogue, from the real SDK."""

    def __init__(self, reader: MetricReader, aggregation: Aggregation | None = None) -> None:
        views = [View(instrument_type=Histogram, aggregation=aggregation)] if aggregation else []
        self._provider = MeterProvider([reader], RESOURCE, shutdown_on_exit=False, views=views)
        self._tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
        self._grow = [
            self._instrument(metric, labels) for metric in METRICS for labels in _outcomes(metric)
        ]

    def _instrument(self, metric: catalog.Metric, labels: Mapping[str, str]) -> Callable[[], None]:
        meter = self._provider.get_meter(metric.scope)
        if metric.kind == "histogram":
            histogram = meter.create_histogram(
                metric.name, metric.unit, explicit_bucket_boundaries_advisory=metric.bounds
            )
            return lambda: histogram.record(7, labels)
        if metric.kind == "gauge":
            gauge = meter.create_gauge(metric.name, metric.unit)
            return lambda: gauge.set(1, labels)
        assert metric.kind in COUNTERS, f"write one for {metric.kind}"
        create = meter.create_counter if metric.kind == "counter" else meter.create_up_down_counter
        counter = create(metric.name, metric.unit)
        return lambda: counter.add(1, labels)

    def work(self) -> None:
        """Do a little of everything, inside a span."""
        with self._tracer.start_as_current_span("operation"):
            for grow in self._grow:
                grow()


def _outcomes(metric: catalog.Metric) -> Iterator[dict[str, str]]:
    """Attributes of a metric, so that each of their values occurs."""
    for n in range(max([1, *(len(a.values) for a in metric.attributes)])):
        yield {a.key: a.values[n % len(a.values)] if a.values else "x" for a in metric.attributes}


@dataclass(frozen=True)
class Server:
    """A Prometheus that a service exports to; its rules can be changed."""

    url: str
    folder: Path
    kind: Kind

    def load(self, config: Config) -> None:
        """Put other rules in the place of those that it has."""
        for name, text in render_rules(config).items():
            (self.folder / name).write_text(text)
        httpx.post(f"{self.url}/-/reload", timeout=LIMIT).raise_for_status()

    def receive(self, reader: InMemoryMetricReader) -> None:
        """Take what was measured by now, over OTLP."""
        data = reader.get_metrics_data()
        assert data
        httpx.post(
            f"{self.url}/api/v1/otlp/v1/metrics",
            json={"resourceMetrics": otlp_metrics(data)},
            timeout=LIMIT,
        ).raise_for_status()

    def ask(self, path: str, **parameters: str) -> Any:
        """The data of an answer of the API."""
        answer = httpx.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=LIMIT).json()
        assert answer["status"] == "success", answer
        return answer["data"]

    def wait(
        self, what: str, condition: Callable[[], Any], saw: Callable[[], object] | None = None
    ) -> None:
        """Until a condition holds; by default a failure shows the end of the server's log."""
        wait_for(f"{what} at {self.url}", condition, saw=saw or self._end_of_log, period=0.2)

    def _end_of_log(self) -> str:
        return (self.folder / "log").read_text()[-2000:]

    def has(self, expression: str) -> bool:
        """Whether an expression has a value."""
        return bool(self.ask("query", query=expression)["result"])

    def wait_for(self, *expressions: str) -> None:
        """Until every expression has a value."""
        for expression in expressions:
            self.wait(expression, partial(self.has, expression))

    def labels(self, name: str) -> set[str]:
        """Names of the labels of a metric's series."""
        found = self.ask("query", query=f'{{"{name}"}}')["result"]
        return {label for series in found for label in series["metric"]} - {"__name__"}


@contextmanager
def prometheus(folder: Path, kind: Kind, settings: Mapping[str, Any]) -> Iterator[Server]:
    """A server with these settings and the wrong rules."""
    address = f"127.0.0.1:{choose_ports({'prometheus': None})['prometheus']}"
    rules = render_rules(kind.wrong)
    for name, text in rules.items():
        (folder / name).write_text(text)
    document = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": list(rules),
        **settings,
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(document))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [
                require_server("prometheus"),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={address}",
                "--web.enable-otlp-receiver",
                "--web.enable-lifecycle",
                "--enable-feature=exemplar-storage",
            ],
            stdout=log,
            stderr=log,
        )
    server = Server(f"http://{address}", folder, kind)
    try:
        server.wait("answer", lambda: process.poll() is not None or _is_ready(server.url))
        assert process.poll() is None, (folder / "log").read_text()
        yield server
    finally:
        process.terminate()
        process.wait(LIMIT)


@contextmanager
def repeating(action: Callable[[], None]) -> Iterator[None]:
    """Do something every second meanwhile."""
    stopped = Event()

    def repeat() -> None:
        while not stopped.wait(1):
            action()

    thread = Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join(LIMIT)


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready").is_success
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module", params=KINDS)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server of each kind, one after the other."""
    kind, reader = KINDS[request.param], InMemoryMetricReader()
    service = Service(reader, ExponentialBucketHistogramAggregation() if kind.exponential else None)
    otlp = {
        "translation_strategy": kind.strategy,
        "promote_resource_attributes": [NAMESPACE],
        "convert_histograms_to_nhcb": kind.converted,
    }
    folder = tmp_path_factory.mktemp("prometheus")
    with (
        prometheus(folder, kind, {"otlp": otlp}) as found,
        repeating(partial(export, service, reader, found)),
    ):
        yield found


def export(service: Service, reader: InMemoryMetricReader, server: Server) -> None:
    """A little of everything, and over OTLP with it."""
    service.work()
    server.receive(reader)


def test_names_and_labels(server: Server) -> None:
    """Prometheus makes just the names and labels that ``naming`` says."""
    kind = server.kind
    expected = {
        series_name(metric, kind.strategy, part): {
            label_name(attribute, kind.strategy) for attribute in metric.attributes
        }
        for metric in METRICS
        for part in stored_parts(metric, kind.histograms)
    }
    server.wait_for(*(f'{{"{each}"}}' for each in expected))
    names = set(server.ask("label/__name__/values"))
    assert {each for each in names if each.startswith("cqrs") and ":" not in each} == set(expected)
    for each, labels in expected.items():
        own = server.labels(each) - {"job", INSTANCE, NAMESPACE, NAMESPACE.replace(".", "_"), LE}
        assert own == labels


def examine(server: Server, config: Config) -> Report:
    """The doctor's report."""
    return observe_undisturbed(server.url, partial(doctor.examine, config=config))


def told(report: Report) -> set[str]:
    """What mends the panels that the doctor finds other names behind."""
    return {
        each.diagnosis.mend.partition(" in cqrs.yaml")[0]
        for each in report.findings
        if each.diagnosis and each.diagnosis.cause is Cause.OTHER_NAMING
    }


def test_wrong_settings_are_named_and_right_ones_record(server: Server) -> None:
    """The doctor names both settings, as far as they differ; then all is recorded as by default."""
    kind = server.kind
    right, wrong = kind.config, kind.wrong
    server.wait_for(f'{{"{series_name(catalog.QUERY_TOTAL, kind.strategy)}"}}')
    server.load(wrong)
    wait_until_evaluated(server)
    settings = [
        *([f"naming: {right.naming}"] if right.naming != wrong.naming else []),
        *([f"histograms: {right.histograms}"] if right.histograms != wrong.histograms else []),
    ]
    assert told(examine(server, wrong)) == {f"set {' and '.join(settings)}"}

    server.load(right)
    assert_recorded(server)
    assert told(examine(server, right)) == set()
    findings = check_rules(server.url, right).findings
    assert {each.status for each in findings} <= {"ok", "idle", "blind"}
    blind = [each for each in findings if each.status == "blind"]
    # These servers scrape nothing, not even themselves.
    expected = "scrapes no target|Prometheus' own metrics are not there"
    assert all(re.search(expected, each.why) for each in blind), blind

    pushing = replace(right, dashboards=DashboardSettings(scraped=False))
    found = [each for each in check_rules(server.url, pushing).findings if each.name == TARGET_DOWN]
    assert [each.status for each in found] == ["idle"], found


def assert_recorded(server: Server) -> None:
    """Every series is recorded, with the labels that it has by default."""
    server.wait_for(*(each.name for each in RECORDINGS))
    for each in RECORDINGS:
        assert server.labels(each.name) == set(recording_rules.labels(each, Config())), each.name
    wait_until_evaluated(server)


def wait_until_evaluated(server: Server) -> None:
    """Wait until every rule has been evaluated, with success."""

    def others() -> list[dict[str, Any]]:
        groups = server.ask("rules")["groups"]
        return [rule for group in groups for rule in group["rules"] if rule["health"] != "ok"]

    server.wait("evaluation of all rules", lambda: not others(), saw=others)


def test_collapsed_rows(server: Server) -> None:
    """Queries on raw series find the instance, and those of latency and lag their exemplars."""
    kind = server.kind
    server.wait_for(f'{{"{series_name(catalog.QUERY_TOTAL, kind.strategy)}"}}')
    asked = 0
    for dashboard in render_all(kind.config):
        for question in questions(dashboard, kind.config):
            if not isinstance(question, PanelQuestion) or "by instance" not in question.panel:
                continue
            (expression,) = question.expressions
            server.wait_for(expression)
            if "p95" in question.panel or "p99" in question.panel:
                now = time.time()
                found = server.ask(
                    "query_exemplars", query=expression, start=str(now - 300), end=str(now + 60)
                )
                assert any("trace_id" in e["labels"] for s in found for e in s["exemplars"])
                asked += 1
    assert asked == 4


def test_converted_as_it_is_scraped(tmp_path: Path) -> None:
    """The Python exporter has no native histograms; Prometheus makes them of its buckets."""
    kind, registry = Kind(STRATEGIES[0], converted=True), CollectorRegistry()
    service = Service(PrometheusMetricReader(registry=registry))
    http, thread = start_http_server(0, "127.0.0.1", registry)
    scrape = {
        "job_name": "shop",
        "convert_classic_histograms_to_nhcb": True,
        "static_configs": [{"targets": [f"127.0.0.1:{http.server_port}"]}],
    }
    try:
        with (
            prometheus(tmp_path, kind, {"scrape_configs": [scrape]}) as server,
            repeating(service.work),
        ):
            server.wait_for(series_name(catalog.PROJECTION_LAG, kind.strategy))
            wait_until_evaluated(server)
            assert told(examine(server, kind.wrong)) == {"set histograms: native"}
            server.load(kind.config)
            assert_recorded(server)
            assert told(examine(server, kind.config)) == set()
    finally:
        http.shutdown()
        http.server_close()
        thread.join(LIMIT)


@pytest.mark.parametrize(
    ("bounds", "words"),
    [((1.0, 7.5), "is exported with other bounds"), ((), "scraped as text")],
    ids=["a view", "none left"],
)
def test_buckets_that_rules_cannot_use(
    bounds: tuple[float, ...], words: str, tmp_path: Path
) -> None:
    """Names fit and buckets do not: what reads quantiles, heatmaps and objectives is told so."""
    reader = InMemoryMetricReader()
    service = Service(reader, ExplicitBucketHistogramAggregation(bounds))
    with (
        prometheus(tmp_path, Kind(STRATEGIES[0]), {}) as server,
        repeating(partial(export, service, reader, server)),
    ):
        server.load(Config())
        assert_recorded(server)
        server.wait_for(slo.burn_rate("5m"))  # of the objectives that need no buckets
        found = examine(server, Config()).findings
        others = {
            each.title: each.diagnosis.why
            for each in found
            if each.diagnosis and each.diagnosis.cause is Cause.OTHER_BUCKETS
        }
        assert {"Latency p95 by query type", "Lag distribution"} <= others.keys()
        assert all(words in why for why in others.values())
        assert not {each.title for each in found if each.status == "ok"} & others.keys()
        rules = {each.name: each for each in check_rules(server.url, Config()).findings}
        for alert in ("CqrsQueryLatencyHigh", "CqrsQueryLatencyBurn"):
            assert rules[alert].status == "blind"
            assert words in rules[alert].why
