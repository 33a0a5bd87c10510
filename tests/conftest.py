"""What tests of several folders need."""

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

from cqrs_alerts.promtool import PromtoolMissingError, find_promtool
from orders.demo.command_lines import ORDERS
from orders.demo.prometheus import ServerMissingError, require_server
from orders.demo.running import STATE_FILE

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def promtool() -> Path:
    """Promtool; its absence is a failure, because what it judges would go untested."""
    try:
        return find_promtool()
    except PromtoolMissingError as error:
        pytest.fail(str(error))


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

    def end(self) -> None:
        """Interrupt the demo and wait until all its parts have ended; once more does nothing."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait()

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
        demo.end()
