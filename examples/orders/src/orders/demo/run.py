"""The demo from start to end: one process that starts, watches and ends the others."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click
import httpx

from cqrs_alerts import recording

from .faults import UnknownFaultError
from .ports import HOST, PortTakenError, choose_ports
from .processes import PartEndedError, Parts, run_to_end
from .prometheus import (
    PrometheusMissingError,
    command_line,
    configuration,
    count_series,
    find_prometheus,
)

START_LIMIT = 30.0  # seconds in which a part has to answer
TABLE_LIMIT = 60.0  # seconds after the start at which the table is printed, complete or not
DOCTOR_PERIOD = 3.0
STATE_FILE = "demo.json"
SCRIPTS = Path(sysconfig.get_path("scripts"))
ORDERS = (sys.executable, "-m", "orders")
PORTS = ("service", "service metrics", "projection metrics", "prometheus")

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


@dataclass(frozen=True)
class DemoSettings:
    """What a user can choose; ``duration`` in seconds from the start, None for ever."""

    data: Path
    seed: int
    rate: float
    duration: float | None
    spans: bool
    ports: Mapping[str, int | None]


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
    logs = settings.data / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    demo = Demo(settings, Parts(logs))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: demo.stop.set())
    click.echo(f"data folder: {settings.data}")
    try:
        demo.write_state("starting")
        _start(demo, program, ports)
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


def _start(demo: Demo, program: Path, ports: Mapping[str, int]) -> None:
    data, addresses = demo.settings.data, {name: f"{HOST}:{port}" for name, port in ports.items()}
    rules, dashboards, config = data / "rules", data / "dashboards", data / "prometheus.yml"
    _generate("cqrs-alerts", rules)
    _generate("cqrs-dashboards", dashboards)
    targets = [addresses["service metrics"], addresses["projection metrics"]]
    config.write_text(configuration(rules, targets, addresses["prometheus"]))
    demo.urls = {name: f"http://{address}" for name, address in addresses.items()}
    storage = data / "prometheus"

    demo.parts.start("service", _serve(demo.settings, ports))
    _wait_for_answer(demo, "service", f"{demo.urls['service']}/health")
    demo.parts.start("projection", _project(demo.settings, ports))
    prometheus = command_line(program, config, storage, addresses["prometheus"])
    demo.parts.start("prometheus", prometheus)
    _wait_for_answer(demo, "projection", f"{demo.urls['projection metrics']}/metrics")
    _wait_for_answer(demo, "prometheus", f"{demo.urls['prometheus']}/-/ready")
    demo.parts.start("load", _load(demo.settings, demo.urls["service"]), finite=True)


def _serve(settings: DemoSettings, ports: Mapping[str, int]) -> list[str]:
    return [
        *ORDERS,
        "serve",
        f"--data={settings.data}",
        f"--port={ports['service']}",
        f"--metrics-port={ports['service metrics']}",
        *_spans(settings, "service"),
    ]


def _project(settings: DemoSettings, ports: Mapping[str, int]) -> list[str]:
    return [
        *ORDERS,
        "project",
        f"--data={settings.data}",
        f"--metrics-port={ports['projection metrics']}",
        *_spans(settings, "projection"),
    ]


def _load(settings: DemoSettings, url: str) -> list[str]:
    return [
        *ORDERS,
        "load",
        f"--url={url}",
        f"--seed={settings.seed}",
        f"--rate={settings.rate}",
        f"--tally={settings.data / 'tally.json'}",
    ]


def _spans(settings: DemoSettings, part: str) -> list[str]:
    return [f"--spans={settings.data / f'spans-{part}.jsonl'}"] if settings.spans else []


def _generate(script: str, output: Path) -> None:
    command = [str(SCRIPTS / script), "generate", "--output", str(output)]
    try:
        done = run_to_end(command, timeout=START_LIMIT)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StartError(f"{' '.join(command)}: {error}") from error
    if done.returncode != 0:
        raise StartError(f"{' '.join(command)} failed:\n{done.stdout}")


def _wait_for_answer(demo: Demo, name: str, url: str) -> None:
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline:
        demo.pause(0.1)
        try:
            if httpx.get(url, timeout=2).is_success:
                return
        except httpx.TransportError:
            continue
    raise StartError(f"the {name} does not answer at {url} after {START_LIMIT:g} s")


def _wait_for_table(demo: Demo) -> None:
    click.echo(f"started after {demo.elapsed():.0f} s; waiting for the first rates")
    prometheus = demo.urls["prometheus"]
    while demo.elapsed() < TABLE_LIMIT and not all(
        count_series(prometheus, rate.name) for rate in FIRST_RATES
    ):
        demo.pause(0.5)
    doctor = [str(SCRIPTS / "cqrs-dashboards"), "doctor", "--prometheus", prometheus]
    while True:
        demo.pause(0)
        done = run_to_end(doctor, timeout=START_LIMIT)
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
