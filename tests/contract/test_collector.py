"""collector/: every file is what the real collector takes, and does what its comments say."""

from __future__ import annotations

import json
import os
import random
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
import yaml
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricsData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import Status, StatusCode
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from cqrs_alerts.config import Config
from cqrs_alerts.naming import Part, label_name, series_name
from cqrs_telemetry import catalog
from cqrs_telemetry.catalog import METRICS, Metric
from orders.demo.prometheus import require_server
from waits import LIMIT, wait_for

from .otlp_json import otlp_metrics, otlp_spans

ROOT = Path(__file__).parents[2]
BASE = ROOT / "collector/otel-collector.yaml"
OVERLAYS = sorted((ROOT / "collector/overlays").glob("*.yaml"))
CONFIG = Config()
HISTOGRAM_PARTS: tuple[Part, ...] = ("bucket", "count", "sum")
# What overlays leave to their user.
USERS = {"TLS_CERT_FILE": "tls.crt", "TLS_KEY_FILE": "tls.key", "TOKEN_FILE": "token"}

every_overlay = pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.stem)


def collector(*configs: str | Path) -> list[str | Path]:
    """Its command line."""
    program = require_server("otelcol")
    return [program, *(f"--config={config}" for config in configs)]


def validate(*configs: str | Path, **environment: str) -> str:
    """What the collector has against a configuration; empty when nothing."""
    program, *arguments = collector(*configs)
    done = subprocess.run(
        [program, "validate", *arguments], env={**os.environ, **environment},
        capture_output=True, text=True, check=False, timeout=LIMIT,
    )  # fmt: skip
    return done.stdout + done.stderr if done.returncode else ""


def test_the_configuration_is_valid_as_it_is() -> None:
    """Without a single variable set."""
    assert validate(BASE) == ""


@every_overlay
def test_overlay_is_valid_on_top(overlay: Path) -> None:
    """With what only its user can know."""
    assert validate(BASE, overlay, **USERS) == ""


def test_an_overlay_that_lacks_its_variables_says_so() -> None:
    """Open ports without the certificate that was asked for are not opened."""
    problem = validate(BASE, ROOT / "collector/overlays/tls-and-token.yaml")
    assert "TLS configuration must include both certificate and key" in problem
    assert "no bearer token" in problem


def test_overlays_that_replace_one_list_go_together_with_a_third() -> None:
    """README's line for both that bring an extension."""
    readme = (ROOT / "collector/README.md").read_text()
    (together,) = re.findall(r"--config '(yaml:service::extensions: .*)'", readme)
    named = [path for path in OVERLAYS if path.stem in ("tls-and-token", "persistent-queue")]
    assert validate(BASE, *named, together, **USERS) == ""
    extensions = set(yaml.safe_load(together.partition("::extensions: ")[2]))
    for path in named:
        assert set(yaml.safe_load(path.read_text())["service"]["extensions"]) <= extensions


@pytest.mark.parametrize(
    "names",
    [
        ("tls-and-token", "remote-write"),
        ("tls-and-token", "otlp-to-prometheus"),
        ("persistent-queue", "otlp-to-prometheus"),
        ("persistent-queue", "remote-write", "spanmetrics"),
        ("tls-and-token", "spanmetrics", "debug"),
    ],
    ids="+".join,
)
def test_overlays_are_valid_together(names: Sequence[str]) -> None:
    """Those that somebody would want at once."""
    assert validate(BASE, *(ROOT / f"collector/overlays/{n}.yaml" for n in names), **USERS) == ""


@pytest.mark.parametrize("path", [BASE, *OVERLAYS], ids=lambda path: path.stem)
def test_memory_is_limited_first_and_requests_batched_last(path: Path) -> None:
    """In every pipeline that says which processors it has."""
    pipelines = yaml.safe_load(path.read_text())["service"].get("pipelines", {})
    for name, pipeline in pipelines.items():
        processors = pipeline.get("processors", ["memory_limiter", "batch"])
        assert (processors[0], processors[-1]) == ("memory_limiter", "batch"), name


