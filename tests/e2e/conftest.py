from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from orders.demo.command_lines import ORDERS
from orders.demo.orchestrator import FIRST_RATES
from orders.demo.prometheus import ServerMissingError, require_server
from orders.demo.running import STATE_FILE

ROOT = Path(__file__).parents[2]
LOAD_SECONDS = 45  # of load before it is stopped and counted; well inside the 5 m of the rates


@dataclass(frozen=True)
class RunningDemo:
    """A demo that was started, and what it says of itself."""

    process: subprocess.Popen[bytes]
    data: Path

    def state(self) -> dict[str, Any]:
        """What demo.json says; empty before it exists."""
        path = self.data / STATE_FILE
        return json.loads(path.read_text()) if path.exists() else {}

    def output(self) -> str:
        """What the demo has printed."""
        return (self.data.parent / "output.txt").read_text()

    def wait_for(self, condition: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """Wait until the state fulfils a condition; a demo that ends before fails the test."""
        while True:
            ended = self.process.poll() is not None
            state = self.state()
            if state and condition(state):
                return state
            if ended:
                pytest.fail(f"the demo ended by itself:\n{self.output()}")
            time.sleep(0.1)

    def survivors(self, pids: dict[str, int]) -> list[str]:
        """Parts that still run; a process that only waits to be noticed does not."""
        states = {
            name: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            for name, pid in pids.items()
            if Path(f"/proc/{pid}").exists()
        }
        return [name for name, state in states.items() if state != "Z"]

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Ask the demo's Prometheus for an instant vector."""
        answer = httpx.get(
            f"{self.state()['urls']['prometheus']}/api/v1/query", params={"query": expression}
        ).json()
        assert answer["status"] == "success", answer
        return [
            (series["metric"], float(series["value"][1])) for series in answer["data"]["result"]
        ]

    def query_by(self, label: str, expression: str) -> dict[str, float]:
        """Ask for an instant vector that one label tells apart."""
        found = self.query(expression)
        by_label = {metric[label]: value for metric, value in found}
        assert len(by_label) == len(found), f"{label} does not tell these apart: {found}"
        return by_label


@pytest.fixture(scope="session")
def start_demo(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., RunningDemo]]:
    """Starts demos in data folders of their own, and ends those that still run."""
    try:
        require_server("prometheus", ROOT)
    except ServerMissingError as error:
        pytest.fail(str(error))
    started: list[RunningDemo] = []

    def start(*arguments: str) -> RunningDemo:
        folder = tmp_path_factory.mktemp("demo")
        with (folder / "output.txt").open("wb") as output:
            process = subprocess.Popen(
                [*ORDERS, "demo", f"--data={folder / 'data'}", *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        demo = RunningDemo(process, folder / "data")
        started.append(demo)
        return demo

    yield start
    for demo in started:
        demo.process.send_signal(signal.SIGINT)
        demo.process.wait()


@pytest.fixture(scope="session")
def demo(start_demo: Callable[..., RunningDemo]) -> RunningDemo:
    """A demo whose doctor's table was printed and whose load has been stopped and counted.

    Stopping the load is what makes exact comparison possible: from then on neither the tally nor
    the counters move, whenever they are read.
    """
    demo = start_demo("--spans")
    state = demo.wait_for(lambda state: state["status"] == "running")
    while _tally(demo)["written"]["wall"] - _tally(demo)["started"]["wall"] < LOAD_SECONDS:
        demo.wait_for(lambda state: state["status"] == "running")
        time.sleep(0.5)
    os.kill(state["pids"]["load"], signal.SIGTERM)
    while not _tally(demo)["finished"]:
        time.sleep(0.1)
    stopped = _tally(demo)["written"]["wall"]
    # Every target has to be scraped, and then the rules evaluated, after the last answer.
    _wait_for_samples_after(stopped, demo, "up")
    scraped = time.time()
    for rate in FIRST_RATES:
        _wait_for_samples_after(scraped, demo, rate.name)
    return demo


def _wait_for_samples_after(instant: float, demo: RunningDemo, name: str) -> None:
    while min(value for _, value in demo.query(f"timestamp({name})")) <= instant:
        time.sleep(0.5)


@pytest.fixture(scope="session")
def tally(demo: RunningDemo) -> dict[str, Any]:
    """What the load counted, in full."""
    tally = _tally(demo)
    assert tally["finished"]
    assert tally["unanswered"] == {}, "requests of unknown fate make comparison inexact"
    return tally


def _tally(demo: RunningDemo) -> dict[str, Any]:
    return json.loads((demo.data / "tally.json").read_text())
