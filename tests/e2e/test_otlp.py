"""Service and projection over OTLP, the collector as shipped, and Prometheus: traces, exemplars.

Two shops send everything to the collector, but for the second one's metrics, which go straight into
Prometheus, and its young events, which join the command's trace. The collector keeps no share of
the traces here, only those with a reason; beside these, all of them are stored.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
import yaml
from opentelemetry import baggage

from cqrs_alerts.config import Config
from cqrs_alerts.naming import series_name
from cqrs_telemetry import catalog, extract_context
from orders.application import Shop, environment
from orders.demo.command_lines import ORDERS
from orders.demo.ports import choose_ports
from orders.demo.prometheus import require_server
from orders.roads.trace_store import read_spans
from waits import LIMIT, wait_for

pytestmark = pytest.mark.servers

ROOT = Path(__file__).parents[2]
COLLECTOR = ROOT / "collector"
CONFIG = Config()
LATE_MS = 5_000  # in place of the objective's 30 s
SLOW_COMMAND_MS, SLOW_QUERY_MS = (
    each.within_ms for each in (CONFIG.slos.command_latency, CONFIG.slos.query_latency)
)
SKU = "lamp"
ABOUT = catalog.SPAN_EVENT_AGGREGATE_ID.key


def answers(url):
    """Whether somebody is there and well."""
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.TransportError:
        return False


@dataclass
class Pipeline:
    """Stores of traces, Prometheus and collector on a loopback address of their own."""

    folder: Path
    host: str
    ports: dict[str, int]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name, *command, **environ):
        """Start a process with its output in a file."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("OTEL")}
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [str(part) for part in command], stdout=log, stderr=subprocess.STDOUT,
                cwd=self.folder, env={**inherited, **environ},
            )  # fmt: skip

    def end(self):
        """End all, last first."""
        for process in reversed(self.processes.values()):
            process.terminate()
            process.wait(LIMIT)

    def answers(self, name, url):
        """Wait until a process is well."""

        def well():
            assert self.processes[name].poll() is None, (self.folder / f"{name}.log").read_text()
            return answers(url)

        wait_for(f"answer from {url}", well)

    def spans(self, store="all"):
        """What a store has."""
        return read_spans(self.folder / f"{store}.jsonl")

    def exemplars(self, selector):
        """What Prometheus has stored of one series or more."""
        now = time.time()
        answer = httpx.get(
            f"http://{self.host}:9090/api/v1/query_exemplars",
            params={"query": selector, "start": now - 600, "end": now + 600},
        ).json()
        assert answer["status"] == "success", answer
        return [each for series in answer["data"] for each in series["exemplars"]]


OVERLAYS = [COLLECTOR / f"overlays/{n}.yaml" for n in ("remote-write", "otlp-to-prometheus")]


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory) -> Iterator[Pipeline]:
    """Everything but the shops."""
    host = f"127.{secrets.randbelow(250) + 2}.{secrets.randbelow(250)}.1"
    ports = choose_ports(dict.fromkeys(["all", "kept", "collected", "direct"]))
    pipeline = Pipeline(tmp_path_factory.mktemp("otlp"), host, ports)
    try:
        for store in ("all", "kept"):
            output = f"--output={store}.jsonl"
            pipeline.start(store, *ORDERS, "keep-traces", f"--port={ports[store]}", output)
        (pipeline.folder / "prometheus.yml").write_text(prometheus_configuration(host))
        pipeline.start(
            "prometheus", require_server("prometheus"),
            "--config.file=prometheus.yml", f"--web.listen-address={host}:9090",
            "--enable-feature=exemplar-storage",
            "--web.enable-otlp-receiver", "--web.enable-remote-write-receiver",
        )  # fmt: skip
        (pipeline.folder / "collector.yaml").write_text(collector_changes(ports))
        configs = (COLLECTOR / "otel-collector.yaml", *OVERLAYS, "collector.yaml")
        pipeline.start(
            "collector", require_server("otelcol"),
            *(f"--config={config}" for config in configs),
            LISTEN_HOST=host, TRACES_PERCENT="0", PROJECTION_LAG_MS=str(LATE_MS),
            REMOTE_WRITE_ENDPOINT=f"http://{host}:9090/api/v1/write",
            PROMETHEUS_OTLP_ENDPOINT=f"http://{host}:9090/api/v1/otlp",
        )  # fmt: skip
        for store in ("all", "kept"):
            pipeline.answers(store, f"http://127.0.0.1:{ports[store]}/health")
        pipeline.answers("prometheus", f"http://{host}:9090/-/ready")
        pipeline.answers("collector", f"http://{host}:13133")
        yield pipeline
    finally:
        pipeline.end()