def test_every_port_is_on_loopback_unless_told_otherwise() -> None:
    """One variable opens them all."""
    text = BASE.read_text()
    listening = re.findall(r"^\s+(?:endpoint|host): (.*LISTEN_HOST.*?\})(?::\d+)?$", text, re.M)
    assert set(listening) == {"${env:LISTEN_HOST:-127.0.0.1}"}
    assert len(listening) == len(re.findall(r":\d{4,5}$", text, re.M)) + 1  # own metrics: host


def test_names_are_translated_as_the_rules_expect() -> None:
    """Every exporter that translates uses the strategy of cqrs.yaml's default."""
    text = "".join(path.read_text() for path in (BASE, *OVERLAYS))
    assert set(re.findall(r"translation_strategy: (\w+)", text)) == {CONFIG.naming}


def test_slow_and_late_are_what_the_objectives_say() -> None:
    """Traces of events that count against an objective are kept: bounds and keys are the same."""
    text = BASE.read_text()
    defaults = dict(re.findall(r"\$\{env:(\w+_MS):-(\d+)\}", text))
    slos = CONFIG.slos
    assert {name: float(value) for name, value in defaults.items()} == {
        "SLOW_COMMAND_MS": slos.command_latency.within_ms,
        "SLOW_QUERY_MS": slos.query_latency.within_ms,
        "PROJECTION_LAG_MS": slos.projection_freshness.within_ms,
    }
    assert set(re.findall(r'span\.attributes\["(.*?)"\]', text)) == {
        catalog.SPAN_COMMAND_TYPE.key,
        catalog.SPAN_QUERY_TYPE.key,
        catalog.SPAN_PROJECTION_LAG.key,
    }


class Backend(BaseHTTPRequestHandler):
    """A store of traces that takes OTLP as JSON."""

    spans: list[str]

    def do_POST(self) -> None:
        """Keep the names of the spans."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.spans += [
            span["name"]
            for resource in body["resourceSpans"]
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Silence."""


