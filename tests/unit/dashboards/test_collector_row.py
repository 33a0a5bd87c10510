"""The collector's row, against a real collector that takes in, passes on and loses."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from cqrs_alerts.config import Config
from cqrs_alerts.dashboard_settings import DashboardSettings
from cqrs_dashboards.bundle import render_all
from cqrs_dashboards.collector_panels import collector_row
from cqrs_dashboards.doctor import examine
from orders.demo.ports import choose_ports
from waits import LIMIT

from .conftest import program, running_prometheus

WITH_COLLECTOR = Config(dashboards=DashboardSettings(collector=True))
PIPELINE = ("telemetry-pipeline",)


@contextmanager
def running_collector(folder: Path, ports: dict[str, int]) -> Iterator[str]:
    """A collector with one exporter that works and one whose backend is gone; its OTLP address."""
    exporters = {
        "debug": {},
        "otlp_http/gone": {
            "endpoint": f"http://127.0.0.1:{ports['gone']}",
            "retry_on_failure": {"enabled": False},
        },
    }
    pipeline = {"receivers": ["otlp"], "exporters": list(exporters)}
    pull = {"exporter": {"prometheus": {"host": "127.0.0.1", "port": ports["metrics"]}}}
    document = {
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{ports['otlp']}"}}}},
        "exporters": exporters,
        "service": {
            "pipelines": {"metrics": pipeline, "traces": pipeline},
            "telemetry": {"metrics": {"readers": [{"pull": pull}]}},
        },
    }
    file = folder / "collector.yaml"
    file.write_text(yaml.safe_dump(document))
    with (folder / "collector.log").open("w") as log:
        process = subprocess.Popen(
            [program("otelcol"), "--config", file], stdout=log, stderr=subprocess.STDOUT
        )
    try:
        yield f"http://127.0.0.1:{ports['otlp']}/v1"
    finally:
        process.terminate()
        process.wait(LIMIT)


def send(address: str) -> None:
    """One metric point and one span."""
    now = str(time.time_ns())
    point = {"name": "x", "gauge": {"dataPoints": [{"asInt": "1", "timeUnixNano": now}]}}
    span = {
        "traceId": "0" * 31 + "1", "spanId": "0" * 15 + "1", "name": "x", "kind": 1,
        "startTimeUnixNano": now, "endTimeUnixNano": now,
    }  # fmt: skip
    bodies: dict[str, Any] = {
        "metrics": {"resourceMetrics": [{"scopeMetrics": [{"metrics": [point]}]}]},
        "traces": {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]},
    }
    for signal, body in bodies.items():
        httpx.post(f"{address}/{signal}", json=body).raise_for_status()


@pytest.mark.servers
def test_every_panel_of_the_row_has_data(tmp_path: Path) -> None:
    """What comes in, goes out, is lost and waits is shown, under the names that it really has."""
    chosen = choose_ports(dict.fromkeys(("otlp", "metrics", "gone")))
    rendered = render_all(WITH_COLLECTOR, PIPELINE)
    titles = {panel.title for panel in collector_row(WITH_COLLECTOR).panels}
    with (
        running_collector(tmp_path, chosen) as address,
        running_prometheus(tmp_path / "prometheus", {}, [chosen["metrics"]]) as prometheus,
    ):
        missing: object = titles

        def complete() -> bool:
            nonlocal missing
            try:
                send(address)
                report = examine(prometheus.url, WITH_COLLECTOR, rendered)
            except (httpx.TransportError, OSError) as error:
                missing = error
                return False
            missing = titles - {each.title for each in report.findings if each.status == "ok"}
            return not missing

        prometheus.wait_for("vector(1)")
        prometheus.wait("data in the collector's row", complete, saw=lambda: missing)
        lost = prometheus.ask("query", query=lost_expression())["result"]
    found = {(each["metric"]["exporter"], each["metric"]["kind"]) for each in lost}
    assert ("otlp_http/gone", "send_failed_metric_points") in found


def lost_expression() -> str:
    """What the panel about losses asks."""
    panels = {panel.title: panel for panel in collector_row(WITH_COLLECTOR).panels}
    lost: Any = panels["Lost"]
    return f"({lost.targets[0].expression}) > 0"


def test_the_row_is_there_for_those_who_have_a_collector() -> None:
    """Others do not look at empty panels, nor hear from the doctor about them."""
    (with_one,), (without,) = (
        render_all(config, PIPELINE) for config in (WITH_COLLECTOR, Config())
    )
    title = collector_row(WITH_COLLECTOR).title
    assert title in {panel["title"] for panel in with_one["panels"]}
    assert title not in {panel["title"] for panel in without["panels"]}
