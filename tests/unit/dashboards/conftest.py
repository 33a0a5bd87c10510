"""The generated dashboards, and real Prometheus servers in every state that the doctor knows."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import pytest
import yaml
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import Metric

from cqrs_alerts import recording
from cqrs_alerts.config import Config
from cqrs_alerts.naming import series_name
from cqrs_alerts.promql import duration_seconds, equals
from cqrs_alerts.rule_files import RECORDING_FILE, render_rules
from cqrs_alerts.windows import RATE_WINDOW
from cqrs_dashboards.bundle import dashboards, render
from cqrs_telemetry import (
    CqrsTelemetry,
    InstrumentedCommandBus,
    InstrumentedProjectionHandler,
    catalog,
)
from orders.demo.ports import choose_ports
from waits import LIMIT, wait_for

Json = dict[str, Any]
Rules = dict[str, str]

ROOT = Path(__file__).parents[3]
JOB = "orders"
# Many to many: Prometheus loads this and fails to evaluate it.
_FAILING = " * on () ".join(
    ['(label_replace(vector(1), "x", "1", "", "") or label_replace(vector(1), "x", "2", "", ""))']
    * 2
)


class RefusedError(Exception):
    """The domain says no."""


def program(name: str) -> Path:
    """A server program that ``make tools`` gets; its absence fails the test, it never skips."""
    path = ROOT / ".tools" / "bin" / name
    if not path.is_file():
        pytest.fail(f"{path} is missing; run `make tools`")
    return path


@dataclass(frozen=True)
class Server:
    """A running Prometheus."""

    url: str
    log: Path

    def ask(self, path: str, **parameters: str) -> Any:
        """The data of an API answer, None while there is none."""
        try:
            answer = httpx.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=10)
            return answer.json()["data"]
        except (httpx.TransportError, ValueError, KeyError):
            return None

    def has(self, expression: str) -> bool:
        """Whether an expression has a value."""
        data = self.ask("query", query=expression)
        return bool(data and data["result"])

    def wait(
        self, what: str, condition: Callable[[], bool], saw: Callable[[], object] | None = None
    ) -> None:
        """Wait until a condition holds; by default a failure shows the end of the server's log."""
        wait_for(f"{what} at {self.url}", condition, saw=saw or self._end_of_log)

    def _end_of_log(self) -> str:
        return self.log.read_text()[-2000:]

    def wait_for(self, *expressions: str) -> None:
        """Wait until every expression has a value."""
        for expression in expressions:
            self.wait(expression, partial(self.has, expression))

    def wait_for_evaluation(self) -> None:
        """Wait until every loaded rule has been evaluated."""

        def health() -> dict[str, str]:
            data = self.ask("rules") or {"groups": []}
            rules = [rule for group in data["groups"] for rule in group["rules"]]
            return {f"{rule['name']} {rule.get('labels')}": rule["health"] for rule in rules}

        def evaluated() -> bool:
            found = health().values()
            return bool(found) and "unknown" not in found

        self.wait("evaluation of all rules", evaluated, saw=health)


Servers = Callable[[str], Server]


@contextmanager
def running_prometheus(
    folder: Path,
    rules: Mapping[str, str],
    targets: Sequence[int],
    relabel: Sequence[Mapping[str, Any]] = (),
    itself: bool = False,
) -> Iterator[Server]:
    """Prometheus with these rule files, scraping these ports, and perhaps itself, every second.

    ``folder`` may hold blocks of samples under ``data``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in rules.items():
        (folder / name).write_text(text)
    scrape = {
        "job_name": JOB,
        "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in targets]}],
        "metric_relabel_configs": list(relabel),
    }
    address = f"127.0.0.1:{choose_ports({'prometheus': None})['prometheus']}"
    own = {"job_name": "prometheus", "static_configs": [{"targets": [address]}]}
    document = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(folder / name) for name in rules],
        "scrape_configs": [*([scrape] if targets else []), *([own] if itself else [])],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(document))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [
                program("prometheus"),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        yield Server(f"http://{address}", folder / "log")
    finally:
        process.terminate()
        process.wait(LIMIT)


def backfill(folder: Path, samples: str) -> None:
    """Put samples in OpenMetrics text into a server's storage before it starts."""
    text = folder / "samples.txt"
    text.parent.mkdir(parents=True, exist_ok=True)
    text.write_text(f"{samples}# EOF\n")
    subprocess.run(
        [program("promtool"), "tsdb", "create-blocks-from", "openmetrics", text, folder / "data"],
        check=True,
        capture_output=True,
        timeout=LIMIT,
    )