@dataclass
class Running:
    """A collector with an address of its own, and what it has sent."""

    address: str
    log: Path
    spans: list[str] = field(default_factory=list)

    def send(self, signal: str, resources: Sequence[Mapping[str, Any]], **headers: str) -> int:
        """Send OTLP; returns the status of the answer."""
        key = {"metrics": "resourceMetrics", "traces": "resourceSpans"}[signal]
        url = f"http://{self.address}:4318/v1/{signal}"
        return httpx.post(url, json={key: list(resources)}, headers=headers).status_code

    def scrape(self) -> dict[str, list[Any]]:
        """Samples by name, as Prometheus reads them: in OpenMetrics, with exemplars."""
        accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
        text = httpx.get(f"http://{self.address}:9464/metrics", headers=accept).text
        samples: dict[str, list[Any]] = {}
        for family in text_string_to_metric_families(text):  # type: ignore[no-untyped-call] # its own
            for sample in family.samples:
                samples.setdefault(sample.name, []).append(sample)
        return samples

    def own(self, name: str) -> float:
        """A series of the collector's own, summed."""
        text = httpx.get(f"http://{self.address}:8888/metrics").text
        return sum(map(float, re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", text, re.M)))

    def wait_for_own(self, name: str, enough: Callable[[float], bool]) -> float:
        """Wait until a series of the collector's own is enough; returns its sum."""
        last = 0.0

        def is_enough() -> bool:
            nonlocal last
            last = self.own(name)
            return enough(last)

        wait_for(f"sufficient {name}", is_enough, saw=lambda: last)
        return last


Start = Callable[..., Any]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Starts the collector with what differs, and a backend for its traces."""

    @contextmanager
    def run(*configs: str | Path, **environment: str) -> Iterator[Running]:
        address = f"127.{secrets.randbelow(250) + 2}.{secrets.randbelow(250)}.1"
        running = Running(address, tmp_path / "log")
        handler = type("Handler", (Backend,), {"spans": running.spans})
        backend = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        thread = Thread(target=backend.serve_forever)
        thread.start()
        sink = tmp_path / "sink.yaml"
        exporter = {"endpoint": f"http://127.0.0.1:{backend.server_port}", "encoding": "json",
                    "compression": "none", "tls": {"insecure": True}}  # fmt: skip
        sink.write_text(yaml.safe_dump({
            "exporters": {"otlp_http/sink": exporter},
            "service": {"pipelines": {"traces": {"exporters": ["otlp_http/sink"]}}},
        }))  # fmt: skip
        hurry = ("yaml:processors::tail_sampling::decision_wait: 1s",
                 "yaml:processors::batch::timeout: 100ms")  # fmt: skip
        with running.log.open("wb") as log:
            process = subprocess.Popen(
                collector(BASE, sink, *hurry, *configs), stdout=log, stderr=subprocess.STDOUT,
                env={**os.environ, "LISTEN_HOST": address, **environment},
            )  # fmt: skip
        try:
            wait_for(
                "healthy collector",
                lambda: process.poll() is not None or is_healthy(address),
                saw=running.log.read_text,
            )
            assert process.poll() is None, running.log.read_text()
            yield running
        finally:
            process.terminate()
            process.wait(LIMIT)
            backend.shutdown()
            thread.join(LIMIT)
            backend.server_close()

    return run


def is_healthy(address: str) -> bool:
    """What its health check says."""
    try:
        return httpx.get(f"http://{address}:13133").is_success
    except httpx.TransportError:
        return False


RESOURCE = Resource({
    "service.name": "shop", "service.instance.id": "shop-1",
    "k8s.cluster.name": "north", "k8s.namespace.name": "sales", "host.name": "h",
})  # fmt: skip


@pytest.fixture(scope="module")
def everything() -> MetricsData:
    """One value of each metric of the catalogue from the real SDK, histograms inside a span."""
    reader, tracers = InMemoryMetricReader(), TracerProvider(shutdown_on_exit=False)
    provider = MeterProvider([reader], RESOURCE, shutdown_on_exit=False)
    with tracers.get_tracer("test").start_as_current_span("operation"):
        for metric in METRICS:
            create(provider, metric)
    data = reader.get_metrics_data()
    assert data
    return data


def create(provider: MeterProvider, metric: Metric) -> None:
    """The instrument of a metric, and one value under all its attributes."""
    meter = provider.get_meter(metric.scope)
    labels = {attribute.key: "x" for attribute in metric.attributes}
    if metric.kind == "histogram":
        meter.create_histogram(
            metric.name, metric.unit, explicit_bucket_boundaries_advisory=metric.bounds
        ).record(7, labels)
    elif metric.kind == "counter":
        meter.create_observable_counter(
            metric.name, [lambda _: [Observation(3, labels)]], metric.unit
        )
    elif metric.kind == "gauge":
        meter.create_observable_gauge(
            metric.name, [lambda _: [Observation(2, labels)]], metric.unit
        )
    else:
        assert metric.kind == "up_down_counter", f"write one for {metric.kind}"
        meter.create_observable_up_down_counter(
            metric.name, [lambda _: [Observation(2, labels)]], metric.unit
        )


@pytest.mark.servers
def test_metrics_arrive_under_the_names_of_the_rules(start: Start, everything: MetricsData) -> None:
    """Every series of the catalogue, its labels, job and instance of the service, exemplars."""
    with start() as running:
        assert running.send("metrics", otlp_metrics(everything)) == 200
        running.wait_for_own("otelcol_exporter_sent_metric_points", lambda n: n >= len(METRICS))
        samples = running.scrape()
        assert "alias is deprecated" not in running.log.read_text()
    expected = {
        series_name(metric, CONFIG.naming, part)
        for metric in METRICS
        for part in (HISTOGRAM_PARTS if metric.kind == "histogram" else ("",))
    }
    assert set(samples) == {*expected, "target_info"}
    for metric in METRICS:
        part: Part = "bucket" if metric.kind == "histogram" else ""
        found = samples[series_name(metric, CONFIG.naming, part)]
        labels = {name for name in found[0].labels if not name.startswith("otel_scope_")}
        own = {label_name(attribute, CONFIG.naming) for attribute in metric.attributes}
        assert labels - {"le"} == {*own, "job", "instance", "cluster", "namespace"}
        assert {each.labels["job"] for each in found} == {"shop"}
        assert {each.labels["instance"] for each in found} == {"shop-1"}
        assert {each.labels["cluster"] for each in found} == {"north"}
        assert {each.labels["namespace"] for each in found} == {"sales"}
    for metric in (catalog.COMMAND_DURATION, catalog.QUERY_DURATION, catalog.PROJECTION_LAG):
        buckets = samples[series_name(metric, CONFIG.naming, "bucket")]
        (exemplar,) = [bucket.exemplar for bucket in buckets if bucket.exemplar]
        assert re.fullmatch(r"[0-9a-f]{32}", exemplar.labels["trace_id"])
        assert exemplar.value == 7
    (about,) = samples["target_info"]
    assert about.labels["host_name"] == "h"


@pytest.mark.servers
@pytest.mark.parametrize(
    "name",
    # The one that is left out has tests of its own.
    [path.stem for path in OVERLAYS if path.stem != "tls-and-token"],
)
def test_overlay_starts(start: Start, everything: MetricsData, tmp_path: Path, name: str) -> None:
    """What is valid also runs, without a warning of what will be removed, and takes metrics."""
    overlay = ROOT / f"collector/overlays/{name}.yaml"
    with start(overlay, QUEUE_DIRECTORY=str(tmp_path / "queue")) as running:
        assert running.send("metrics", otlp_metrics(everything)) == 200
        assert "deprecated" not in running.log.read_text()


@pytest.mark.servers
def test_spans_are_measured_before_they_are_sampled(start: Start) -> None:
    """With the overlay, a trace that is dropped counts."""
    spans = traces()
    configs = (ROOT / "collector/overlays/spanmetrics.yaml",
               "yaml:connectors::span_metrics::metrics_flush_interval: 200ms")  # fmt: skip
    with start(*configs, TRACES_PERCENT="0") as running:
        assert running.send("traces", otlp_spans(list(spans.values()), RESOURCE)) == 200
        # The first value is 0, so that a rate has a start to count from.
        wait_for(
            "single call of each span",
            lambda: calls(running) == dict.fromkeys(spans, 1),
            saw=lambda: calls(running),
        )


def calls(running: Running) -> dict[str, float]:
    """How many spans of each name were measured."""
    found = running.scrape().get("traces_span_metrics_calls_total", ())
    return {sample.labels["span_name"]: sample.value for sample in found}


@pytest.mark.servers
def test_what_does_not_fit_into_memory_is_refused_and_counted(
    start: Start, everything: MetricsData
) -> None:
    """Senders are told to come again, and the collector's own metrics say how much it was."""
    limit = "{limit_mib: 2, spike_limit_mib: 1, check_interval: 100ms}"
    with start(f"yaml:processors::memory_limiter: {limit}") as running:

        def answer() -> int:
            return running.send("metrics", otlp_metrics(everything))

        wait_for("refusal by status 503", lambda: answer() == 503, saw=answer)
        refused = "otelcol_receiver_refused_metric_points"
        assert running.wait_for_own(refused, bool) >= len(METRICS)


@pytest.mark.servers
def test_deltas_become_running_totals(start: Start, everything: MetricsData) -> None:
    """A sender with delta temporality is counted as one without."""
    name = series_name(catalog.COMMAND_TOTAL, CONFIG.naming)
    (resource,) = otlp_metrics(everything)
    scopes = [scope for scope in resource["scopeMetrics"]
              if scope["scope"]["name"] == catalog.COMMAND_TOTAL.scope]  # fmt: skip
    (metric,) = [
        each for each in scopes[0]["metrics"] if each["name"] == catalog.COMMAND_TOTAL.name
    ]
    metric["sum"]["aggregationTemporality"] = 1
    (point,) = metric["sum"]["dataPoints"]
    scopes[0]["metrics"] = [metric]
    now = time.time_ns()
    with start() as running:
        for second in range(3):
            point["startTimeUnixNano"] = str(now + second * 10**9)
            point["timeUnixNano"] = str(now + (second + 1) * 10**9)
            assert running.send("metrics", [{**resource, "scopeMetrics": scopes}]) == 200

        def totals() -> list[float]:
            return [each.value for each in running.scrape().get(name, ())]

        wait_for("total of 9", lambda: totals() == [9], saw=totals)


UNSET = StatusCode.UNSET


def traces() -> dict[str, ReadableSpan]:
    """One trace for each reason to keep one, and one at each bound."""
    memory = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    tracer = provider.get_tracer("test")
    slos = CONFIG.slos

    def add(
        name: str, labels: Mapping[str, Any], milliseconds: float = 1, code: StatusCode = UNSET
    ) -> None:
        span = tracer.start_span(name, start_time=0, attributes=labels)
        span.set_status(Status(code))
        span.end(int(milliseconds * 1_000_000))

    command = {catalog.SPAN_COMMAND_TYPE.key: "PlaceOrder"}
    query = {catalog.SPAN_QUERY_TYPE.key: "ListOrders"}
    lag, late = catalog.SPAN_PROJECTION_LAG.key, slos.projection_freshness.within_ms
    add("error", command, code=StatusCode.ERROR)
    add("slow command", command, slos.command_latency.within_ms + 1)
    add("slow query", query, slos.query_latency.within_ms + 1)
    add("late", {lag: float(late) + 1})
    add("late in whole milliseconds", {lag: int(late) + 1})
    add("command in time", command, slos.command_latency.within_ms)
    add("query in time", query, slos.query_latency.within_ms)
    add("read in time", {lag: float(late)})
    add("slow, but none of ours", {}, 60_000)
    return {span.name: span for span in memory.get_finished_spans()}


KEPT = {"error", "slow command", "slow query", "late", "late in whole milliseconds"}


@pytest.mark.servers
@pytest.mark.parametrize("percent", ["0", "100"])
def test_what_went_wrong_is_kept_and_a_share_of_the_rest(start: Start, percent: str) -> None:
    """With no share only the reasons count; with all of it everything is kept."""
    spans = traces()
    with start(TRACES_PERCENT=percent) as running:
        assert running.send("traces", otlp_spans(list(spans.values()), RESOURCE)) == 200
        expected = KEPT if percent == "0" else set(spans)
        wait_for(
            "span of each kept trace",
            lambda: len(running.spans) >= len(expected),
            saw=lambda: running.spans,
        )
        decided = "otelcol_processor_tail_sampling_count_traces_sampled"
        running.wait_for_own(decided, bool)
    # It ended: what it held has been sent.
    assert sorted(running.spans) == sorted(expected)


class SeededIds(IdGenerator):
    """The same trace ids each time, so that the same traces are kept."""

    def __init__(self) -> None:
        self._random = random.Random(7)  # noqa: S311 - no secrets

    def generate_trace_id(self) -> int:
        """128 bits."""
        return self._random.getrandbits(128) or 1

    def generate_span_id(self) -> int:
        """64 bits."""
        return self._random.getrandbits(64) or 1


@pytest.mark.servers
def test_the_default_share_of_the_rest_is_a_tenth(start: Start) -> None:
    """Of a thousand traces that nothing is wrong with, as many are kept as chance allows."""
    memory = InMemorySpanExporter()
    provider = TracerProvider(id_generator=SeededIds(), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    tracer = provider.get_tracer("test")
    for _ in range(1_000):
        tracer.start_span("in time", attributes={catalog.SPAN_COMMAND_TYPE.key: "X"}).end()
    with start() as running:
        spans = otlp_spans(list(memory.get_finished_spans()), RESOURCE)
        assert running.send("traces", spans) == 200
        decided = "otelcol_processor_tail_sampling_global_count_traces_sampled"
        running.wait_for_own(decided, lambda n: n == 1_000)
    share = len(running.spans) / 1_000
    assert 0.06 < share < 0.14  # four standard deviations around it


TLS = Path(__file__).parent / "tls"


@pytest.mark.servers
def test_spans_pass_between_collectors_by_grpc_with_tls_and_token(
    start: Start, tmp_path: Path
) -> None:
    """The overlay as shipped, in front of it an agent that knows certificate and token."""
    token = tmp_path / "token"
    token.write_text("secret")
    files = {"TLS_CERT_FILE": TLS / "certificate.pem", "TLS_KEY_FILE": TLS / "key.pem",
             "TOKEN_FILE": token}  # fmt: skip
    overlay = ROOT / "collector/overlays/tls-and-token.yaml"
    environment = {name: str(path) for name, path in files.items()}
    with start(overlay, TRACES_PERCENT="100", **environment) as running:
        assert is_only_for_tls(f"http://{running.address}:4318/v1/traces")
        agent = running.address.rpartition(".")[0] + ".2"
        config = tmp_path / "agent.yaml"
        config.write_text(yaml.safe_dump(agent_configuration(agent, running.address)))
        log = tmp_path / "agent.log"
        with log.open("wb") as output:
            process = subprocess.Popen(collector(config), stderr=output)
        try:
            body = {"resourceSpans": otlp_spans(list(traces().values()), RESOURCE)}
            url = f"http://{agent}:4318/v1/traces"
            wait_for("agent that takes spans", lambda: is_accepted(url, body), saw=log.read_text)
            wait_for(
                "span of each trace behind the agent",
                lambda: set(running.spans) == set(traces()),
                saw=lambda: f"{running.spans}\n{log.read_text()}",
            )
        finally:
            process.terminate()
            process.wait(LIMIT)


def agent_configuration(address: str, gateway: str) -> dict[str, Any]:
    """A collector beside the services that sends on what they send."""
    tls = {"ca_file": str(TLS / "certificate.pem"), "server_name_override": "collector.test"}
    exporter = {"endpoint": f"{gateway}:4317", "tls": tls,
                "headers": {"authorization": "Bearer secret"}}  # fmt: skip
    return {
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"{address}:4318"}}}},
        "exporters": {"otlp_grpc": exporter},
        "service": {
            "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["otlp_grpc"]}},
            "telemetry": {"metrics": {"level": "none"}},
        },
    }