def prometheus_configuration(host):
    """What it scrapes is told from what is pushed by a label of its own."""
    targets = [{"targets": [f"{host}:9464"], "labels": {"road": "scraped"}}]
    job = {"job_name": "collector-exported", "honor_labels": True, "static_configs": targets}
    return yaml.safe_dump({"global": {"scrape_interval": "1s"}, "scrape_configs": [job]})


def collector_changes(ports):
    """All roads at once; traces to the stores, sampled and not."""
    stores = {f"otlp_http/{name}": {"endpoint": f"http://127.0.0.1:{ports[name]}"}
              for name in ("all", "kept")}  # fmt: skip
    labelled = {"external_labels": {"road": "remote-write"}}
    return yaml.safe_dump({
        "processors": {"tail_sampling": {"decision_wait": "2s"}, "batch": {"timeout": "100ms"}},
        "exporters": {**stores, "prometheus_remote_write": labelled},
        "service": {"pipelines": {
            "metrics": {"exporters": [
                "prometheus", "prometheus_remote_write", "otlp_http/metrics",
            ]},
            "traces": {"exporters": ["otlp_http/kept"]},
            "traces/all": {"receivers": ["otlp"], "exporters": ["otlp_http/all"]},
        }},
    })  # fmt: skip


class Caller:
    """A service that calls the shop, within a trace of its own."""

    def __init__(self) -> None:
        self.trace_id, self.span_id = secrets.token_hex(16), secrets.token_hex(8)

    @property
    def headers(self):
        """What it sends along: https://www.w3.org/TR/trace-context/, .../TR/baggage/."""
        return {
            "traceparent": f"00-{self.trace_id}-{self.span_id}-01",
            "tracestate": "caller=1",
            "baggage": "tenant=north",
        }


@dataclass(frozen=True)
class RunningShop:
    """A service with its projection."""

    pipeline: Pipeline
    name: str

    @property
    def url(self):
        """Where the service answers."""
        return f"http://127.0.0.1:{self.pipeline.ports[self.name]}"

    @property
    def data(self):
        """Folder of its stores."""
        return self.pipeline.folder / self.name

    def start(self, part, *arguments):
        """Start the service or the projection."""
        to = self.pipeline.host
        direct = {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"http://{to}:9090/api/v1/otlp/v1/metrics"}
        self.pipeline.start(
            f"{self.name}-{part}", *ORDERS, part, f"--data={self.data}", *arguments,
            **(direct if self.name == "direct" else {}),
            OTEL_METRICS_EXPORTER="otlp", OTEL_TRACES_EXPORTER="otlp",
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{to}:4318", OTEL_SERVICE_NAME=self.name,
            OTEL_METRIC_EXPORT_INTERVAL="1000", OTEL_BSP_SCHEDULE_DELAY="100",
        )  # fmt: skip

    def command(self, name, caller=None, **message):
        """Have a command handled; returns the aggregate's id."""
        headers = caller.headers if caller else {}
        answer = httpx.post(f"{self.url}/commands/{name}", json=message, headers=headers)
        assert answer.is_success, answer.text
        return answer.json()["aggregate_id"]

    def order(self, caller=None):
        """Place an order."""
        message = {"customer": "ada", "lines": {SKU: 1}, "order_id": str(uuid4())}
        return self.command("PlaceOrder", caller, **message)

    def query(self, name):
        """Have a query answered."""
        return httpx.get(f"{self.url}/queries/{name}")

    def spans(self, **wanted):
        """Spans of this shop with these attributes."""
        keys = {"command": catalog.SPAN_COMMAND_TYPE, "event": catalog.SPAN_EVENT_TYPE,
                "side": catalog.SIDE}  # fmt: skip
        return [
            span for span in self.pipeline.spans()
            if span["resource"]["service.name"] == self.name
            and all(span["attributes"].get(keys[k].key) == v for k, v in wanted.items())
        ]  # fmt: skip


