"""Receivers that fail, on real servers: the service goes on, what is lost is counted and said."""

from __future__ import annotations

import math
import os
import re
import secrets
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from cqrs_alerts import recording
from cqrs_alerts.config import Config
from cqrs_alerts.live.causes import Cause
from cqrs_alerts.live.prometheus import Prometheus, Rule
from cqrs_alerts.naming import label_name, series_name
from cqrs_alerts.promql import count_by, equals, select
from cqrs_alerts.rule_files import render_rules
from cqrs_dashboards.doctor import examine
from cqrs_telemetry import CqrsTelemetry, catalog
from observations import observe_undisturbed
from orders.deliveries import UNDELIVERED
from orders.demo.command_lines import ORDERS
from orders.demo.processes import Parts
from orders.demo.prometheus import require_server
from waits import wait_for

pytestmark = pytest.mark.servers

ROOT = Path(__file__).parents[2]
CONFIG = Config()
COMMANDS = series_name(catalog.COMMAND_TOTAL, CONFIG.naming)
LOST = UNDELIVERED.replace(".", "_") + "_total"
HURRY = {
    "OTEL_METRICS_EXPORTER": "otlp",
    "OTEL_METRIC_EXPORT_INTERVAL": "500",
    "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
    "OTEL_BSP_SCHEDULE_DELAY": "100",
}