@contextmanager
def running_exporter(
    messages: Callable[[CqrsTelemetry], None] | None,
    *,
    everything: bool = False,
    projection: bool = True,
) -> Iterator[int]:
    """A service on the real SDK and exporter; yields its port.

    ``messages`` is called again and again, None means a service that handles nothing.
    ``everything`` adds the metrics that are rarely measured; without ``projection`` the service
    has no projection handler.
    """
    registry = CollectorRegistry()
    provider = MeterProvider([PrometheusMetricReader(registry=registry)])
    observe = measure(provider) if everything else []
    telemetry = CqrsTelemetry(meter_provider=provider, rejections=[RefusedError])
    InstrumentedCommandBus({"PlaceOrder": print}, telemetry=telemetry)
    handler = projection and InstrumentedProjectionHandler("orders", None, telemetry=telemetry)
    stopped = Event()

    def handle() -> None:
        while messages and not stopped.wait(0.02):
            messages(telemetry)
            for each in observe:
                each()

    handling = Thread(target=handle)
    handling.start()
    try:
        with serving(registry) as port:
            yield port
    finally:
        stopped.set()
        handling.join(LIMIT)
        del handler  # it was to live that long
        provider.shutdown()


# What a shop as small as this one has no occasion for, at levels that are nothing to worry about.
RARELY_MEASURED = {
    catalog.PROJECTION_PENDING: 1, catalog.PROJECTION_STALENESS: 20,
    catalog.PROJECTION_REBUILDING: 0, catalog.PROJECTION_REBUILD_TARGET: 100,
    catalog.PROJECTION_REBUILD_APPLIED: 100, catalog.QUERY_WAIT: 20,
    catalog.AGGREGATE_LOAD_EVENTS: 3, catalog.AGGREGATE_CONFLICTS: 0, catalog.AGGREGATE_RETRIES: 0,
}  # fmt: skip


def measure(provider: MeterProvider) -> list[Callable[[], None]]:
    """Every metric of RARELY_MEASURED, with the first value of each attribute; what to repeat."""
    observe = list[Callable[[], None]]()
    for metric, value in RARELY_MEASURED.items():
        meter = provider.get_meter(metric.scope)
        labels = {a.key: (a.values or ("orders",))[0] for a in metric.attributes}
        labels[catalog.SIDE.key] = metric.scope.removeprefix("cqrs.")
        if metric.kind == "histogram":
            histogram = meter.create_histogram(
                metric.name, metric.unit, explicit_bucket_boundaries_advisory=metric.bounds
            )
            observe.append(partial(histogram.record, value, labels))
        elif metric.kind == "gauge":
            meter.create_gauge(metric.name, metric.unit).set(value, labels)
        elif metric.kind == "up_down_counter":
            meter.create_up_down_counter(metric.name, metric.unit).add(value, labels)
        else:
            meter.create_counter(metric.name, metric.unit).add(value, labels)
    return observe


class OrderPlaced:
    """A domain event, made ``ahead`` seconds from now."""

    aggregate_id = "order-1"

    def __init__(self, ahead: float = 0) -> None:
        self.timestamp = time.time() + ahead


def shop(telemetry: CqrsTelemetry) -> None:
    """One message of every kind and outcome, and one event from the future."""
    expected = (RefusedError, LookupError)
    for failure in (None, RefusedError(), LookupError()):
        with suppress(*expected), telemetry.command("PlaceOrder") as command:
            command.produced([OrderPlaced()])
            if failure:
                raise failure
        with suppress(*expected), telemetry.query("FindOrders") as query:
            query.returned([] if failure else ["order"])
            if failure:
                raise failure
        with suppress(*expected), telemetry.projection("orders", OrderPlaced()):
            if failure:
                raise failure
    with telemetry.projection("orders", OrderPlaced(ahead=60)):
        pass


def write_only(telemetry: CqrsTelemetry) -> None:
    """A command that produces an event."""
    with telemetry.command("PlaceOrder") as command:
        command.produced([OrderPlaced()])


def shop_without_timestamps(telemetry: CqrsTelemetry) -> None:
    """A message of every kind, with an event that does not say when it was created."""
    write_only(telemetry)
    with telemetry.query("FindOrders") as query:
        query.returned(["order"])
    with telemetry.projection("orders", {"type": "OrderPlaced"}):
        pass


