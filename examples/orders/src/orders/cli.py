"""The processes of the demo, one command each.

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

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
HOST = "127.0.0.1"  # nothing here is meant for other machines


def _options(*options: Callable[[Decorated], Decorated]) -> Callable[[Decorated], Decorated]:
    def decorate(command: Decorated) -> Decorated:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


_PORT = click.IntRange(0, 65_535)
_process_options = _options(
    click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path("orders-data"),
        show_default=True,
        help="Folder of the SQLite files.",
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


@click.group()
@click.version_option(package_name="cqrs-example-orders")
def main() -> None:
    """An event-sourced shop, instrumented with cqrs-telemetry."""


@main.command()
@_process_options
@click.option(
    "--port", type=_PORT, default=8000, show_default=True, help="HTTP port; 0 picks a free one."
)
def serve(data: Path, metrics_port: int, spans: Path | None, port: int) -> None:
    """Answer commands and queries over HTTP."""
    import uvicorn

    from .application import Shop, environment
    from .http_api import build_app
    from .read_model import ReadModel
    from .telemetry import exported_telemetry

    _create(data)
    with ExitStack() as stack:
        listener = stack.enter_context(_listen(port))
        metrics_port = _enter(stack, exported_telemetry(metrics_port, spans))
        shop = stack.enter_context(Shop(environment(data)))
        config = uvicorn.Config(build_app(shop, ReadModel(data)), log_level="warning")
        # uvicorn raises the signal that stopped it once more when it is done.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        click.echo(
            f"orders service: http://{HOST}:{listener.getsockname()[1]}"
            f"  metrics: http://{HOST}:{metrics_port}/metrics"
        )
        uvicorn.Server(config).run(sockets=[listener])


@main.command()
@_process_options
def project(data: Path, metrics_port: int, spans: Path | None) -> None:
    """Keep the read tables up to date with the events."""
    from .projection import PROJECTIONS, run_projection
    from .telemetry import exported_telemetry

    _create(data)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as stack:
        metrics_port = _enter(stack, exported_telemetry(metrics_port, spans))
        runners = [
            stack.enter_context(run_projection(projection, data)) for projection in PROJECTIONS
        ]
        names = ", ".join(projection.name for projection in PROJECTIONS)
        click.echo(f"orders projections: {names}  metrics: http://{HOST}:{metrics_port}/metrics")
        # Leaving the runners raises what ended one of them.
        while not stop.wait(0.2) and not any(runner.is_interrupted.is_set() for runner in runners):
            pass


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
def load(url: str, seed: int, rate: float, duration: float | None, tally: Path) -> None:
    """Act as the shop's customers, clerks and analysts."""
    from .load.driver import LoadSettings, NoServerError, drive

    try:
        asyncio.run(drive(LoadSettings(url, seed, rate, duration, tally)))
    except NoServerError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(
            f"cannot write {tally} ({error.strerror}); choose another file with --tally"
        ) from error


@main.command()
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
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
@click.option("--fault", envvar="FAULT", help="Break something on purpose.")
@click.option(
    "--spans/--no-spans",
    default=True,
    envvar="SPANS",
    help="Trace; spans go to files in the data folder, one JSON object a line.",
)
@click.option("--service-port", type=_PORT, envvar="SERVICE_PORT", help="A free one by default.")
@click.option("--prometheus-port", type=_PORT, envvar="PROMETHEUS_PORT", help="Likewise.")
def demo(
    data: Path | None,
    seed: int,
    rate: float,
    duration: float | None,
    fault: str | None,
    spans: bool,
    service_port: int | None,
    prometheus_port: int | None,
) -> None:
    """Run everything: service, projection, load and Prometheus with rules and dashboards."""
    from .demo.command_lines import PORTS, DemoSettings
    from .demo.faults import require_known
    from .demo.orchestrator import DEMO_ERRORS, run_demo

    ports = dict.fromkeys(PORTS) | {"service": service_port, "prometheus": prometheus_port}
    data = data or Path(".demo") / time.strftime("%Y%m%d-%H%M%S")
    try:
        require_known(fault)
        status = run_demo(DemoSettings(data.absolute(), seed, rate, duration, spans, ports))
    except DEMO_ERRORS as error:
        raise click.ClickException(str(error)) from error
    raise SystemExit(status)


def _enter(stack: ExitStack, telemetry: AbstractContextManager[int]) -> int:
    try:
        return stack.enter_context(telemetry)
    except OSError as error:  # a port in use, a file that cannot be written: it says which
        raise click.ClickException(str(error)) from error


def _create(data: Path) -> None:
    try:
        data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.ClickException(
            f"cannot make the data folder {data} ({error.strerror}); choose another with --data"
        ) from error


def _listen(port: int) -> socket.socket:
    # asyncio switches Nagle's algorithm off, which delays answers by 40 ms, only for sockets that
    # name their protocol; socket.create_server does not name it.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise click.ClickException(
            f"port {port} is in use ({error.strerror}); choose another with --port, or --port 0"
        ) from error
    return listener
