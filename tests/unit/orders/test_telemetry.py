"""The SDK of each process, as the environment's variables ask for it."""

from __future__ import annotations

import re
import signal

import httpx
import pytest

from cqrs_telemetry import catalog
from orders.demo.ports import HOST, choose_ports
from orders.roads.trace_store import read_spans
from waits import LIMIT, read_line, wait_for

ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+\S*")
OTLP = {"OTEL_METRICS_EXPORTER": "otlp", "OTEL_TRACES_EXPORTER": "otlp"}


def add_product(url, sku):
    """Send a command; gunicorn listens some time before its workers answer."""
    product = {"sku": sku, "price": 1, "quantity": 1}
    return httpx.post(f"{url}/commands/AddProduct", json=product, timeout=LIMIT)


@pytest.fixture
def store(run, tmp_path):
    """Environment of processes whose telemetry goes to a store of traces, and its spans."""
    port = choose_ports({"store": None})["store"]
    process = run("keep-traces", f"--port={port}", "--output=spans.jsonl")
    url = f"http://{HOST}:{port}"

    def answers():
        assert process.poll() is None, process.stdout.read()
        try:
            return httpx.get(f"{url}/health").is_success
        except httpx.TransportError:
            return False

    wait_for("answer of the store of traces", answers)
    hurry = {"OTEL_BSP_SCHEDULE_DELAY": "50"}
    environment = {**OTLP, "OTEL_EXPORTER_OTLP_ENDPOINT": url, **hurry}
    return environment, lambda: read_spans(tmp_path / "spans.jsonl")


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        (
            {"OTEL_METRICS_EXPORTER": "statsd"},
            "OTEL_METRICS_EXPORTER is 'statsd'; this service knows prometheus or otlp",
        ),
        (
            {"OTEL_TRACES_EXPORTER": "zipkin"},
            "OTEL_TRACES_EXPORTER is 'zipkin'; this service knows none or otlp",
        ),
        ({**OTLP, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "this service sends http/protobuf"),
    ],
)
@pytest.mark.parametrize("command", [("serve", "--port=0"), ("project",)])
def test_what_a_variable_asks_in_vain_is_said(run, command, environment, said):
    """The error names the variable, its value and what there is."""
    process = run(*command, "--data=d", **environment)
    output, _ = process.communicate(timeout=LIMIT)
    assert process.returncode == 1
    assert said in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "--workers needs OTEL_METRICS_EXPORTER=otlp"),
        (
            {**OTLP, "OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=a"},
            "--workers needs a service.instance.id for each",
        ),
    ],
)
def test_workers_that_would_overwrite_each_other_do_not_start(run, environment, said):
    """One /metrics, or one instance, for several processes would lose most of the counts."""
    process = run("serve", "--port=0", "--workers=2", "--data=d", **environment)
    output, _ = process.communicate(timeout=LIMIT)
    assert process.returncode == 1
    assert said in output


def test_the_environment_names_the_service(run):
    """OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come before the example's own name."""
    named = {"OTEL_SERVICE_NAME": "shop", "OTEL_RESOURCE_ATTRIBUTES": "k8s.cluster.name=north"}
    process = run("serve", "--port=0", "--data=d", **named)
    _, metrics = ADDRESS.findall(read_line(process.stdout, "address of the service"))
    (about,) = re.findall(r"^target_info\{(.*)\}", httpx.get(metrics).text, re.MULTILINE)
    assert 'service_name="shop"' in about
    assert 'k8s_cluster_name="north"' in about


def test_each_worker_is_an_instance_of_its_own(run, store):
    """Spans of several workers arrive under one service name, and as many instance ids."""
    environment, spans = store
    process = run("serve", "--port=0", "--workers=3", "--data=d", **environment)
    (url,) = ADDRESS.findall(read_line(process.stdout, "address of the service"))

    def instances():
        # A new connection each time: the kernel gives it to any worker.
        add_product(url, "a")
        return {span["resource"]["service.instance.id"] for span in spans()}

    wait_for("span of each worker", lambda: len(instances()) == 3, saw=instances)
    process.send_signal(signal.SIGTERM)
    assert process.wait(LIMIT) == 0, process.stdout.read()
    assert {span["resource"]["service.name"] for span in spans()} == {"orders"}


def test_a_process_that_ends_sends_what_it_holds(run, store):
    """SIGTERM right after a command: its span is in the store all the same."""
    environment, spans = store
    for workers in (1, 2):
        process = run("serve", "--port=0", f"--workers={workers}", "--data=d", **environment)
        (url,) = ADDRESS.findall(read_line(process.stdout, "address of the service"))
        assert add_product(url, f"{workers}").is_success
        process.send_signal(signal.SIGTERM)
        process.wait(LIMIT)
        assert len(spans()) == workers
    assert {span["attributes"][catalog.SIDE.key] for span in spans()} == {catalog.WRITE}
