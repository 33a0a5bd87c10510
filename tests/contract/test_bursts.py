"""A burst of failures between two scrapes, from a real service to each window of an objective."""

from __future__ import annotations

from pathlib import Path

import pytest
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry, start_http_server

from cqrs_alerts import slo
from cqrs_alerts.config import Config
from cqrs_alerts.naming import STRATEGIES
from cqrs_alerts.promql import equals, select
from cqrs_telemetry import CqrsTelemetry, InstrumentedCommandBus
from waits import LIMIT

from .test_naming_strategies import Kind, Server, prometheus

pytestmark = pytest.mark.servers

BURST = 180


class PlaceOrder:
    """A command."""


def fail(_command: PlaceOrder) -> None:
    """Handle a command, in vain."""
    raise ConnectionError


def counts(server: Server, window: str) -> dict[str, float]:
    """Bad and all events of a window, as recorded."""
    chosen = [equals("slo", slo.COMMAND_AVAILABILITY.name)]
    found = {
        name: server.ask("query", query=select(name, chosen))["result"]
        for name in (slo.bad_events(window), slo.events(window))
    }
    return {name: float(each[0]["value"][1]) for name, each in found.items() if each}


def test_a_burst_is_in_every_window_at_once(tmp_path: Path) -> None:
    """No failure is lost and none counts twice, over 5 minutes and over 30 days."""
    config, registry = Config(), CollectorRegistry()
    meters = MeterProvider([PrometheusMetricReader(registry=registry)], shutdown_on_exit=False)
    telemetry = CqrsTelemetry(meter_provider=meters)
    bus = InstrumentedCommandBus({PlaceOrder: fail}, telemetry=telemetry)
    http, thread = start_http_server(0, "127.0.0.1", registry)
    scrape = {
        "job_name": "shop",
        "static_configs": [{"targets": [f"127.0.0.1:{http.server_port}"]}],
    }
    try:
        with prometheus(tmp_path, Kind(STRATEGIES[0]), {"scrape_configs": [scrape]}) as server:
            server.load(config)
            server.wait_for(slo.OBJECTIVE)  # the type's counters are there, at 0
            for _ in range(BURST):
                with pytest.raises(ConnectionError):
                    bus.dispatch(PlaceOrder())
            for window in slo.windows(config):
                both = {slo.bad_events(window): BURST, slo.events(window): BURST}
                server.wait(
                    f"count of {BURST} in {window}",
                    lambda window=window, both=both: counts(server, window) == both,  # type: ignore[misc]
                    saw=lambda window=window: counts(server, window),  # type: ignore[misc]
                )
    finally:
        http.shutdown()
        http.server_close()
        thread.join(LIMIT)
        meters.shutdown()
