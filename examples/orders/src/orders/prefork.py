"""The service in several processes, by gunicorn, each with a telemetry of its own.

This module is gunicorn's configuration and application at once; ``orders serve --workers`` runs

    gunicorn --config python:orders.prefork 'orders.prefork:build("shop")'

The SDK is set up in ``build``, which gunicorn calls in each worker after the fork. With ``preload``
it would be called before: the threads that export do not survive a fork, and what was counted by
then would be counted in every worker.
"""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

import click
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, OTELResourceDetector
from starlette.applications import Starlette

from .application import Shop, environment
from .http_api import build_app, build_buses
from .read_model import ReadModel
from .telemetry import exported_telemetry, metrics_exporter
from .watching import watched_views

# https://gunicorn.org/reference/settings/
worker_class = "asgi"
loglevel = "warning"
control_socket_disable = True
graceful_timeout = 5  # seconds; what is asked by then is answered

_opened = ExitStack()  # of this worker


class PreforkError(Exception):
    """Workers would overwrite each other's metrics."""


def run_prefork(data: Path, host: str, port: int, workers: int) -> NoReturn:
    """Become gunicorn, with so many workers.

    Raises:
        PreforkError: Workers would overwrite each other's metrics.
        TelemetryError: A variable asks for what is not there.
    """
    if metrics_exporter() != "otlp":
        raise PreforkError(
            "--workers needs OTEL_METRICS_EXPORTER=otlp: /metrics of one worker lacks what the"
            " others count"
        )
    if SERVICE_INSTANCE_ID in OTELResourceDetector().detect().attributes:
        raise PreforkError(
            f"--workers needs a {SERVICE_INSTANCE_ID} for each: leave it out of"
            " OTEL_RESOURCE_ATTRIBUTES, then each worker makes one"
        )
    command = [
        *(sys.executable, "-m", "gunicorn"),
        f"--config=python:{__name__}",
        f"--bind={host}:{port}",
        f"--workers={workers}",
        f"{__name__}:{build.__name__}({str(data)!r})",
    ]
    os.execv(command[0], command)  # noqa: S606 - a command of ours, without a shell


def build(data: str) -> Starlette:
    """The application of one worker; ``data`` is the folder of the SQLite files."""
    _opened.enter_context(exported_telemetry("", 0, None))
    shop = _opened.enter_context(Shop(environment(Path(data))))
    read_model = ReadModel(Path(data))
    _opened.enter_context(watched_views(shop, read_model))
    return build_app(build_buses(shop, read_model))


def when_ready(arbiter: Any) -> None:
    """Gunicorn listens."""
    (listener,) = arbiter.LISTENERS
    click.echo(f"orders service: {listener}  metrics: by OTLP, of each worker")


def worker_exit(_arbiter: Any, _worker: Any) -> None:
    """A worker has ended in good order: what it still holds is sent."""
    _opened.close()
