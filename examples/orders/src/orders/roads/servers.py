"""How the servers of a run are configured and started; files and command lines, nothing runs here.

Each run has a loopback address of its own, so that ports are the usual ones and runs side by side
do not get in each other's way.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from opentelemetry.environment_variables import OTEL_METRICS_EXPORTER
from opentelemetry.sdk.environment_variables import (
    OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION,
    OTEL_EXPORTER_OTLP_METRICS_ENDPOINT,
    OTEL_METRIC_EXPORT_INTERVAL,
)

from cqrs_alerts.naming import Strategy, escapes
from cqrs_alerts.promql import duration_seconds
from cqrs_alerts.rule_files import ALERTS_FILE, RECORDING_FILE

from ..collector import (
    BASE,
    EXPORT_PORT,
    HEALTH_PORT,
    METRICS_PORT,
    OTLP_PORT,
    command,
    read_file,
)
from ..telemetry import SERVICE
from .plan import INTERVAL, Cell, Run

ORDERS = (sys.executable, "-m", "orders")
SERVICE_PORT, SERVICE_METRICS_PORT, PROJECTION_METRICS_PORT = 8000, 9101, 9102
PROMETHEUS_PORT = 9090  # of the first cell; the others follow
_REMOTE_WRITE = "overlays/remote-write.yaml"
_AGGREGATIONS = {False: "explicit_bucket_histogram", True: "base2_exponential_bucket_histogram"}
# Names with dots need the second version of remote write, which the collector has behind a gate.
_SECOND_VERSION = "io.prometheus.write.v2.Request"
_GATE = "exporter.prometheusremotewritexporter.enableSendingRW2"


@dataclass(frozen=True)
class Layout:
    """Where everything of a run is: ``host`` is its loopback address, ``data`` its folder."""

    run: Run
    host: str
    data: Path

    @property
    def service_url(self) -> str:
        """Address of the shop."""
        return f"http://{self.host}:{SERVICE_PORT}"

    @property
    def health_url(self) -> str:
        """Where the collector says whether it is well."""
        return f"http://{self.host}:{HEALTH_PORT}"

    @property
    def processes(self) -> int:
        """How many report telemetry: the workers, and the projections'."""
        return self.run.road.workers + 1

    def prometheus(self, cell: Cell) -> str:
        """Address of a cell's Prometheus."""
        return f"{self.host}:{PROMETHEUS_PORT + self.run.cells.index(cell)}"

    def folder(self, cell: Cell) -> Path:
        """Files of a cell's Prometheus."""
        return self.data / cell.name.replace("/", "-")

    def exporter_port(self, cell: Cell) -> int:
        """Port of the collector from which a cell is scraped."""
        return EXPORT_PORT + self.run.cells.index(cell)


def service_environment(layout: Layout) -> dict[str, str]:
    """Variables of service and projection, the SDK's own."""
    run = layout.run
    if run.road.export == "scraped":
        return {OTEL_METRICS_EXPORTER: "prometheus"}
    to = (
        f"{layout.host}:{OTLP_PORT}"
        if run.road.export == "collector"
        else f"{layout.prometheus(run.cells[0])}/api/v1/otlp"
    )
    return {
        OTEL_METRICS_EXPORTER: "otlp",
        OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: f"http://{to}/v1/metrics",
        OTEL_METRIC_EXPORT_INTERVAL: f"{duration_seconds(INTERVAL) * 1000:.0f}",
        OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: _AGGREGATIONS[run.exponential],
    }


def serve(layout: Layout) -> list[str]:
    """Start the service."""
    return [
        *(*ORDERS, "serve", f"--data={layout.data}", f"--host={layout.host}"),
        f"--port={SERVICE_PORT}",
        f"--metrics-port={SERVICE_METRICS_PORT}",
        f"--workers={layout.run.road.workers}",
    ]


def project(layout: Layout) -> list[str]:
    """Start the projections."""
    return [
        *(*ORDERS, "project", f"--data={layout.data}", f"--host={layout.host}"),
        f"--metrics-port={PROJECTION_METRICS_PORT}",
    ]


