"""docker-compose.yml on a machine without Docker: read as docker compose reads it, run outside.

Each service gets a loopback address of its own, so that its command runs as written, with the ports
that it has in its container.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from promql_parser import VectorSelector, parse

from cqrs_alerts.config import Config
from cqrs_alerts.config_file import read_config
from cqrs_alerts.naming import label_name, series_name
from cqrs_alerts.rule_files import render_rules
from cqrs_dashboards.bundle import render_all
from cqrs_dashboards.doctor import Report, examine
from cqrs_telemetry import catalog
from cqrs_telemetry.catalog import Metric
from get_servers import read_go_mod
from observations import check_rules
from orders.demo.command_lines import ORDERS
from orders.demo.ports import choose_ports
from orders.demo.prometheus import require_server
from orders.roads.trace_store import read_spans
from orders.telemetry import SERVICE
from servers import SERVERS, pinned_version
from waits import LIMIT, wait_for

ROOT = Path(__file__).parents[2]
COLLECTOR = ROOT / "collector"
# What this machine has; the others' images hold what cannot be had here.
RUNNABLE = ("orders", "projection", "otel-collector", "alertmanager", "prometheus", "load")


def binary(name: str) -> Path:
    """A program of ours; its absence is a failure, because what it judges goes untested."""
    return require_server(name)


def read_yaml(path: Path) -> Any:
    """A document."""
    return yaml.safe_load(path.read_text())


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """Services as docker compose would run them: defaults filled in, paths absolute."""
    command = [binary("compose-spec"), ROOT / "docker-compose.yml"]
    model = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT)
    assert model.returncode == 0, model.stderr
    found: dict[str, Any] = json.loads(model.stdout)["services"]
    return found


def images(services: dict[str, Any]) -> dict[str, str]:
    """Every image that is pulled, to run it or to build on it, with its tag."""
    pulled = [
        each["image"]
        for each in services.values()
        if "build" not in each and each.get("pull_policy") != "never"
    ]
    dockerfiles = [Path(each["build"]["context"]) / (each["build"].get("dockerfile", "Dockerfile"))
                   for each in services.values() if "build" in each]  # fmt: skip
    for path in dockerfiles:
        pulled += re.findall(r"^FROM (\S+)", path.read_text(), re.MULTILINE)
    return dict(image.rsplit(":", 1) for image in pulled)


def test_a_file_that_compose_refuses_is_refused(tmp_path: Path) -> None:
    """The reader that judges our file names what is wrong with another."""
    broken = tmp_path / "docker-compose.yml"
    broken.write_text("services: {a: {image: x, depends_on: [b], prots: [1]}}\n")
    done = subprocess.run(
        [binary("compose-spec"), broken], capture_output=True, text=True, check=False, timeout=LIMIT
    )
    assert done.returncode == 1
    assert "prots" in done.stderr


def test_every_part_of_the_picture_is_a_service(services: dict[str, Any]) -> None:
    """The shop's three processes, and what receives, stores, alerts and shows."""
    assert set(services) == {*RUNNABLE, "tempo", "grafana"}


def test_every_mounted_path_exists(services: dict[str, Any]) -> None:
    """Docker would make a folder in place of a file that is missing; and all are read-only."""
    binds = [
        mount for each in services.values() for mount in each.get("volumes", ())
        if mount["type"] == "bind"
    ]  # fmt: skip
    assert binds
    for mount in binds:
        assert Path(mount["source"]).exists(), mount["source"]
        assert mount["read_only"]


def test_every_port_is_on_loopback(services: dict[str, Any]) -> None:
    """Nothing of a demo is open to the network."""
    ports = [port for each in services.values() for port in each.get("ports", ())]
    assert ports
    assert {port["host_ip"] for port in ports} == {"127.0.0.1"}


