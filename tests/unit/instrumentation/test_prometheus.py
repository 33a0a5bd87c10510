"""serve_metrics: a real scrape over HTTP, ports, addresses."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.request
from typing import Any

import pytest
from opentelemetry import metrics
from prometheus_client.parser import text_string_to_metric_families

from cqrs_telemetry import CqrsTelemetry
from cqrs_telemetry.prometheus import serve_metrics
from waits import LIMIT


def scrape(port: int) -> dict[str, Any]:
    """Metric families by name."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=LIMIT) as response:
        return {f.name: f for f in text_string_to_metric_families(response.read().decode())}


def test_a_scrape_has_the_contracts_names_and_labels() -> None:
    """What the stock exporter makes of the catalogue, with the resource as target_info."""
    with serve_metrics(
        port=0, set_global=False, resource_attributes={"service.name": "orders"}
    ) as server:
        telemetry = CqrsTelemetry(meter_provider=server.meter_provider)
        with telemetry.command("PlaceOrder") as operation:
            operation.produced(["event"])
        families = scrape(server.port)
    total = {s.labels["command_status"]: s for s in families["cqrs_command"].samples}
    assert total["success"].value == 1
    assert total["error"].value == 0
    assert total["success"].labels["cqrs_side"] == "write"
    assert "cqrs_command_duration_milliseconds" in families
    assert families["cqrs_events_produced"].samples[0].value == 1
    assert families["target_info"].samples[0].labels["service_name"] == "orders"


def test_port_zero_picks_a_free_one_on_loopback() -> None:
    """Two servers at once; neither is reachable from outside unless told."""
    with (
        serve_metrics(port=0, set_global=False) as one,
        serve_metrics(port=0, set_global=False) as two,
    ):
        assert one.port != two.port
        assert one._server.server_address[0] == "127.0.0.1"


def test_two_servers_in_one_process_are_apart() -> None:
    """Each has its registry: nothing is in both."""
    with (
        serve_metrics(port=0, set_global=False) as one,
        serve_metrics(port=0, set_global=False) as two,
    ):
        with CqrsTelemetry(meter_provider=one.meter_provider).command("X"):
            pass
        assert "cqrs_command" in scrape(one.port)
        assert "cqrs_command" not in scrape(two.port)


def test_a_port_in_use_is_named_with_the_mend() -> None:
    """The error says which address and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            OSError, match=f"127.0.0.1:{port}: .*in use; choose another port"
        ) as taken:
            serve_metrics(port=port, set_global=False)
    assert "0 for a free one. If this is one of several workers" in str(taken.value)


@pytest.mark.parametrize("port", [-1, 65536])
def test_an_impossible_port_is_named(port: int) -> None:
    """The error names the value and the range."""
    with pytest.raises(ValueError, match=f"port must be 0 to 65535, not {port}"):
        serve_metrics(port=port, set_global=False)


def test_closed_means_closed() -> None:
    """After close the port is free, and closing again is harmless."""
    server = serve_metrics(port=0, set_global=False)
    port = server.port
    server.close()
    with pytest.raises(OSError, match="refused"):
        scrape(port)
    server.close()
    serve_metrics(port=port, set_global=False).close()


def test_without_set_global_the_global_provider_stays() -> None:
    """Services with an SDK of their own keep it."""
    before = metrics.get_meter_provider()
    serve_metrics(port=0, set_global=False).close()
    assert metrics.get_meter_provider() is before


GLOBAL = """
import urllib.request
from cqrs_telemetry import InstrumentedCommandBus
from cqrs_telemetry.prometheus import serve_metrics
class PlaceOrder: pass
bus = InstrumentedCommandBus({"PlaceOrder": lambda c: None})
with serve_metrics(port=0) as server:
    bus.dispatch(PlaceOrder())
    text = urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics").read().decode()
    (line,) = [l for l in text.splitlines()
               if l.startswith("cqrs_command_total{") and l.endswith(" 1.0")]
    print("success" in line)
"""


def test_by_default_buses_report_to_it() -> None:
    """One line in a service is enough, also after the buses were built; the exit is clean."""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", GLOBAL],
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT,
    )
    assert (result.stdout, result.stderr) == ("True\n", "")


@pytest.mark.parametrize(
    ("module", "missing"),
    [
        ("prometheus", "opentelemetry.exporter.prometheus"),
        ("prometheus", "prometheus_client"),
        ("testing", "opentelemetry.sdk.metrics"),
    ],
)
def test_a_missing_extra_is_named(module: str, missing: str) -> None:
    """Importing without the extra says which command installs it."""
    program = f"import sys; sys.modules[{missing!r}] = None; import cqrs_telemetry.{module}"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=LIMIT
    )
    assert f"pip install 'cqrs-telemetry[{module}]'" in result.stderr.splitlines()[-1]


def test_second_global_provider_is_refused() -> None:
    """A page that would stay empty is an error with the mend, and its port is free again."""
    script = """
import socket
from cqrs_telemetry.prometheus import serve_metrics
with serve_metrics(port=0) as first:
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    try:
        serve_metrics(port=port)
    except RuntimeError as error:
        print(error)
    socket.create_server(("127.0.0.1", port)).close()
"""
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=LIMIT
    )
    assert "has a global meter provider already" in result.stdout
    assert "CqrsTelemetry(meter_provider=...)" in result.stdout
