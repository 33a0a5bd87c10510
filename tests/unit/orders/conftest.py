from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from opentelemetry.metrics import NoOpMeterProvider

from cqrs_telemetry import CqrsTelemetry
from orders.application import Shop, environment
from orders.commands import command_handlers
from orders.projection import PROJECTIONS, ViewProjection, open_view
from orders.queries import query_handlers
from orders.read_model import ReadModel

Dispatch = Callable[[object], object]
Project = Callable[..., None]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A shop on SQLite files of its own."""
    with Shop(environment(tmp_path)) as shop:
        yield shop


@pytest.fixture
def dispatch(shop: Shop) -> Dispatch:
    """Handles a command without telemetry."""
    handlers = command_handlers(shop)
    return lambda command: handlers[type(command)](command)


@pytest.fixture
def read_model(tmp_path: Path) -> ReadModel:
    """The read tables beside the shop's events."""
    return ReadModel(tmp_path)


@pytest.fixture
def project(shop: Shop, tmp_path: Path) -> Project:
    """Applies the events that each view has not seen, and returns."""

    def project_all(telemetry: CqrsTelemetry | None = None) -> None:
        for projection in PROJECTIONS:
            _catch_up(projection, shop, tmp_path, telemetry)

    return project_all


def _catch_up(
    projection: type[ViewProjection], shop: Shop, data: Path, telemetry: CqrsTelemetry | None
) -> None:
    from eventsourcing.persistence import Tracking

    view = open_view(projection, data)
    handler = projection(view, telemetry=telemetry)
    start = view.max_tracking_id(shop.name)
    for notification in shop.recorder.select_notifications(
        start, 1_000, topics=projection.topics, inclusive_of_start=False
    ):
        event = shop.mapper.to_domain_event(notification)
        handler.process_event(event, Tracking(shop.name, notification.id))
    view.datastore.close()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts ``python -m orders …`` with output in a pipe; what still runs at the end is killed."""
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **environ: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "orders", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **environ},
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        with process:
            process.kill()


@pytest.fixture
def ask(read_model):
    """Answers a query without telemetry."""
    handlers = query_handlers(read_model, CqrsTelemetry(meter_provider=NoOpMeterProvider()))
    return lambda query: handlers[type(query)](query)