def test_every_service_can_change_nothing_but_its_data(services: dict[str, Any]) -> None:
    """Read-only file system, no capabilities, no way to gain some."""
    for name, each in services.items():
        assert each["read_only"], name
        assert each["cap_drop"] == ["ALL"], name
        assert each["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in each, name
        assert each.get("user") != "root", name


def test_nobody_starts_before_what_it_needs_is_healthy(services: dict[str, Any]) -> None:
    """Whoever is waited for has a health check, and only the load goes without."""
    without = {name for name, each in services.items() if "healthcheck" not in each}
    assert without == {"load"}
    for each in services.values():
        for needed in each.get("depends_on", {}).values():
            assert needed["condition"] == "service_healthy"


def test_grafana_has_no_password_to_guess(services: dict[str, Any]) -> None:
    """No account at all, and no visitor is an administrator."""
    settings = services["grafana"]["environment"]
    assert settings["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"
    assert settings["GF_AUTH_DISABLE_LOGIN_FORM"] == "true"
    assert settings["GF_AUTH_ANONYMOUS_ORG_ROLE"] != "Admin"
    everything = (ROOT / "docker-compose.yml").read_text().lower()
    assert "password" not in everything


def test_each_image_of_ours_is_built_by_one_service(services: dict[str, Any]) -> None:
    """Built twice at once, one build of a name could fail; and none is looked for in a registry."""
    built = [each["image"] for each in services.values() if "build" in each]
    used = [each["image"] for each in services.values() if each.get("pull_policy") == "never"]
    assert len(built) == len(set(built)) == 3
    assert set(used) <= set(built)


def test_images_are_pinned_to_what_the_tests_run(services: dict[str, Any]) -> None:
    """Every tag is a whole version; where we have the program, it is the tested one."""
    found = images(services)
    for image, tag in found.items():
        assert re.match(r"v?\d+\.\d+\.\d+", tag), image
    tested = {
        "prom/prometheus": "prometheus",
        "prom/alertmanager": "alertmanager",
        "otel/opentelemetry-collector-contrib": "otelcol",
    }
    for image, name in tested.items():
        server = SERVERS[name]
        assert found[image].lstrip("v") == pinned_version(server, read_go_mod(server)), image


def test_only_one_dashboard_differs_from_the_default_ones(
    services: dict[str, Any], tmp_path: Path
) -> None:
    """What collector/cqrs.yaml changes is mounted over its namesake; all else is the default."""
    config = read_config(COLLECTOR / "cqrs.yaml")
    ours, default = (
        {each["uid"]: each for each in render_all(settings)} for settings in (config, Config())
    )
    changed = {f"{uid}.json" for uid, dashboard in ours.items() if dashboard != default[uid]}
    mounted = {
        Path(mount["target"]).name: Path(mount["source"])
        for mount in services["grafana"]["volumes"]
        if mount["target"].endswith(".json")
    }
    assert set(mounted) == changed
    for name, source in mounted.items():
        assert json.loads(source.read_text()) == ours[name.removesuffix(".json")]
    assert render_rules(config) == render_rules(Config())


def test_every_severity_has_a_receiver_and_no_other() -> None:
    """The values that alerts carry are those that Alertmanager routes by."""
    route = read_yaml(COLLECTOR / "alertmanager.yaml")["route"]
    routed = {matcher for child in route["routes"] for matcher in child["matchers"]}
    severities = Config().severities
    assert routed == {f'severity="{severities.critical}"', f'severity="{severities.info}"'}


def test_grafana_finds_dashboards_where_they_are_mounted(services: dict[str, Any]) -> None:
    """The provider's path is the mount's, and each data source has the uid that others name."""
    mounts = {mount["target"] for mount in services["grafana"]["volumes"]}
    (provider,) = read_yaml(ROOT / "dashboards/provisioning/cqrs.yaml")["providers"]
    assert provider["options"]["path"] in mounts


def test_exemplars_lead_to_traces_and_spans_to_recorded_series() -> None:
    """Both links name data sources that exist; queries name recorded series and their labels."""
    sources = {
        each["type"]: each
        for each in read_yaml(COLLECTOR / "grafana/datasources.yaml")["datasources"]
    }
    (exemplar,) = sources["prometheus"]["jsonData"]["exemplarTraceIdDestinations"]
    assert exemplar["datasourceUid"] == sources["tempo"]["uid"]
    link = sources["tempo"]["jsonData"]["tracesToMetrics"]
    assert link["datasourceUid"] == sources["prometheus"]["uid"]
    tags = {tag["key"]: tag["value"] for tag in link["tags"]}
    naming = Config().naming
    assert tags == {
        "service.name": "job",
        catalog.SPAN_COMMAND_TYPE.key: label_name(catalog.COMMAND_TYPE, naming),
        catalog.SPAN_QUERY_TYPE.key: label_name(catalog.QUERY_TYPE, naming),
        catalog.SPAN_PROJECTION_NAME.key: label_name(catalog.PROJECTION_NAME, naming),
    }
    groups = read_yaml(ROOT / "alerts/generated/recording.yaml")["groups"]
    recorded = {rule["record"] for group in groups for rule in group["rules"]}
    for query in link["queries"]:
        selector = parse(query["query"].replace("$$__tags", 'job="x"'))
        assert isinstance(selector, VectorSelector)
        assert selector.name in recorded
    interval = read_yaml(COLLECTOR / "prometheus.yaml")["global"]["scrape_interval"]
    assert sources["prometheus"]["jsonData"]["timeInterval"] == interval


class Outside:
    """A service's texts, as they read outside its container."""

    def __init__(self, services: dict[str, Any], folder: Path) -> None:
        self.services = services
        network = secrets.randbelow(250) + 2
        self.addresses = {
            name: f"127.{network}.0.{number}" for number, name in enumerate(services, 1)
        }
        self.folder = folder

    def text(self, name: str, text: str) -> str:
        """Hosts become addresses, the container's paths become paths here."""
        found = {
            **{rf"(?<![\w/.]){re.escape(path)}(?![\w.])": str(place)
               for path, place in self._places(name).items()},
            **{rf"(?<![\w.-]){re.escape(other)}(?=:\d)": address
               for other, address in self.addresses.items()},
            r"\b(?:0\.0\.0\.0|127\.0\.0\.1|localhost)\b": self.addresses[name],
        }  # fmt: skip
        # In one pass: what is put in must not be replaced again.
        return re.sub(
            "|".join(f"({pattern})" for pattern in found),
            lambda match: list(found.values())[(match.lastindex or 0) - 1],
            text,
        )

    def command(self, name: str) -> list[str]:
        """What the container runs."""
        service = self.services[name]
        entrypoint = service.get("entrypoint") or [self._program(name)]
        # A program that was put in for the image's lies here already, maybe below /tmp.
        program = str(self._program(name))
        arguments = [*entrypoint, *(service.get("command") or ())]
        command = [
            each if each == program else self.text(name, each.replace("$$", "$"))
            for each in arguments
        ]
        if name in ("prometheus", "alertmanager"):  # in a container the default is as good
            port = service["ports"][0]["target"]
            command.append(f"--web.listen-address={self.addresses[name]}:{port}")
        return command

    def environment(self, name: str) -> dict[str, str]:
        """Of its process."""
        own = self.services[name].get("environment") or {}
        folders = (Path(sys.executable).parent, binary("alertmanager").parent, os.environ["PATH"])
        path = os.pathsep.join(map(str, folders))
        changed = {key: self.text(name, value) for key, value in own.items()}
        return {**os.environ, "PATH": path, **changed}

    def url(self, name: str, port: int) -> str:
        """Where it answers."""
        return f"http://{self.addresses[name]}:{port}"

    def is_healthy(self, name: str) -> bool:
        """Whether its health check would pass: Python as it is, wget's as its address."""
        kind, program, *arguments = self.services[name]["healthcheck"]["test"]
        assert kind == "CMD"
        if program == "wget":
            return answers(self.text(name, arguments[-1]))
        command = [sys.executable, *(self.text(name, each) for each in arguments)]
        return not subprocess.run(
            command, capture_output=True, check=False, timeout=LIMIT
        ).returncode

    def _places(self, name: str) -> dict[str, Path]:
        """Each mounted file is read with its texts replaced; volumes and tmpfs are folders."""
        places = {"/tmp": self.folder / name}  # noqa: S108 - the container's
        for mount in self.services[name].get("volumes", ()):
            if mount["type"] == "volume":
                places[mount["target"]] = self.folder / "volumes" / mount["source"]
            else:
                places[mount["target"]] = self._copy(name, Path(mount["source"]), places)
        for place in places.values():
            if not place.suffix:
                place.mkdir(parents=True, exist_ok=True)
        return {path: places[path] for path in sorted(places, key=len, reverse=True)}

    def _copy(self, name: str, source: Path, places: dict[str, Path]) -> Path:
        if source.is_dir():
            return source
        copy = self.folder / "config" / name / source.name
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.touch()
            # Nothing else is changed: the first rates exist soon.
            hurried = re.sub(r"(?<=_interval: )15s", "2s", source.read_text())
            copy.write_text(self.text(name, hurried))
        return copy

    def _program(self, name: str) -> str:
        if name in SERVERS or name == "otel-collector":
            return str(binary("otelcol" if name == "otel-collector" else name))
        return "orders"


@pytest.fixture(scope="module")
def outside(services: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Outside:
    """The services without their containers."""
    return Outside(services, tmp_path_factory.mktemp("compose"))


@pytest.mark.parametrize(
    ("name", "program", "arguments"),
    [
        ("prometheus", "promtool", ["check", "config", "--lint=all", "--lint-fatal"]),
        ("alertmanager", "amtool", ["check-config"]),
    ],
)
def test_mounted_configuration_is_valid(
    outside: Outside, name: str, program: str, arguments: list[str]
) -> None:
    """The program's own checker takes the file, rules that it names included."""
    command = outside.command(name)
    (config,) = [each.partition("=")[2] for each in command if "config.file=" in each]
    if command[0] == "sh":  # what it does before it becomes the service
        subprocess.run(
            [*command[:2], command[2].partition("&& exec")[0]], check=True, timeout=LIMIT
        )
    done = subprocess.run(
        [binary(program), *arguments, config],
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def answers(url: str) -> bool:
    """Whether a health check that asks an address would pass."""
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.TransportError:
        return False


class Processes:
    """What was started, each with a log; all of it ends together."""

    def __init__(self, folder: Path) -> None:
        self.started: dict[str, subprocess.Popen[bytes]] = {}
        self._folder = folder

    def start(self, name: str, command: Sequence[str | Path], **settings: Any) -> None:
        """Start one, in the folder of all."""
        with (self._folder / f"{name}.log").open("wb") as output:
            self.started[name] = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, cwd=self._folder, **settings
            )

    def check(self) -> None:
        """None has ended."""
        for name, process in self.started.items():
            assert process.poll() is None, (self._folder / f"{name}.log").read_text()

    def end(self) -> None:
        """End all, last first: who is needed by others outlives them."""
        for process in reversed(self.started.values()):
            process.terminate()
            process.wait(LIMIT)


SPANS = "spans.jsonl"


def stand_in_for_tempo(outside: Outside, processes: Processes) -> None:
    """Takes OTLP by gRPC where Tempo would, and keeps the spans."""
    port = choose_ports({"store": None})["store"]
    processes.start("store", [*ORDERS, "keep-traces", f"--port={port}", f"--output={SPANS}"])
    receiver = {"grpc": {"endpoint": f"{outside.addresses['tempo']}:4317"}}
    config = outside.folder / "tempo.yaml"
    config.write_text(yaml.safe_dump({
        "receivers": {"otlp": {"protocols": receiver}},
        "exporters": {"otlp_http": {"endpoint": f"http://127.0.0.1:{port}"}},
        "service": {
            "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["otlp_http"]}},
            "telemetry": {"metrics": {"level": "none"}},
        },
    }))  # fmt: skip
    processes.start("tempo", [binary("otelcol"), f"--config={config}"])


@pytest.fixture(scope="module")
def running(outside: Outside) -> Iterator[Outside]:
    """Every service that this machine has, started in the order that compose would keep."""
    waiting, processes = set(RUNNABLE), Processes(outside.folder)
    try:
        stand_in_for_tempo(outside, processes)

        def all_started() -> bool:
            processes.check()
            for name in sorted(waiting):
                needs = set(outside.services[name].get("depends_on", ())) & set(RUNNABLE)
                if needs <= processes.started.keys() and all(map(outside.is_healthy, needs)):
                    processes.start(name, outside.command(name), env=outside.environment(name))
                    waiting.remove(name)
            return not waiting

        wait_for(
            "start of every service",
            all_started,
            saw=lambda: f"{sorted(waiting)} not yet started, {sorted(processes.started)} started",
            period=0.2,
        )
        yield outside
        processes.check()
    finally:
        processes.end()


def ask(running: Outside, path: str, **parameters: str) -> Any:
    """What the API of Prometheus says."""
    url = f"http://{running.addresses['prometheus']}:9090/api/v1/{path}"
    answer = httpx.get(url, params=parameters).json()
    assert answer["status"] == "success", answer
    return answer["data"]


@pytest.mark.servers
def test_every_command_runs_and_is_scraped(running: Outside) -> None:
    """All that we have the programs of start in order, become healthy, and Prometheus sees them."""
    expected = {
        f"{running.addresses[name]}:{port}"
        for name, ports in {
            "otel-collector": [9464, 8888], "prometheus": [9090], "alertmanager": [9093],
        }.items()
        for port in ports
    }  # fmt: skip

    def up() -> set[str]:
        found = ask(running, "query", query="up == 1")["result"]
        return {series["metric"]["instance"] for series in found}

    wait_for(f"scrape of {expected}", lambda: up() == expected, saw=up, period=0.5)
    status = httpx.get(f"http://{running.addresses['alertmanager']}:9093/api/v2/status").json()
    assert "inhibit_rules:" in status["config"]["original"]


@pytest.mark.servers
def test_every_panel_has_data(running: Outside) -> None:
    """The doctor finds nothing empty on the dashboards that Grafana gets, with the rules loaded."""
    config, url = read_config(COLLECTOR / "cqrs.yaml"), running.url("prometheus", 9090)
    report: Report | None = None

    def complete() -> bool:
        nonlocal report
        report = examine(url, config)
        return report.ok

    wait_for(
        "data in every panel",
        complete,
        saw=lambda: report and [f for f in report.findings if f.status != "ok"],
        period=3,
    )
    assert report
    assert report.findings
    check = check_rules(url, config)
    assert check.ok, [each for each in check.findings if each.status not in ("ok", "idle")]
    # Service and projection are two instances of one job.
    found = ask(running, "query", query=f'target_info{{job="{SERVICE}"}}')["result"]
    assert {series["metric"]["instance"] for series in found} == {"service", "projection"}


@pytest.mark.servers
@pytest.mark.parametrize(
    ("metric", "side"),
    [
        (catalog.COMMAND_DURATION, catalog.WRITE),
        (catalog.QUERY_DURATION, catalog.READ),
        (catalog.PROJECTION_LAG, catalog.PROJECTION),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_an_exemplar_leads_to_its_trace(running: Outside, metric: Metric, side: str) -> None:
    """Each points to a span of its own side, where Tempo would have it."""
    name = series_name(metric, Config().naming, "bucket")
    now = time.time()
    times = {"start": str(now - 600), "end": str(now + 600)}
    found = wait_for(
        f"exemplar of {name}",
        lambda: ask(running, "query_exemplars", query=name, **times),
        period=0.5,
    )
    (exemplar, *_) = found[0]["exemplars"]
    wanted = exemplar["labels"]["trace_id"]

    def behind() -> list[dict[str, Any]]:
        ids = (wanted, exemplar["labels"]["span_id"])
        spans = read_spans(running.folder / SPANS)
        return [span for span in spans if (span["trace_id"], span["span_id"]) == ids]

    # The collector decides some time after the span has ended.
    (span,) = wait_for(
        f"span of the exemplar {exemplar['labels']}",
        behind,
        saw=lambda: f"{len(read_spans(running.folder / SPANS))} other spans",
        period=0.5,
    )
    assert span["attributes"][catalog.SIDE.key] == side
    assert span["resource"]["service.name"] == found[0]["seriesLabels"]["job"]


def dockerfile_steps(path: Path, stage: str) -> list[str]:
    """Instructions of one stage, continued lines joined."""
    text = re.sub(r"\s*\\\n\s*", " ", path.read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    start = next(i for i, line in enumerate(lines) if line.endswith(f" AS {stage}"))
    rest = lines[start + 1 :]
    return rest[: next(i for i, line in enumerate(rest) if line.startswith("FROM "))]


def test_dockerfile_builds_an_orders_that_runs(tmp_path: Path) -> None:
    """Each step works in a clean folder with only what .dockerignore lets in."""
    base, prefix, folder = tmp_path / "base", tmp_path / "prefix", tmp_path / "build"
    folder.mkdir()
    subprocess.run([sys.executable, "-m", "venv", base], check=True, timeout=LIMIT)
    kept = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[0] == "!"
    }
    environment = {**os.environ, "PATH": f"{base / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("VIRTUAL_ENV", None)
    for step in dockerfile_steps(ROOT / "examples/orders/Dockerfile", "build"):
        instruction, _, rest = step.partition(" ")
        if instruction == "ARG":
            environment["PREFIX"] = str(prefix)
        elif instruction == "COPY":
            source, target = rest.split()
            assert source.partition("/")[0] in kept, source
            copy(ROOT / source, folder / target)
        elif instruction == "RUN":
            done = subprocess.run(
                ["sh", "-c", rest], cwd=folder, env=environment, capture_output=True, text=True,
                check=False, timeout=LIMIT,
            )  # fmt: skip
            assert done.returncode == 0, f"{shlex.quote(rest)}\n{done.stderr}"
        else:
            assert instruction == "WORKDIR"
    shutil.rmtree(folder)  # nothing in the image refers to it
    orders = subprocess.run(
        [prefix / "bin/orders", "serve", "--help"], cwd=tmp_path, capture_output=True, text=True,
        check=False, timeout=LIMIT,
    )  # fmt: skip
    assert orders.returncode == 0, orders.stderr
    assert not (prefix / "bin/pytest").exists()


def copy(source: Path, target: Path) -> None:
    """COPY, as Docker does it."""
    if source.is_dir():
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(source, target, ignore=ignored)
    else:
        shutil.copy2(source, folder_of(target, source))


def folder_of(target: Path, source: Path) -> Path:
    """A file that goes to a folder keeps its name."""
    return target / source.name if target.is_dir() else target
