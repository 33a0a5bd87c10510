from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from orders.demo.orchestrator import FIRST_RATES
from waits import wait_for

LOAD_SECONDS = 45  # of load before it is stopped and counted; well inside the 5 m of the rates


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the demo come first: what was rated under load is forgotten after five minutes."""
    items.sort(key=lambda item: "demo" not in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def demo(start_demo: Callable[..., Any]) -> Any:
    """A demo whose doctor's table was printed and whose load has been stopped and counted.

    Stopping the load is what makes exact comparison possible: from then on neither the tally nor
    the counters move, whenever they are read.
    """
    demo = start_demo("--spans")
    state = demo.wait_for_status("running")
    demo.wait_for(f"load of {LOAD_SECONDS} s", lambda _: _loaded(demo) >= LOAD_SECONDS)
    os.kill(state["pids"]["load"], signal.SIGTERM)
    demo.wait_for("end of the load", lambda _: _tally(demo)["finished"])
    stopped = _tally(demo)["written"]["wall"]
    # Every target has to be scraped, and then the rules evaluated, after the last answer.
    _wait_for_samples_after(stopped, demo, "up")
    scraped = time.time()
    for rate in FIRST_RATES:
        _wait_for_samples_after(scraped, demo, rate.name)
    return demo


def _loaded(demo: Any) -> float:
    tally = _tally(demo)
    return tally["written"]["wall"] - tally["started"]["wall"]


def _wait_for_samples_after(instant: float, demo: Any, name: str) -> None:
    def oldest() -> float:
        return min(value for _, value in demo.query(f"timestamp({name})"))

    wait_for(f"sample of {name} after {instant}", lambda: oldest() > instant, saw=oldest)


@pytest.fixture(scope="session")
def tally(demo: Any) -> dict[str, Any]:
    """What the load counted, in full."""
    tally = _tally(demo)
    assert tally["finished"]
    assert tally["unanswered"] == {}, "requests of unknown fate make comparison inexact"
    return tally


def _tally(demo: Any) -> dict[str, Any]:
    return json.loads((demo.data / "tally.json").read_text())
