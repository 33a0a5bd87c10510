"""The demo's commands: all processes together, all faults in turn, and who is told of alerts."""

from __future__ import annotations

import time
from pathlib import Path

import click

_PORT = click.IntRange(0, 65_535)
_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.option(
    "--data",
    type=_FOLDER,
    envvar="DEMO_DATA",
    help="Folder for everything the demo writes.  [default: .demo/<time of start>]",
)
@click.option("--seed", type=int, default=7, show_default=True, envvar="SEED", help="Of the load.")
@click.option(
    "--rate",
    type=click.FloatRange(0, min_open=True),
    default=40,
    show_default=True,
    envvar="RATE",
    help="Messages per second of the load.",
)
@click.option(
    "--duration",
    type=click.FloatRange(0, min_open=True),
    envvar="DURATION",
    help="Seconds from the start; until Ctrl-C when not given.",
)
@click.option("--fault", envvar="FAULT", help="Break something on purpose; see README.md.")
@click.option(
    "--fault-after",
    type=click.FloatRange(0),
    envvar="FAULT_AFTER",
    help="Seconds of load; by default as many as the fault's alerts need of a healthy past.",
)
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Settings of rules and dashboards, see cqrs-alerts example; with a fault, by default"
    " those in which its alerts fire within minutes.",
)
@click.option(
    "--spans/--no-spans",
    default=True,
    envvar="SPANS",
    help="Trace; spans go to files in the data folder, one JSON object a line.",
)
@click.option(
    "--dashboards/--no-dashboards",
    default=True,
    help="Let the doctor look at the dashboards, and serve their preview.",
)
@click.option(
    "--max-data",
    type=click.FloatRange(0, min_open=True),
    default=2,
    show_default=True,
    envvar="MAX_DATA",
    help="Gigabytes that the data folder may hold; the demo ends when it holds more.",
)
@click.option(
    "--verbose", "-v", is_flag=True, envvar="VERBOSE", help="Every row of the doctor's table."
)
@click.option("--service-port", type=_PORT, envvar="SERVICE_PORT", help="A free one by default.")
@click.option("--prometheus-port", type=_PORT, envvar="PROMETHEUS_PORT", help="Likewise.")
def demo(
    data: Path | None,
    seed: int,
    rate: float,
    duration: float | None,
    fault: str | None,
    fault_after: float | None,
    config: Path | None,
    spans: bool,
    dashboards: bool,
    max_data: float,
    verbose: bool,
    service_port: int | None,
    prometheus_port: int | None,
) -> None:
    """Run everything: service, projection, load and Prometheus with rules and dashboards.

    With Alertmanager too, when there is one on PATH.
    """
    from ..faults.registry import fault_named
    from .command_lines import PORTS, DemoSettings
    from .orchestrator import DEMO_ERRORS, run_demo

    ports = dict.fromkeys(PORTS) | {"service": service_port, "prometheus": prometheus_port}
    data = (data or Path(".demo") / time.strftime("%Y%m%d-%H%M%S")).absolute()
    try:
        broken = fault_named(fault)
        settings = DemoSettings(
            data, seed, rate, duration, spans, ports, max_data, config, dashboards, verbose
        )
        if broken:
            settings = settings.with_fault(broken, fault_after)
        status = run_demo(settings)
    except DEMO_ERRORS as error:
        raise click.ClickException(str(error)) from error
    raise SystemExit(status)


@click.command()
@click.option("--port", type=_PORT, default=0, show_default=True, help="0 picks a free one.")
@click.option(
    "--output",
    type=_FILE,
    default=Path("notifications.jsonl"),
    show_default=True,
    help="Append each notification to this file, one JSON object a line.",
)
def receive(port: int, output: Path) -> None:
    """Take Alertmanager's notifications, as a pager would."""
    from .receiver import serve_receiver

    serve_receiver(port, output)


@click.command()
@click.option("--only", multiple=True, help="A fault, or control; again for more.")
@click.option(
    "--data",
    type=_FOLDER,
    help="Folder for what the runs write.  [default: .demo/faults-<time of start>]",
)
@click.option(
    "--jobs",
    type=click.IntRange(1),
    default=7,
    show_default=True,
    help="Runs at the same time.",
)
@click.option(
    "--warm-up",
    type=click.FloatRange(0),
    help="Seconds of load before a fault, instead of the fault's own.",
)
@click.option(
    "--watch",
    type=click.FloatRange(0, min_open=True),
    help="Seconds from a fault to the end of its run, when shorter than the fault's own.",
)
def faults(
    only: tuple[str, ...], data: Path | None, jobs: int, warm_up: float | None, watch: float | None
) -> None:
    """Break the shop in every way, each in a run of its own, and see which alerts fire.

    Exit status 0 when all expected alerts and no others were told of.
    """
    from ..faults.registry import UnknownFaultError
    from .matrix import plan_runs
    from .matrix_runs import MatrixSettings, run_all
    from .prometheus import ServerMissingError

    folder = data or Path(".demo") / time.strftime("faults-%Y%m%d-%H%M%S")
    try:
        runs = plan_runs(only)
    except UnknownFaultError as error:
        raise click.ClickException(str(error)) from error
    settings = MatrixSettings(folder.absolute(), jobs, warm_up, watch)
    try:
        status = run_all(runs, settings)
    except (OSError, ServerMissingError) as error:
        raise click.ClickException(str(error)) from error
    raise SystemExit(status)
