"""Demos that tests start, watch and end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from orders.demo.command_lines import ORDERS
from orders.demo.prometheus import ServerMissingError, require_server
from orders.demo.running import STATE_FILE
from waits import LIMIT, wait_for

ROOT = Path(__file__).parents[2]


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

    def wait_for(self, what: str, condition: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """Wait until the state fulfils a condition; a demo that ends before fails the test."""

        def fulfilled() -> dict[str, Any] | None:
            ended = self.process.poll() is not None
            state = self.state()
            if state and condition(state):
                return state
            if ended:
                pytest.fail(f"no {what}: the demo ended by itself:\n{self.output()}")
            return None

        found = wait_for(what, fulfilled, saw=lambda: f"{self.state()}\n{self.output()}")
        assert found is not None  # the wait would have failed
        return found

    def wait_for_status(self, status: str) -> dict[str, Any]:
        """Wait until the demo has come that far."""
        return self.wait_for(f"demo that is {status}", lambda state: state["status"] == status)

    def end(self) -> None:
        """Interrupt the demo and wait until all its parts have ended; once more does nothing."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()  # its parts end with it
            pytest.fail(f"the demo did not end {LIMIT:g} s after SIGINT:\n{self.output()}")

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


def start_demo(folder: Path, *arguments: str) -> RunningDemo:
    """Start a demo with its data and output in a folder; fails the test without Prometheus."""
    try:
        require_server("prometheus")
    except ServerMissingError as error:
        pytest.fail(str(error))
    with (folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(
            [*ORDERS, "demo", f"--data={folder / 'data'}", *arguments],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    return RunningDemo(process, folder / "data")