@pytest.fixture(scope="module")
def shops(pipeline):
    """Both after a query that failed, events that waited for a projection, and a slow command."""
    shops = {name: RunningShop(pipeline, name) for name in ("collected", "direct")}
    for shop in shops.values():
        shop.start("serve", f"--port={pipeline.ports[shop.name]}", "--fault=slow-handler")
    for shop in shops.values():
        pipeline.answers(f"{shop.name}-serve", f"{shop.url}/health")
        assert shop.query("ListOrders").status_code == 503  # no projection has ever run
        shop.command("AddProduct", sku=SKU, price=1500, quantity=1_000)
    time.sleep(LATE_MS / 1000)
    shops["collected"].start("project")
    # Older ones are late: they begin traces of their own, which are decided by themselves.
    shops["direct"].start("project", f"--child-if-younger-than={LATE_MS / 1000}")
    for shop in shops.values():
        wait_for("stock that is projected", lambda shop=shop: shop.query("StockLevels").is_success)
        wait_for("product in stock", lambda shop=shop: shop.query("StockLevels").json())
        pipeline.processes[f"{shop.name}-serve"].send_signal(signal.SIGUSR1)
        order_id = shop.order()
        shop.command("ConfirmOrder", order_id=order_id)
        log = pipeline.folder / f"{shop.name}-serve.log"
        wait_for("fault", lambda log=log: "begins" in log.read_text(), saw=log.read_text)
        shop.command("ShipOrder", order_id=order_id)
    return shops


@pytest.fixture(scope="module")
def orders(shops):
    """One order in each shop, by a caller that has a trace, and its spans once all have arrived."""
    found = {}
    for name, shop in shops.items():
        caller = Caller()
        order_id = shop.order(caller)

        def spans(shop=shop, caller=caller, order_id=order_id):
            commands = [s for s in shop.spans(command="PlaceOrder")
                        if s["trace_id"] == caller.trace_id]  # fmt: skip
            placed = [s for s in shop.spans(event="Order.OrderPlaced")
                      if s["attributes"][ABOUT] == order_id]  # fmt: skip
            return commands, placed

        wait_for(f"spans of {order_id}", lambda spans=spans: all(spans()), saw=spans)
        found[name] = (shop, caller, order_id, *spans())
    return found


@pytest.mark.parametrize("name", ["collected", "direct"])
def test_the_commands_span_goes_on_with_the_callers_trace(orders, name):
    """The incoming traceparent is continued: same trace, and the caller's span is the parent."""
    _, caller, order_id, commands, _ = orders[name]
    (command,) = commands
    assert command["parent_span_id"] == caller.span_id
    assert command["attributes"][catalog.SPAN_AGGREGATE_ID.key] == order_id


def test_the_stored_event_carries_trace_and_baggage(orders):
    """Its metadata names the command's span; what the caller sent along can be read from it."""
    shop, caller, order_id, (command,), _ = orders["collected"]
    with Shop(environment(shop.data)) as store:
        (placed, *_) = store.events.get(UUID(order_id))
    assert placed.metadata == {
        **caller.headers,
        "traceparent": f"00-{caller.trace_id}-{command['span_id']}-01",
    }
    assert baggage.get_baggage("tenant", extract_context(placed.metadata)) == "north"