@dataclass
class Place:
    """A loopback address of one's own, on which ports are the usual ones, and a folder."""

    host: str
    folder: Path
    parts: Parts
    answered: int = 0  # commands

    @property
    def prometheus_url(self) -> str:
        """Where Prometheus listens."""
        return f"http://{self.host}:9090"

    def start(self, name: str, command: list[str], url: str, **environment: str) -> None:
        """Start a part and wait until it answers."""
        clean = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
        self.parts.start(name, command, environment={**clean, **environment})

        def answers() -> bool:
            self.parts.check()
            try:
                return httpx.get(url, timeout=2).is_success
            except httpx.TransportError:
                return False

        wait_for(f"answer from {url}", answers)

    def serve(self, **environment: str) -> None:
        """Start the service."""
        command = [*ORDERS, "serve", f"--data={self.folder / 'data'}", f"--host={self.host}"]
        url = f"http://{self.host}:8000/health"
        self.start("service", [*command, "--port=8000"], url, **HURRY, **environment)

    def collect(self, **sections: Any) -> None:
        """Start the collector as shipped, but for some sections; traces end in its log."""
        overlay = {**sections, "exporters": {"debug": {}}}
        overlay["service"] = {"pipelines": {"traces": {"exporters": ["debug"]}}}
        (self.folder / "overlay.yaml").write_text(yaml.safe_dump(overlay))
        files = (ROOT / "collector/otel-collector.yaml", self.folder / "overlay.yaml")
        command = [str(require_server("otelcol")), *(f"--config={file}" for file in files)]
        self.start("collector", command, f"http://{self.host}:13133", LISTEN_HOST=self.host)

    def store(self, *flags: str, **settings: Any) -> None:
        """Start Prometheus, with the rules of the default settings."""
        folder = self.folder / "prometheus"
        folder.mkdir()
        rules = render_rules(CONFIG)
        for name, text in rules.items():
            (folder / name).write_text(text)
        itself = {"job_name": "prometheus", "static_configs": [{"targets": [f"{self.host}:9090"]}]}
        document = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": list(rules),
            "scrape_configs": [itself],
            **settings,
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(document))
        command = [
            str(require_server("prometheus")), f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data", f"--web.listen-address={self.host}:9090", *flags,
        ]  # fmt: skip
        self.start("prometheus", command, f"{self.prometheus_url}/-/ready")

    def work(self, times: int) -> None:
        """Commands that each are a span; all are answered."""
        with httpx.Client(base_url=f"http://{self.host}:8000", timeout=30) as client:
            for _ in range(times):
                product = {"sku": secrets.token_hex(8), "price": 1, "quantity": 1}
                client.post("/commands/AddProduct", json=product).raise_for_status()
                self.answered += 1

    def said(self) -> list[str]:
        """What the service has said of its telemetry; nothing else but its first line."""
        first, *lines = self.parts.log("service").read_text().splitlines()
        assert first.startswith("orders service: ")
        assert all(line.startswith("telemetry of process ") for line in lines), lines
        return [line.partition(": ")[2] for line in lines]

    def heard(self, pattern: str) -> re.Match[str] | None:
        """The line that fits; there is one at most."""
        found = [match for line in self.said() if (match := re.search(pattern, line))]
        assert len(found) <= 1, found
        return found[0] if found else None

    def hear(self, pattern: str) -> re.Match[str]:
        """Wait for the line that fits."""
        found = wait_for(
            f"line of the service that fits {pattern}", lambda: self.heard(pattern), saw=self.said
        )
        assert found  # the wait would have failed
        return found

    def end_service(self) -> None:
        """Ask it to end; it does, in good order."""
        self.parts.send("service", signal.SIGTERM, ends=True)
        wait_for("end of the service", lambda: self.parts.ended("service"), saw=self.said)

    def exposed(self, pattern: str) -> float:
        """Sum of what the collector exports to Prometheus under names and labels of a pattern."""
        text = httpx.get(f"http://{self.host}:9464/metrics", timeout=10).text
        return sum(
            float(line.partition("} ")[2].split()[0])
            for line in text.splitlines()
            if re.match(pattern, line)
        )

    def expose(self, pattern: str, expected: float) -> None:
        """Wait until that sum is as expected."""
        wait_for(
            f"sum of {expected} under {pattern}",
            lambda: self.exposed(pattern) == expected,
            saw=lambda: self.exposed(pattern),
        )


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A place whose parts end with the test."""
    logs = tmp_path / "logs"
    logs.mkdir()
    host = f"127.{secrets.randbelow(250) + 2}.{secrets.randbelow(250)}.2"
    place = Place(host, tmp_path, Parts(logs))
    try:
        yield place
    finally:
        place.parts.stop()


def test_an_unreachable_collector_is_said_once_and_made_up_for(place: Place) -> None:
    """Totals are complete as soon as one is there; spans are lost, as many as said and counted."""
    endpoint = f"http://{place.host}:4318"
    place.serve(OTEL_TRACES_EXPORTER="otlp", OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
    place.work(30)
    refused = rf"cannot be delivered to {endpoint}: .*Connection refused.*; the service goes on"
    place.hear(f"^points {refused}")
    place.hear(f"^spans {refused}")
    assert all("start a collector there, or mend OTEL_EXPORTER_" in line for line in place.said())
    place.work(20)
    time.sleep(2)  # in which exports fail, and nothing is said
    assert len(place.said()) == 2
    place.collect()
    place.hear("^points are delivered again")

    def spans_again() -> re.Match[str] | None:
        place.work(1)
        return place.heard(r"^spans are delivered again, after \d+ s: (\d+) are missing")

    again = wait_for("delivery of spans", spans_again, saw=place.said)
    assert again
    lost = int(again[1])
    assert lost >= 30  # what the first line was about
    unreachable = f'{LOST}{{(?=.*signal="spans")(?=.*reason="unreachable")'
    place.expose(unreachable, lost)
    place.expose(f"{COMMANDS}{{", place.answered)


def test_a_receiver_that_never_answers_costs_what_does_not_fit(place: Place) -> None:
    """The queue keeps its size, each command is answered, and every span is accounted for."""
    with socket.create_server((place.host, 4318), backlog=512):  # and nobody reads
        place.serve(
            OTEL_TRACES_EXPORTER="otlp",
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{place.host}:4318",
            OTEL_BSP_MAX_QUEUE_SIZE="20",
            OTEL_BSP_MAX_EXPORT_BATCH_SIZE="10",
        )
        place.work(100)
        for signals in ("points", "spans"):
            place.hear(f"^{signals} cannot .*timed out.*raise OTEL_EXPORTER_OTLP_TIMEOUT")
        place.end_service()
    lost = place.heard(r"^spans were not delivered for the last \d+ s: (\d+) are lost")
    assert lost
    assert int(lost[1]) == place.answered == 100
    assert place.heard(r"^points were not delivered for the last \d+ s: \d+ are lost")


def test_a_collector_without_memory_refuses_and_is_named(place: Place) -> None:
    """Its limiter's answer is passed on, with where to look; both sides count what was refused."""
    limiter = {"limit_mib": 1, "spike_limit_mib": 0, "check_interval": "100ms"}
    place.collect(processors={"memory_limiter": limiter})
    place.serve(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{place.host}:4318")
    place.work(10)
    place.hear("^points cannot be delivered .*: 503 .*short of memory")
    own = httpx.get(f"http://{place.host}:8888/metrics").text
    refused = re.findall(r"^otelcol_receiver_refused_metric_points\S* (\S+)", own, re.MULTILINE)
    assert sum(map(float, refused)) > 0
    place.end_service()
    lost = place.heard(r"^points were not delivered for the last \d+ s: (\d+) are lost")
    assert lost
    assert int(lost[1]) > 0


def test_prometheus_without_its_receiver_is_named_by_service_and_doctor(place: Place) -> None:
    """Both say which flag it was not started with."""
    place.store()
    endpoint = f"{place.prometheus_url}/api/v1/otlp/v1/metrics"
    place.serve(OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=endpoint)
    place.work(3)
    place.hear(
        f"^points cannot be delivered to {endpoint}: 404 .*--web.enable-otlp-receiver, or mend"
        " OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"
    )
    with Prometheus(place.prometheus_url) as prometheus:
        wait_for("target that is up", lambda: prometheus.count("up == 1"))
        wait_for(
            "evaluation of all rules without an error",
            lambda: all(rule.health == "ok" for rule in prometheus.rules() or ()),
            saw=prometheus.rules,
        )
    report = observe_undisturbed(place.prometheus_url, partial(examine, config=CONFIG))
    mends = {
        each.diagnosis.mend
        for each in report.findings
        if each.diagnosis and each.diagnosis.cause is Cause.NEVER_SEEN
    }
    assert mends
    assert all(
        "started with --web.enable-otlp-receiver, which it was not" in each for each in mends
    )


def sent(value: float, second: float, *types: str, begun: float | None = None) -> dict[str, Any]:
    """A message of OTLP: commands of these types; what was added since ``begun``, else totals."""

    def attribute(key: str, text: str) -> dict[str, Any]:
        return {"key": key, "value": {"stringValue": text}}

    since = second - 600 if begun is None else begun
    points = [
        {
            "attributes": [
                attribute(catalog.SIDE.key, catalog.WRITE),
                attribute(catalog.COMMAND_TYPE.key, each),
                attribute(catalog.COMMAND_STATUS.key, "success"),
            ],
            "startTimeUnixNano": f"{round(since)}000000000",
            "timeUnixNano": f"{round(second)}000000000",
            "asDouble": value,
        }
        for each in types
    ]
    metric = catalog.COMMAND_TOTAL
    temporality = 2 if begun is None else 1
    total = {"aggregationTemporality": temporality, "isMonotonic": True, "dataPoints": points}
    scope = {
        "scope": {"name": metric.scope},
        "metrics": [{"name": metric.name, "unit": metric.unit, "sum": total}],
    }
    about = [attribute("service.name", "orders"), attribute("service.instance.id", "1")]
    return {"resourceMetrics": [{"resource": {"attributes": about}, "scopeMetrics": [scope]}]}


OLD, NEW = "out of order sample", "duplicate sample for timestamp"


@pytest.mark.parametrize("window", ["0s", "10m"])
def test_points_that_come_late_or_twice_count_once(place: Place, window: str) -> None:
    """With docs/roads.md's window late ones find their place; else they are refused and counted."""
    place.store(
        "--web.enable-otlp-receiver", storage={"tsdb": {"out_of_order_time_window": window}}
    )
    begun = round(time.time()) - 40
    points = {0: 10, 10: 20, 20: 30, 30: 40}
    late = "" if window == "10m" else OLD
    for value, after, refused in (
        (10, 0, ""), (20, 10, ""), (30, 20, ""), (30, 20, ""),
        (20, 10, late), (15, 5, late), (31, 20, NEW), (40, 30, ""), (12, 2, late),
    ):  # fmt: skip
        answer = httpx.post(
            f"{place.prometheus_url}/api/v1/otlp/v1/metrics",
            json=sent(value, begun + after, "PlaceOrder"),
        )
        assert answer.status_code == (400 if refused else 200)
        assert refused in answer.text
    if window == "10m":
        points |= {5: 15, 2: 12}
    with Prometheus(place.prometheus_url) as prometheus:
        ((series),) = prometheus.ask("/api/v1/query", {"query": f"{COMMANDS}[5m]"})["result"]
        stored = [(second - begun, float(value)) for second, value in series["values"]]
        assert stored == sorted(points.items())
        assert prometheus.value(f"resets({COMMANDS}[5m])") == 0
        counted = "prometheus_tsdb_out_of_order_samples_total > 0"
        if late:
            wait_for(counted, lambda: prometheus.count(counted))
        else:
            metric = counted.partition(" ")[0]
            wait_for(metric, lambda: prometheus.count(metric))
            assert not prometheus.count(counted)


def test_the_collector_keeps_the_newest_total_and_adds_a_delta_once(place: Place) -> None:
    """What comes late or twice is dropped, and deltas that are dropped are counted."""
    place.collect()

    def send(*arguments: Any, **options: Any) -> None:
        url = f"http://{place.host}:4318/v1/metrics"
        httpx.post(url, json=sent(*arguments, **options)).raise_for_status()

    now = round(time.time())
    for value, second in ((10, now - 20), (30, now), (30, now), (20, now - 10)):
        send(value, second, "PlaceOrder")
    for value, begun in ((3, now - 20), (4, now - 10), (4, now - 10), (3, now - 20)):
        send(value, begun + 10, "CancelOrder", begun=begun)

    def total(name: str) -> float:
        return place.exposed(f'{COMMANDS}{{.*command_type="{name}"')

    wait_for("CancelOrder among what the collector exports", lambda: total("CancelOrder"))
    time.sleep(2)  # what should not arrive has had its time
    assert (total("PlaceOrder"), total("CancelOrder")) == (30, 7)
    own = httpx.get(f"http://{place.host}:8888/metrics").text
    dropped = re.findall(
        r'^otelcol_deltatocumulative_datapoints\S*\{.*error="[^"]+".*\} (\S+)', own, re.MULTILINE
    )
    assert sum(map(float, dropped)) == 2, own


TYPES = [f"Command{number}" for number in range(10_000)]
MOST_TYPES = 100


def test_ten_thousand_types_are_a_few_series_and_an_alert(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    """A service keeps its names bounded, every command counted, and the alert names the key."""
    place.store("--web.enable-otlp-receiver")
    url = f"{place.prometheus_url}/api/v1/otlp/v1/metrics"
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(url), math.inf)
    provider = MeterProvider([reader], Resource({"service.name": "orders"}), shutdown_on_exit=False)
    telemetry = CqrsTelemetry(meter_provider=provider, max_types=MOST_TYPES)
    with Prometheus(place.prometheus_url) as prometheus:

        def export(times: int) -> None:
            for name in TYPES[:times]:
                with telemetry.command(name):
                    pass
            provider.force_flush()

        export(1)
        export(len(TYPES))
        by_type = count_by([label_name(catalog.COMMAND_TYPE, CONFIG.naming)], COMMANDS)
        assert prometheus.count(by_type) == MOST_TYPES + 1
        assert prometheus.value(f"sum({COMMANDS})") == len(TYPES) + 1
        other = equals(label_name(catalog.COMMAND_TYPE, CONFIG.naming), catalog.OTHER_TYPE)
        assert prometheus.value(f"sum({select(COMMANDS, [other])})") == len(TYPES) - MOST_TYPES
        assert ["_other" in each.getMessage() for each in caplog.records] == [True]

        def alert() -> Rule | None:
            return next(
                (
                    rule for rule in prometheus.rules() or ()
                    if rule.name == "CqrsTypeNameOverflow" and rule.state != "inactive"
                ),
                None,
            )  # fmt: skip

        wait_for("CqrsTypeNameOverflow that is not inactive", alert, saw=prometheus.rules)
    provider.shutdown()


def test_ten_thousand_types_of_another_sender_do_not_break_the_rules(place: Place) -> None:
    """Who bounds nothing is stored as he sends; every rule is still evaluated, without an error."""
    place.store("--web.enable-otlp-receiver")
    url = f"{place.prometheus_url}/api/v1/otlp/v1/metrics"
    now = time.time()
    for value, second in ((1, now - 10), (2, now)):
        httpx.post(url, json=sent(value, second, *TYPES), timeout=60).raise_for_status()
    with Prometheus(place.prometheus_url) as prometheus:
        assert prometheus.count(COMMANDS) == len(TYPES)
        rate = recording.COMMAND_RATE.name
        wait_for(
            f"{rate} of {len(TYPES)} types",
            lambda: prometheus.count(rate) == len(TYPES),
            saw=lambda: prometheus.count(rate),
        )

        def health() -> Counter[str]:
            return Counter(rule.health for rule in prometheus.rules() or ())

        # Groups start at different offsets, and a rule is "unknown" until its first evaluation.
        wait_for("evaluation of all rules", lambda: "unknown" not in health(), saw=health)
        assert health().keys() == {"ok"}
