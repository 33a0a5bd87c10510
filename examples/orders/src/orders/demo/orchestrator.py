"""The demo from start to end: one process that starts, watches and ends the others."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import click

from cqrs_alerts import recording

from .. import rebuild
from ..collector import NoCollectorFilesError
from ..faults.registry import UnknownFaultError
from ..projection import StockProjection
from . import surroundings
from .command_lines import DemoSettings
from .ports import PortTakenError, choose_ports
from .processes import PartEndedError, Parts
from .prometheus import ServerMissingError, count_series, require_server
from .running import STATE_FILE, DataLimitError, Demo, StartError, StoppedError
from .startup import config_option, run_script, start_all

TABLE_LIMIT = 60.0  # seconds after the start at which the table is printed, complete or not
DOCTOR_PERIOD = 3.0
REBUILD_AFTER = 12.0  # seconds of load, so that there is something to replay
REBUILD_PACE = 20.0  # events per second: slow enough to be seen by several scrapes

# The contract's three questions; once these have answers, the doctor can look at the rest.
FIRST_RATES = (
    recording.COMMAND_RATE,
    recording.QUERY_DURATION_P95,
    recording.PROJECTION_LAG_P99,
)

# What to look at, most telling first, by the part that answers. Prometheus and Alertmanager may be
# built without their web pages.
PAGES = {
    "preview": "",
    "prometheus": "/api/v1/alerts",
    "alertmanager": "/api/v2/alerts",
    "service": "/queries/ListOrders?limit=5",
    "service metrics": "/metrics",
    "projection metrics": "/metrics",
    "collector metrics": "/metrics",
}

DEMO_ERRORS = (
    DataLimitError,
    NoCollectorFilesError,
    PartEndedError,
    PortTakenError,
    ServerMissingError,
    StartError,
    UnknownFaultError,
)


def run_demo(settings: DemoSettings) -> int:
    """Run until the duration is over or a signal comes.

    Returns 0 when the doctor's table has no empty row.

    Raises:
        PartEndedError: A part ended that should not have.
        StartError: A part did not answer in time, or a generator failed.
        PortTakenError: A port that was asked for is in use.
        ServerMissingError: There is none on this machine.
        NoCollectorFilesError: The fault needs the collector, whose configuration is not here.
        DataLimitError: The data folder holds more than it may.
    """
    program = require_server("prometheus")
    ports = choose_ports(settings.ports)
    demo = Demo(settings, Parts(_make_logs_folder(settings.data)))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: demo.stop.set())
    click.echo(f"data folder: {settings.data}")
    try:
        demo.write_state("starting")
        start_all(demo, program, ports)
        demo.write_state("warming up")
        if settings.fault is None:
            _rebuild_a_view(demo)
        demo.doctor_status = _wait_for_table(demo) if settings.dashboards else 0
        demo.write_state("running")
        _announce(demo)
        _wait_for_end(demo)
    except StoppedError:
        if demo.doctor_status is None:
            click.echo("stopped before the table was complete")
            return 1
    finally:
        demo.parts.stop()
        demo.held.close()
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


def _rebuild_a_view(demo: Demo) -> None:
    """Healthy shops do that, too: nobody may be told of it, and dashboards have to show it."""
    while demo.elapsed() < demo.load_began + REBUILD_AFTER:
        demo.pause(0.1)
    rebuild.ask(demo.settings.data, StockProjection.name, REBUILD_PACE)


def _wait_for_table(demo: Demo) -> int:
    click.echo(f"started after {demo.elapsed():.0f} s; waiting for the first rates")
    prometheus = demo.urls["prometheus"]
    while demo.elapsed() < TABLE_LIMIT and not all(
        count_series(prometheus, rate.name) for rate in FIRST_RATES
    ):
        demo.pause(0.5)
    verbose = ["--verbose"] if demo.settings.verbose else []
    while True:
        demo.pause(0)
        options = [*config_option(demo.settings.config), *verbose]
        done = run_script("cqrs-dashboards", "doctor", "--prometheus", prometheus, *options)
        if done.returncode == 0 or demo.elapsed() >= TABLE_LIMIT:
            break
        demo.pause(DOCTOR_PERIOD)
    click.echo(done.stdout.rstrip())
    click.echo(f"so much was known after {demo.elapsed():.0f} s")
    return done.returncode


def _announce(demo: Demo) -> None:
    for name, page in PAGES.items():
        if url := demo.urls.get(name):
            click.echo(f"  {name:20}{url}{page}")
    end = demo.settings.duration
    click.echo(
        "Ctrl-C ends the demo" if end is None else f"the demo ends {end:g} s after its start"
    )
    if fault := demo.settings.fault:
        due = max(demo.fault_due(), demo.elapsed())
        click.echo(f"{fault.name} begins {due:.0f} s after the start: {fault.does}")


def _wait_for_end(demo: Demo) -> None:
    end = demo.settings.duration
    while end is None or demo.elapsed() < end:
        demo.pause(0.2)
        if demo.fault_began is None and demo.elapsed() >= demo.fault_due():
            _begin_fault(demo)


def _begin_fault(demo: Demo) -> None:
    demo.fault_began = time.time()
    if fault := demo.settings.fault:
        if fault.signal is None:
            surroundings.begin(demo, fault.name)
        else:
            for part in (fault.part, *fault.also):
                demo.parts.send(part, fault.signal, ends=fault.ends)
        click.echo(f"{time.strftime('%H:%M:%S')} {fault.name} begins: {fault.does}")
        for alert in fault.alerts:
            click.echo(f"  will fire: {alert.name}")
    demo.write_state("running")