def is_only_for_tls(url: str) -> bool:
    """Whether plain HTTP is refused as such.

    By a request without a body: Go's server answers 400 and closes without reading a body, and a
    connection that is closed with data unread is reset, at times before its answer has been read.
    """
    return httpx.get(url).status_code == 400


def is_accepted(url: str, body: Mapping[str, Any]) -> bool:
    """Whether somebody is there and takes it."""
    try:
        return httpx.post(url, json=body).is_success
    except httpx.TransportError:
        return False


@pytest.mark.servers
def test_a_function_that_is_frozen_after_its_answer_is_counted(start: Start) -> None:
    """docs/roads.md: deltas, flushed by the handler; no exporter thread and no end helps here."""
    (block,) = re.findall(
        r"^```python\n(from opentelemetry import metrics.*?)^```$",
        (ROOT / "docs/roads.md").read_text(), re.M | re.S,
    )  # fmt: skip
    script = f"""
import os
from dataclasses import dataclass
from cqrs_telemetry import InstrumentedCommandBus
from orders.telemetry import exported_telemetry

@dataclass
class PlaceOrder:
    aggregate_id: str

{block}
with exported_telemetry("", 0, None):
    commands = InstrumentedCommandBus({{"PlaceOrder": lambda command: None}})
    for number in range(3):
        handler({{"order_id": str(number)}}, None)
    os._exit(0)
"""
    name = series_name(catalog.COMMAND_TOTAL, CONFIG.naming)
    with start() as running:
        environment = {
            "OTEL_METRICS_EXPORTER": "otlp", "OTEL_METRIC_EXPORT_INTERVAL": "600000",
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{running.address}:4318",
        }  # fmt: skip
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, **environment},
            check=True,
            timeout=LIMIT,
        )

        def counted() -> float:
            return sum(sample.value for sample in running.scrape().get(name, ()))

        wait_for("three commands", lambda: counted() == 3, saw=counted)


@pytest.mark.servers
def test_a_sender_without_the_token_is_refused(start: Start, tmp_path: Path) -> None:
    """The overlay's authentication by itself, without TLS."""
    token = tmp_path / "token"
    token.write_text("secret")
    overlay = yaml.safe_load((ROOT / "collector/overlays/tls-and-token.yaml").read_text())
    for protocol in overlay["receivers"]["otlp"]["protocols"].values():
        del protocol["tls"]
    (tmp_path / "token.yaml").write_text(yaml.safe_dump(overlay))
    with start(tmp_path / "token.yaml", TOKEN_FILE=str(token)) as running:
        assert running.send("metrics", []) == 401
        assert running.send("metrics", [], Authorization="Bearer wrong") == 401
        assert running.send("metrics", [], Authorization="Bearer secret") == 200
