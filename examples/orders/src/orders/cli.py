"""The processes of the shop, one command each; the demo's own are in ``demo.cli``.

Each command imports what it needs when it runs: none of them waits for the libraries of another.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, TypeVar

import click

from .demo.cli import demo, faults, receive
from .roads.cli import keep_traces, road, roads

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def _options(*options: Callable[[Decorated], Decorated]) -> Callable[[Decorated], Decorated]:
    def decorate(command: Decorated) -> Decorated:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


REBUILD_PERIOD = 0.2  # seconds between two looks at whether a rebuild is done

_PORT = click.IntRange(0, 65_535)
_data_option = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("orders-data"),
    show_default=True,
    help="Folder of the SQLite files.",
)
_process_options = _options(
    _data_option,
    click.option(
        "--host",
        default="127.0.0.1",
        show_default=True,
        help="Address to listen on; in a container 0.0.0.0.",
    ),
    click.option(
        "--metrics-port",
        type=_PORT,
        default=0,
        show_default=True,
        help="Port of /metrics; 0 picks a free one.",
    ),
    click.option(
        "--spans",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Append finished spans to this file, one JSON object a line; without it no tracing.",
    ),
)
_fault_option = click.option("--fault", help="What to break when SIGUSR1 says so; see README.md.")


@click.group()
@click.version_option(package_name="cqrs-example-orders")
def main() -> None:
    """An event-sourced shop, instrumented with cqrs-telemetry."""


for command in (demo, faults, receive, road, roads, keep_traces):
    main.add_command(command)


@main.command()
@_process_options
@_fault_option
@click.option(
    "--port", type=_PORT, default=8000, show_default=True, help="HTTP port; 0 picks a free one."
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Processes that answer, by gunicorn when more than one; those send OTLP.",
)
@click.option("--watch/--no-watch", default=True, help="Report how far behind each projection is.")
def serve(
    data: Path,
    host: str,
    metrics_port: int,
    spans: Path | None,
    fault: str | None,
    port: int,
    workers: int,
    watch: bool,
) -> None:
    """Answer commands and queries over HTTP."""
    import uvicorn

    from .application import Shop, environment
    from .faults.service import service_faults
    from .faults.switch import arm
    from .http_api import build_app, build_buses
    from .prefork import PreforkError, run_prefork
    from .read_model import ReadModel
    from .telemetry import TelemetryError, exported_telemetry
    from .watching import watched_views

    _create(data)
    if workers > 1:
        if fault or spans or not watch:
            raise click.UsageError(
                "--fault, --spans and --no-watch are for one process, without --workers"
            )
        try:
            run_prefork(data, host, port, workers)
        except (PreforkError, TelemetryError) as error:
            raise click.ClickException(str(error)) from error
    with ExitStack() as stack:
        listener = stack.enter_context(_listen(host, port))
        metrics = _enter(stack, exported_telemetry(host, metrics_port, spans))
        shop = stack.enter_context(Shop(environment(data)))
        read_model = ReadModel(data)
        buses = build_buses(shop, read_model)
        if watch:
            stack.enter_context(watched_views(shop, read_model))
        arm(fault, service_faults(shop, read_model, buses))
        config = uvicorn.Config(build_app(buses), log_level="warning")
        # uvicorn raises the signal that stopped it once more when it is done.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        click.echo(f"orders service: http://{host}:{listener.getsockname()[1]}  metrics: {metrics}")
        uvicorn.Server(config).run(sockets=[listener])


@main.command()
@_process_options
@_fault_option
@click.option(
    "--child-if-younger-than",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="Spans of events younger than this join the command's trace; others link to it.",
)
def project(
    data: Path,
    host: str,
    metrics_port: int,
    spans: Path | None,
    fault: str | None,
    child_if_younger_than: float | None,
) -> None:
    """Keep the read tables up to date with the events."""
    from .faults.projection import projection_faults
    from .faults.switch import arm
    from .projection import PROJECTIONS, ViewProjection, keep_projecting
    from .telemetry import exported_telemetry

    _create(data)
    ViewProjection.child_if_younger_than = child_if_younger_than
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as stack:
        metrics = _enter(stack, exported_telemetry(host, metrics_port, spans))
        arm(fault, projection_faults(data))
        threads = [
            threading.Thread(target=keep_projecting, args=(projection, data, stop))
            for projection in PROJECTIONS
        ]
        for thread in threads:
            thread.start()
        names = ", ".join(projection.name for projection in PROJECTIONS)
        click.echo(f"orders projections: {names}  metrics: {metrics}")
        for thread in threads:
            thread.join()


@main.command()
@click.argument("view")
@_data_option
@click.option(
    "--pace",
    type=click.FloatRange(0, min_open=True),
    help="Events per second at most, to go easy on the database; no limit when not given.",
)
@click.option("--wait/--no-wait", default=False, help="Return when the view is rebuilt.")
def rebuild(view: str, data: Path, pace: float | None, wait: bool) -> None:
    """Empty the read tables of VIEW and fill them from all events.

    `orders project` does it: the one that runs now, or the next one.
    """
    from .projection import PROJECTIONS
    from .rebuild import RebuildAskedError, ask, asked

    names = [projection.name for projection in PROJECTIONS]
    if view not in names:
        raise click.BadParameter(f"{view!r} is none of {', '.join(names)}", param_hint="VIEW")
    if not data.is_dir():
        raise click.ClickException(f"there is no folder {data}; name the shop's with --data")
    try:
        ask(data, view, pace)
    except RebuildAskedError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{view} will be rebuilt by `orders project --data {data}`")
    while wait and asked(data, view):
        time.sleep(REBUILD_PERIOD)


@main.command()
@click.option("--url", required=True, help="Address of `orders serve`.")
@click.option("--seed", type=int, default=7, show_default=True, help="Decides what is sent.")
@click.option(
    "--rate",
    type=click.FloatRange(0, min_open=True),
    default=40,
    show_default=True,
    help="Messages per second.",
)
@click.option(
    "--duration",
    type=click.FloatRange(0, min_open=True),
    help="Seconds; for ever when not given.",
)
@click.option(
    "--tally",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("tally.json"),
    show_default=True,
    help="JSON file that says what was sent and answered.",
)
@_fault_option
def load(
    url: str, seed: int, rate: float, duration: float | None, tally: Path, fault: str | None
) -> None:
    """Act as the shop's customers, clerks and analysts."""
    from .faults.load import Company
    from .faults.switch import arm
    from .load.driver import LoadSettings, NoServerError, drive

    company = Company()
    arm(fault, company.faults)
    try:
        asyncio.run(drive(LoadSettings(url, seed, rate, duration, tally), company))
    except NoServerError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(
            f"cannot write {tally} ({error.strerror}); choose another file with --tally"
        ) from error


def _enter(stack: ExitStack, telemetry: AbstractContextManager[str]) -> str:
    from .telemetry import TelemetryError

    try:
        return stack.enter_context(telemetry)
    except (OSError, TelemetryError) as error:  # a port in use, a file that cannot be written, …
        raise click.ClickException(str(error)) from error


def _create(data: Path) -> None:
    try:
        data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.ClickException(
            f"cannot make the data folder {data} ({error.strerror}); choose another with --data"
        ) from error


def _listen(host: str, port: int) -> socket.socket:
    # asyncio switches Nagle's algorithm off, which delays answers by 40 ms, only for sockets that
    # name their protocol; socket.create_server does not name it.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise click.ClickException(
            f"cannot listen on {host}:{port} ({error.strerror}); "
            "choose another with --host and --port; --port 0 picks a free one"
        ) from error
    return listener