def load(layout: Layout, rate: float, tally: Path, seed: int) -> list[str]:
    """Start the load; it goes on until it is told to end."""
    return [
        *(*ORDERS, "load", f"--url={layout.service_url}"),
        f"--rate={rate}",
        f"--seed={seed}",
        f"--tally={tally}",
    ]


def prometheus(program: Path, layout: Layout, cell: Cell) -> list[str]:
    """Start a cell's Prometheus."""
    folder = layout.folder(cell)
    receiver = {
        "otlp": ["--web.enable-otlp-receiver"],
        "remote_write": ["--web.enable-remote-write-receiver"],
        "scraped": [],
    }[cell.road.arrival]
    return [
        str(program),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address={layout.prometheus(cell)}",
        "--log.level=warn",
        *receiver,
    ]


def prometheus_configuration(layout: Layout, cell: Cell) -> str:
    """``prometheus.yml`` of a cell, as a user of its road would write it."""
    jobs: list[dict[str, Any]] = [_job("prometheus", [layout.prometheus(cell)])]
    if cell.road.export == "collector":
        jobs.append(_job("otel-collector", [f"{layout.host}:{METRICS_PORT}"]))
    if cell.road.arrival == "scraped":
        jobs.append(_exported(layout, cell))
    otlp = {
        "translation_strategy": cell.strategy,
        "convert_histograms_to_nhcb": cell.kind == "converted",
    }
    document: dict[str, Any] = {
        "global": {
            "scrape_interval": INTERVAL,
            "scrape_timeout": INTERVAL,
            "evaluation_interval": INTERVAL,
        },
        "rule_files": [RECORDING_FILE, ALERTS_FILE],
        "scrape_configs": jobs,
        **({"otlp": otlp} if cell.road.arrival == "otlp" else {}),
    }
    return yaml.safe_dump(document, sort_keys=False)


def collector(program: Path, overlay: Path) -> list[str]:
    """Start the collector with the run's overlay."""
    return command(program, overlay, [_GATE])


def collector_overlay(layout: Layout) -> str:
    """One exporter for each cell, as the shipped files have it but for names and address."""
    scraped = read_file(BASE)["exporters"]["prometheus"]
    (pushed,) = read_file(_REMOTE_WRITE)["exporters"].values()
    exporters = {}
    for number, cell in enumerate(layout.run.cells):
        if cell.road.arrival == "scraped":
            exporters[f"prometheus/{number}"] = {
                **scraped,
                "translation_strategy": cell.strategy,
                "endpoint": f"{layout.host}:{layout.exporter_port(cell)}",
            }
        else:
            exporters[f"prometheus_remote_write/{number}"] = {
                **pushed,
                "translation_strategy": cell.strategy,
                "endpoint": f"http://{layout.prometheus(cell)}/api/v1/write",
                **_version(cell.strategy),
            }
    pipelines = {"metrics": {"exporters": list(exporters)}}
    return yaml.safe_dump({"exporters": exporters, "service": {"pipelines": pipelines}})


def _exported(layout: Layout, cell: Cell) -> dict[str, Any]:
    """The job that brings the services' metrics."""
    converted = {"convert_classic_histograms_to_nhcb": True} if cell.kind == "converted" else {}
    if cell.road.export == "scraped":
        ports = (SERVICE_METRICS_PORT, PROJECTION_METRICS_PORT)
        return {**_job(SERVICE, [f"{layout.host}:{port}" for port in ports]), **converted}
    job = _job("collector-exported", [f"{layout.host}:{layout.exporter_port(cell)}"])
    native = {"scrape_native_histograms": True} if cell.kind == "exponential" else {}
    return {**job, "honor_labels": True, **converted, **native}


def _job(name: str, targets: Sequence[str]) -> dict[str, Any]:
    return {"job_name": name, "static_configs": [{"targets": list(targets)}]}


def _version(strategy: Strategy) -> Mapping[str, str]:
    return {} if escapes(strategy) else {"protobuf_message": _SECOND_VERSION}