def test_the_projections_span_is_linked_to_the_commands(orders):
    """By default it begins a trace of its own, with one link back across the store."""
    _, caller, _, (command,), (projected,) = orders["collected"]
    assert projected["links"] == [{"trace_id": caller.trace_id, "span_id": command["span_id"]}]
    assert projected["parent_span_id"] == ""
    assert projected["trace_id"] != caller.trace_id


def test_a_young_event_joins_the_commands_trace(orders):
    """Where a limit of age says so, one trace leads from the caller to the read model."""
    _, caller, _, (command,), (projected,) = orders["direct"]
    assert projected["trace_id"] == caller.trace_id
    assert projected["parent_span_id"] == command["span_id"]
    assert projected["links"] == []


def reasons(span):
    """Why the collector keeps a span's trace."""
    about, took = span["attributes"], span["duration_ms"]
    found = {
        "failed": span["failed"],
        "slow command": catalog.SPAN_COMMAND_TYPE.key in about and took > SLOW_COMMAND_MS,
        "slow query": catalog.SPAN_QUERY_TYPE.key in about and took > SLOW_QUERY_MS,
        "late": about.get(catalog.SPAN_PROJECTION_LAG.key, 0) > LATE_MS,
    }
    return {reason for reason, holds in found.items() if holds}


def test_traces_that_matter_are_kept_and_no_others(orders, pipeline):
    """Of the shops' own traces: failures, slow commands, late projections; here nothing else."""
    everything = pipeline.spans()  # whatever comes later does not matter

    def by_trace(spans):
        traces = {}
        for span in spans:
            traces.setdefault(span["trace_id"], []).append(span)
        return traces

    traces = by_trace(everything)
    due = {trace: set().union(*map(reasons, spans)) for trace, spans in traces.items()}
    assert set().union(*due.values()) >= {"failed", "slow command", "late"}
    assert not all(due.values())  # something is left out
    expected = {trace for trace, why in due.items() if why}

    def missing():
        return expected - set(by_trace(pipeline.spans("kept")))

    wait_for("trace of each reason in the store", lambda: not missing(), saw=missing)
    time.sleep(3)  # longer than a decision takes
    kept = by_trace(pipeline.spans("kept"))
    assert set(kept) & set(traces) == expected
    for trace in expected:
        assert len(kept[trace]) >= len(traces[trace])  # whole traces


LATENCIES = {
    catalog.WRITE: catalog.COMMAND_DURATION,
    catalog.READ: catalog.QUERY_DURATION,
    catalog.PROJECTION: catalog.PROJECTION_LAG,
}
ROADS = {
    "collector, scraped": ("collected", 'road="scraped"'),
    "collector, remote write": ("collected", 'road="remote-write"'),
    "collector, OTLP": ("collected", 'road=""'),
    "OTLP": ("direct", 'road=""'),
}


@pytest.mark.parametrize("side", LATENCIES)
@pytest.mark.parametrize("road", ROADS)
def test_an_exemplar_names_a_span_of_its_side(shops, pipeline, road, side):
    """On every road by OTLP: a latency's exemplar has the ids of such a span, which was stored."""
    job, selector = ROADS[road]
    shop = shops[job]
    name = series_name(LATENCIES[side], CONFIG.naming, "bucket")

    def exemplars():
        shop.order()
        shop.query("StockLevels")
        return pipeline.exemplars(f'{name}{{job="{job}",{selector}}}')

    labels = wait_for(f"exemplar of {name}", exemplars, period=0.5)[-1]["labels"]
    (span,) = wait_for(
        f"span of {labels}",
        lambda: [
            span for span in shop.spans(side=side)
            if (span["trace_id"], span["span_id"]) == (labels["trace_id"], labels["span_id"])
        ],
    )  # fmt: skip
    assert span["name"].startswith({catalog.WRITE: "command.", catalog.READ: "query.",
                                    catalog.PROJECTION: "projection."}[side])  # fmt: skip
