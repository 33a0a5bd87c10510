"""How each part of the demo is started."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..faults.fault import Fault, Part

ORDERS = (sys.executable, "-m", "orders")
IMPATIENT = Path(__file__).with_name("faults.yaml")  # settings of rules, with less patience
RETENTION_SIZE = "500MB"  # of Prometheus: a demo that runs for days forgets its first ones
PORTS = (
    "service",
    "service metrics",
    "projection metrics",
    "prometheus",
    "preview",
    "alertmanager",
    "receiver",
    "traces",
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
    max_data: float  # gigabytes in the data folder
    config: Path | None = None  # of rules and dashboards
    dashboards: bool = True
    verbose: bool = False  # every row of the doctor, also when all are in order
    fault: Fault | None = None
    fault_after: float = 0  # seconds of load

    @property
    def watched(self) -> bool:
        """Whether the service reports the backlog of each projection."""
        return not self.fault or self.fault.watched

    @property
    def collector(self) -> bool:
        """Whether spans pass through a collector."""
        return bool(self.fault and self.fault.collector)

    def with_fault(self, fault: Fault, after: float | None = None) -> DemoSettings:
        """The same with a fault, and unless others are given, settings that notice it soon."""
        return replace(
            self,
            config=self.config or IMPATIENT,
            fault=fault,
            fault_after=fault.warm_up if after is None else after,
        )


def serve(settings: DemoSettings, ports: Mapping[str, int]) -> list[str]:
    """Start the service."""
    return [
        *ORDERS,
        "serve",
        f"--data={settings.data}",
        f"--port={ports['service']}",
        f"--metrics-port={ports['service metrics']}",
        *([] if settings.watched else ["--no-watch"]),
        *_spans(settings, "service"),
        *_fault(settings, "service"),
    ]


def project(settings: DemoSettings, ports: Mapping[str, int]) -> list[str]:
    """Start the projections."""
    return [
        *ORDERS,
        "project",
        f"--data={settings.data}",
        f"--metrics-port={ports['projection metrics']}",
        *_spans(settings, "projection"),
        *_fault(settings, "projection"),
    ]


def load(settings: DemoSettings, url: str) -> list[str]:
    """Start the load against the service's address."""
    return [
        *ORDERS,
        "load",
        f"--url={url}",
        f"--seed={settings.seed}",
        f"--rate={settings.rate}",
        f"--tally={settings.data / 'tally.json'}",
        *_fault(settings, "load"),
    ]


def preview(script: Path, dashboards: Path, prometheus_url: str, port: int) -> list[str]:
    """Start the preview of the generated dashboards."""
    return [
        str(script),
        "preview",
        f"--prometheus={prometheus_url}",
        f"--dashboards={dashboards}",
        f"--port={port}",
        "--from=now-5m",  # the demo is young: an hour would be mostly empty
    ]


def _spans(settings: DemoSettings, part: str) -> list[str]:
    return [f"--spans={settings.data / f'spans-{part}.jsonl'}"] if settings.spans else []


def _fault(settings: DemoSettings, part: Part) -> list[str]:
    fault = settings.fault
    return [f"--fault={fault.name}"] if fault and fault.armed and fault.part == part else []


def alertmanager(program: Path, config: Path, storage: Path, address: str) -> list[str]:
    """Start a single Alertmanager on a loopback address with its data in ``storage``."""
    return [
        str(program),
        f"--config.file={config}",
        f"--storage.path={storage}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
        "--log.level=warn",
    ]


def receive(settings: DemoSettings, port: int) -> list[str]:
    """Start the receiver of Alertmanager's notifications."""
    return [
        *ORDERS,
        "receive",
        f"--port={port}",
        f"--output={settings.data / 'notifications.jsonl'}",
    ]


def keep_traces(settings: DemoSettings, port: int) -> list[str]:
    """Start the store in which traces end."""
    return [
        *ORDERS,
        "keep-traces",
        f"--port={port}",
        f"--output={settings.data / 'traces.jsonl'}",
    ]


def prometheus(program: Path, config: Path, storage: Path, address: str) -> list[str]:
    """Start Prometheus on a loopback address with its data in ``storage``."""
    return [
        str(program),
        f"--config.file={config}",
        f"--storage.tsdb.path={storage}",
        "--storage.tsdb.retention.time=40d",  # longer than the 30 days of the objectives
        f"--storage.tsdb.retention.size={RETENTION_SIZE}",
        f"--web.listen-address={address}",
        "--log.level=warn",
    ]
