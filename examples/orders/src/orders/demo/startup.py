"""Starting the demo: files are generated, then each part comes up before those that need it."""

from __future__ import annotations

import subprocess
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import httpx

from cqrs_alerts.config_file import ConfigError, read_config
from cqrs_alerts.inhibitions import INHIBITIONS_FILE

from .. import collector
from ..telemetry import SERVICE
from . import alertmanager, command_lines, trace_path
from .ports import HOST, choose_host
from .processes import run_to_end
from .prometheus import (
    SCRAPE_INTERVAL,
    configuration,
    count_series,
    find_server,
    require_server,
)
from .running import START_LIMIT, Demo, StartError

CONFIGURATION, RULES = "prometheus.yml", "rules"
SCRIPTS = Path(sysconfig.get_path("scripts"))


def start_all(demo: Demo, program: Path, ports: Mapping[str, int]) -> None:
    """Start every part; ``program`` is Prometheus.

    Raises:
        StartError: A part did not answer in time, or a generator failed.
    """
    data, addresses = demo.settings.data, {name: f"{HOST}:{port}" for name, port in ports.items()}
    rules, dashboards, config = data / RULES, data / "dashboards", data / CONFIGURATION
    generate_rules(demo, demo.settings.config)
    if demo.settings.dashboards:
        _generate("cqrs-dashboards", dashboards, demo.settings.config)
    else:
        del addresses["preview"]
    pager = find_server("alertmanager")
    if not pager:
        del addresses["alertmanager"], addresses["receiver"]
    if demo.settings.collector:
        addresses["collector metrics"] = f"{choose_host()}:{collector.METRICS_PORT}"
    else:
        del addresses["traces"]
    targets = [addresses["service metrics"], addresses["projection metrics"]]
    config.write_text(
        configuration(
            rules,
            targets,
            addresses["prometheus"],
            addresses.get("alertmanager"),
            collector=addresses.get("collector metrics"),
            interval=_scrape_interval(demo),
        )
    )
    demo.urls = {name: f"http://{address}" for name, address in addresses.items()}
    storage = data / "prometheus"

    environment = _start_trace_path(demo, ports) if demo.settings.collector else None
    serve = command_lines.serve(demo.settings, ports)
    demo.parts.start("service", serve, environment=environment)
    _wait_for_answer(demo, "service", f"{demo.urls['service']}/health")
    project = command_lines.project(demo.settings, ports)
    demo.parts.start("projection", project, environment=environment)
    prometheus = command_lines.prometheus(program, config, storage, addresses["prometheus"])
    demo.parts.start("prometheus", prometheus)
    if pager:
        _start_alertmanager(demo, pager, ports, rules)
    _wait_for_answer(demo, "projection", f"{demo.urls['projection metrics']}/metrics")
    _wait_for_answer(demo, "prometheus", f"{demo.urls['prometheus']}/-/ready")
    # A load before the first scrape would be missing from every rate, which needs a start to count
    # from: 0 for the types that a bus knows.
    scraped = f'up{{job="{SERVICE}"}} == 1'
    demo.wait_until(
        lambda: count_series(demo.urls["prometheus"], scraped) == len(targets),
        "Prometheus has not scraped service and projection",
    )
    demo.parts.start("load", command_lines.load(demo.settings, demo.urls["service"]), finite=True)
    demo.load_began = demo.elapsed()
    if demo.settings.dashboards:
        preview = command_lines.preview(
            SCRIPTS / "cqrs-dashboards", dashboards, demo.urls["prometheus"], ports["preview"]
        )
        demo.parts.start("preview", preview)
        _wait_for_answer(demo, "preview", demo.urls["preview"])


def _scrape_interval(demo: Demo) -> str:
    path = demo.settings.config
    try:
        return read_config(path).scrape_interval if path else SCRAPE_INTERVAL
    except ConfigError as error:
        raise StartError(str(error)) from error


def _start_alertmanager(demo: Demo, program: Path, ports: Mapping[str, int], rules: Path) -> None:
    config = demo.settings.data / "alertmanager.yml"
    config.write_text(
        alertmanager.configuration(f"{demo.urls['receiver']}/", rules / INHIBITIONS_FILE)
    )
    demo.parts.start("receiver", command_lines.receive(demo.settings, ports["receiver"]))
    _wait_for_answer(demo, "receiver", f"{demo.urls['receiver']}/health")
    address = f"{HOST}:{ports['alertmanager']}"
    storage = demo.settings.data / "alertmanager"
    command = command_lines.alertmanager(program, config, storage, address)
    demo.parts.start("alertmanager", command)
    _wait_for_answer(demo, "alertmanager", f"{demo.urls['alertmanager']}/-/ready")


def _start_trace_path(demo: Demo, ports: Mapping[str, int]) -> Mapping[str, str]:
    """Start collector and store; returns the variables of those that send to it."""
    program = require_server("otelcol")
    host = httpx.URL(demo.urls["collector metrics"]).host
    overlay = demo.settings.data / trace_path.OVERLAY
    overlay.write_text(trace_path.overlay(demo.urls["traces"]))
    demo.parts.start("traces", command_lines.keep_traces(demo.settings, ports["traces"]))
    _wait_for_answer(demo, "store of traces", f"{demo.urls['traces']}/health")
    environment = trace_path.collector_environment(host)
    demo.parts.start("collector", collector.command(program, overlay), environment=environment)
    _wait_for_answer(demo, "collector", f"http://{host}:{collector.HEALTH_PORT}")
    return trace_path.shop_environment(host)


def _wait_for_answer(demo: Demo, name: str, url: str) -> None:
    demo.wait_until(lambda: _answers(url), f"the {name} does not answer at {url}")


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.TransportError:
        return False


def generate_rules(demo: Demo, config: Path | None) -> None:
    """Write the rules of a configuration, or of the defaults, where Prometheus looks for them.

    Raises:
        StartError: They cannot be generated.
    """
    _generate("cqrs-alerts", demo.settings.data / RULES, config)


def config_option(config: Path | None) -> list[str]:
    """The option of this project's commands for a configuration; none for the defaults."""
    return [f"--config={config}"] if config else []


def _generate(script: str, output: Path, config: Path | None) -> None:
    done = run_script(script, "generate", "--output", str(output), *config_option(config))
    if done.returncode != 0:
        raise StartError(f"{script} generate failed:\n{done.stdout}")


def run_script(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of this project to its end.

    Raises:
        StartError: It cannot be run, or takes too long.
    """
    try:
        return run_to_end([str(SCRIPTS / script), *arguments], timeout=START_LIMIT)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StartError(f"{script} {' '.join(arguments)}: {error}") from error
