"""The demo from start to end: one process that starts, watches and ends the others."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sysconfig
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click
import httpx

from cqrs_alerts import recording

from ..telemetry import SERVICE
from . import command_lines
from .command_lines import DemoSettings
from .faults import UnknownFaultError
from .ports import HOST, PortTakenError, choose_ports
from .processes import PartEndedError, Parts, run_to_end
from .prometheus import PrometheusMissingError, configuration, count_series, find_prometheus

START_LIMIT = 30.0  # seconds in which a part has to answer
TABLE_LIMIT = 60.0  # seconds after the start at which the table is printed, complete or not
DOCTOR_PERIOD = 3.0
STATE_FILE = "demo.json"
SCRIPTS = Path(sysconfig.get_path("scripts"))

# The contract's three questions; once these have answers, the doctor can look at the rest.
FIRST_RATES = (
    recording.COMMAND_RATE,
    recording.QUERY_DURATION_P95,
    recording.PROJECTION_LAG_P99,
)


class StoppedError(Exception):
    """Somebody asked the demo to end."""


class StartError(Exception):
    """Something did not come up, or could not be generated."""


DEMO_ERRORS = (
    PartEndedError,
    PortTakenError,
    PrometheusMissingError,
    StartError,
    UnknownFaultError,
)


@dataclass
class Demo:
    """A running demo and what is known of it."""

    settings: DemoSettings
    parts: Parts
    started: float = field(default_factory=time.monotonic)
    stop: threading.Event = field(default_factory=threading.Event)
    urls: dict[str, str] = field(default_factory=dict)
    doctor_status: int | None = None

    def pause(self, seconds: float) -> None:
        """Wait, watching.

        Raises:
            StoppedError: A signal came.
            PartEndedError: A part ended.
        """
        if self.stop.wait(seconds):
            raise StoppedError
        self.parts.check()

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def write_state(self, status: str) -> None:
        """Tell other programs where everything is; replaces the file at once."""
        state = {
            "status": status,
            "pid": os.getpid(),
            "pids": dict(self.parts.pids),
            "urls": self.urls,
            "elapsed_seconds": round(self.elapsed(), 1),
            "doctor_exit_status": self.doctor_status,
        }
        path = self.settings.data / STATE_FILE
        part = path.with_name(f"{STATE_FILE}.part")
        part.write_text(json.dumps(state, indent=2) + "\n")
        part.replace(path)


def run_demo(settings: DemoSettings) -> int:
    """Run until the duration is over or a signal comes.

    Returns 0 when the doctor's table has no empty row.

    Raises:
        PartEndedError: A part ended that should not have.
        StartError: A part did not answer in time, or a generator failed.
        PortTakenError: A port that was asked for is in use.
        PrometheusMissingError: There is none on this machine.
    """
    program = find_prometheus(Path.cwd())
    ports = choose_ports(settings.ports)
    demo = Demo(settings, Parts(_make_logs_folder(settings.data)))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: demo.stop.set())
    click.echo(f"data folder: {settings.data}")
    try:
        demo.write_state("starting")
        _start(demo, program, ports)
        demo.write_state("warming up")
        _wait_for_table(demo)
        demo.write_state("running")
        _announce(demo)
        _wait_for_end(demo)
    except StoppedError:
        if demo.doctor_status is None:
            click.echo("stopped before the table was complete")
            return 1
    finally:
        demo.parts.stop()
        demo.write_state("ended")
        click.echo(f"everything has ended; data and logs are in {settings.data}")
    assert demo.doctor_status is not None  # noqa: S101 - the table came first
    return demo.doctor_status


def _make_logs_folder(data: Path) -> Path:
    # The load would place the same orders again, and each of them would be a conflict.
    if (data / STATE_FILE).exists():
        raise StartError(f"{data} holds an earlier demo; delete it, or choose another with --data")
    logs = data / "logs"
    try:
        logs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(f"cannot make {logs}: {error.strerror}; choose another --data") from error
    return logs


def _start(demo: Demo, program: Path, ports: Mapping[str, int]) -> None:
    data, addresses = demo.settings.data, {name: f"{HOST}:{port}" for name, port in ports.items()}
    rules, dashboards, config = data / "rules", data / "dashboards", data / "prometheus.yml"
    _generate("cqrs-alerts", rules)
    _generate("cqrs-dashboards", dashboards)
    targets = [addresses["service metrics"], addresses["projection metrics"]]
    config.write_text(configuration(rules, targets, addresses["prometheus"]))
    demo.urls = {name: f"http://{address}" for name, address in addresses.items()}
    storage = data / "prometheus"

    demo.parts.start("service", command_lines.serve(demo.settings, ports))
    _wait_for_answer(demo, "service", f"{demo.urls['service']}/health")
    demo.parts.start("projection", command_lines.project(demo.settings, ports))
    prometheus = command_lines.prometheus(program, config, storage, addresses["prometheus"])
    demo.parts.start("prometheus", prometheus)
    _wait_for_answer(demo, "projection", f"{demo.urls['projection metrics']}/metrics")
    _wait_for_answer(demo, "prometheus", f"{demo.urls['prometheus']}/-/ready")
    # A load before the first scrape would be missing from every rate, which needs a start to count
    # from: 0 for the types that a bus knows.
    scraped = f'up{{job="{SERVICE}"}} == 1'
    _wait_until(
        demo,
        lambda: count_series(demo.urls["prometheus"], scraped) == len(targets),
        "Prometheus has not scraped service and projection",
    )
    demo.parts.start("load", command_lines.load(demo.settings, demo.urls["service"]), finite=True)
    preview = command_lines.preview(
        SCRIPTS / "cqrs-dashboards", dashboards, demo.urls["prometheus"], ports["preview"]
    )
    demo.parts.start("preview", preview)
    _wait_for_answer(demo, "preview", demo.urls["preview"])


def _generate(script: str, output: Path) -> None:
    done = _run_script(script, "generate", "--output", str(output))
    if done.returncode != 0:
        raise StartError(f"{script} generate failed:\n{done.stdout}")


def _run_script(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return run_to_end([str(SCRIPTS / script), *arguments], timeout=START_LIMIT)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StartError(f"{script} {' '.join(arguments)}: {error}") from error


def _wait_for_answer(demo: Demo, name: str, url: str) -> None:
    _wait_until(demo, lambda: _answers(url), f"the {name} does not answer at {url}")


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.TransportError:
        return False


def _wait_until(demo: Demo, condition: Callable[[], bool], complaint: str) -> None:
    deadline = time.monotonic() + START_LIMIT
    while not condition():
        if time.monotonic() > deadline:
            raise StartError(f"{complaint} after {START_LIMIT:g} s; see {demo.settings.data}/logs")
        demo.pause(0.1)


def _wait_for_table(demo: Demo) -> None:
    click.echo(f"started after {demo.elapsed():.0f} s; waiting for the first rates")
    prometheus = demo.urls["prometheus"]
    while demo.elapsed() < TABLE_LIMIT and not all(
        count_series(prometheus, rate.name) for rate in FIRST_RATES
    ):
        demo.pause(0.5)
    while True:
        demo.pause(0)
        done = _run_script("cqrs-dashboards", "doctor", "--prometheus", prometheus)
        if done.returncode == 0 or demo.elapsed() >= TABLE_LIMIT:
            break
        demo.pause(DOCTOR_PERIOD)
    click.echo(done.stdout)
    click.echo(f"the table stood after {demo.elapsed():.0f} s")
    demo.doctor_status = done.returncode


def _announce(demo: Demo) -> None:
    for name, url in demo.urls.items():
        click.echo(f"  {name:20}{url}{'/metrics' if name.endswith('metrics') else ''}")
    end = demo.settings.duration
    click.echo(
        "Ctrl-C ends the demo" if end is None else f"the demo ends {end:g} s after its start"
    )


def _wait_for_end(demo: Demo) -> None:
    end = demo.settings.duration
    while end is None or demo.elapsed() < end:
        demo.pause(0.2)
