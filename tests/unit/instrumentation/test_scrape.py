"""The budget of a scrape that the README states: counts, which do not depend on the machine."""

from __future__ import annotations

import re
from pathlib import Path

import instance
import seed
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from peers import AsyncHandler, Placed, PlaceOrder, driven
from prometheus_client.openmetrics.exposition import generate_latest

README = Path(__file__).parents[3] / "README.md"


def test_an_instance_keeps_the_readmes_budget() -> None:
    """Fifty types expose no more series and bytes than the README promises."""
    promise = re.search(
        r"(\d+) message types.*?(\d+) series and (\d+) KiB", README.read_text(), re.S
    )
    assert promise
    types, most_series, most_kilobytes = map(int, promise.groups())
    text = generate_latest(instance.ours(types).registry)
    series = [line for line in text.splitlines() if not line.startswith(b"#")]
    assert most_series * 0.75 < len(series) <= most_series
    assert most_kilobytes * 0.75 < len(text) / 1024 <= most_kilobytes


def test_the_contracts_async_form_awaits_its_handler() -> None:
    """The benchmark's peer for async handlers gives back their result, not a coroutine."""
    meters = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
    bus = seed.asynchronous(seed.write_path)(TracerProvider(shutdown_on_exit=False), meters)
    result = Placed()
    commands = bus({"PlaceOrder": AsyncHandler(result)})
    assert driven(lambda: commands.dispatch(PlaceOrder()))() is result