def edit_rules(rules: Rules, edit: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Rules:
    """Recording rules with each of them changed, or left out for None."""
    document = yaml.safe_load(rules[RECORDING_FILE])
    for group in document["groups"]:
        group["rules"] = [each for each in map(edit, group["rules"]) if each]
    return {**rules, RECORDING_FILE: yaml.safe_dump(document)}


def partly_broken(rule: dict[str, Any]) -> dict[str, Any] | None:
    """Without the rule for events, and with one that fails."""
    if rule["record"] == recording.EVENTS_PRODUCED_RATE.name:
        return None
    if rule["record"] == recording.QUERY_RATE.name:
        return {**rule, "expr": _FAILING}
    return rule


def history() -> str:
    """Commands that were scraped once just now, and queries that were reported half an hour ago."""
    naming, now = Config().naming, int(time.time())
    commands = series_name(catalog.COMMAND_TOTAL, naming)
    queries = series_name(catalog.QUERY_TOTAL, naming)
    earlier = [f'{queries}{{job="{JOB}"}} 1 {now - 1800 + n * 30}' for n in range(3)]
    return "\n".join([*earlier, f'{commands}{{job="{JOB}"}} 1 {now - 20}', ""])


class ReportedBefore:
    """Metrics whose samples are always of before a rate's window."""

    def __init__(self, *metrics: catalog.Metric) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        """The samples with their time, as an exporter may give it."""
        then = time.time() - duration_seconds(RATE_WINDOW) - 30
        for each in self._metrics:
            name = series_name(each, Config().naming)
            metric = Metric(name, each.description, "unknown")
            metric.add_sample(name, {}, 1, then)
            yield metric


@contextmanager
def serving(registry: CollectorRegistry) -> Iterator[int]:
    """Metrics over HTTP on a port of their own."""
    port = choose_ports({"service": None})["service"]
    server, thread = start_http_server(port, "127.0.0.1", registry)
    try:
        yield port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(LIMIT)


@pytest.fixture(scope="session")
def rendered() -> list[Json]:
    """All dashboards of the default configuration, as JSON."""
    return [render(dashboard) for dashboard in dashboards(Config())]


@pytest.fixture(scope="session")
def elsewhere() -> Config:
    """A configuration whose selector no target matches."""
    return Config(selector=(equals("namespace", "elsewhere"),))


# Per module, and each when it is first asked for: what evaluates every rule once a second would
# otherwise slow down all the tests that follow.
@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory, elsewhere: Config) -> Iterator[Servers]:
    """A server per state; each test waits for its own."""
    rules = render_rules(Config())
    folder = tmp_path_factory.mktemp("servers")
    without_unit = {
        "source_labels": ["__name__"],
        "regex": "(cqrs_.+)_milliseconds(_.+)",
        "target_label": "__name__",
        "replacement": "$1$2",
    }
    with ExitStack() as stack:
        busy = stack.enter_context(running_exporter(shop, everything=True))

        @cache
        def start(state: str) -> Server:
            def run(
                rules: Rules,
                *targets: int,
                relabel: Sequence[Mapping[str, Any]] = (),
                itself: bool = False,
            ) -> Server:
                return stack.enter_context(
                    running_prometheus(folder / state, rules, targets, relabel, itself)
                )

            match state:
                case "healthy":
                    return run(rules, busy, itself=True)
                case "without rules":
                    return run({}, busy)
                case "other naming":
                    return run(rules, busy, relabel=[without_unit])
                case "not instrumented":  # a Prometheus is a target that knows nothing of commands
                    return run(rules, int(start("healthy").url.rpartition(":")[2]))
                case "quiet":
                    quiet = stack.enter_context(running_exporter(None))
                    return run(edit_rules(rules, partly_broken), quiet)
                case "target down":
                    return run(rules, choose_ports({"nobody": None})["nobody"])
                case "excluded":
                    return run(render_rules(elsewhere), busy)
                case "other labels":
                    return run(render_rules(Config(group_labels=("region", "job"))), busy)
                case "two configurations":
                    others = {
                        f"other-{name}": text for name, text in render_rules(elsewhere).items()
                    }
                    return run({**rules, **others}, busy)
                case "write side only" | "events not applied":
                    projection = state == "events not applied"
                    past = CollectorRegistry()
                    past.register(
                        ReportedBefore(
                            catalog.COMMAND_TOTAL, catalog.EVENTS_PRODUCED,
                            *([catalog.PROJECTION_HANDLERS] if projection else []),
                        )
                    )  # fmt: skip
                    services = (running_exporter(write_only, projection=projection), serving(past))
                    return run(rules, *map(stack.enter_context, services))
                case "without timestamps":
                    service = running_exporter(shop_without_timestamps)
                    return run(rules, stack.enter_context(service), itself=True)
                case "history":
                    backfill(folder / state, history())
                    return run(rules)
            raise KeyError(state)

        yield start
