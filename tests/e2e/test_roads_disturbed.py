"""Lines of the matrix on which servers and workers are killed under load, on real servers."""

from __future__ import annotations

import json
import subprocess

import pytest

from orders.demo.command_lines import ORDERS
from orders.roads.all_runs import RESULT_FILE
from orders.roads.plan import ROADS
from waits import LIMIT

pytestmark = pytest.mark.servers

# One run whose collector and both Prometheus servers are killed, and one of several workers.
KILLED = ("killed-collector-scraped", "killed-collector-remote-write", "killed-worker-otlp")


def test_kills_under_load_double_nothing_and_lose_what_is_known(tmp_path, request):
    """Totals make up for what servers missed; a worker takes along what it had not exported.

    Its successor is another instance, which begins at 0; the others' counts stay as they are.
    """
    done = subprocess.run(
        [*ORDERS, "roads", f"--data={tmp_path / 'runs'}", *(f"--only={name}" for name in KILLED)],
        cwd=request.config.rootpath,
        capture_output=True,
        text=True,
        timeout=3 * LIMIT,  # of several runs
    )
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads((tmp_path / "runs" / RESULT_FILE).read_text())
    assert {cell["road"] for cell in document["cells"]} == set(KILLED)
    again = {path.stem for path in (tmp_path / "runs").rglob("logs/*-again.log")}
    assert "collector-again" in again
    assert len(again) == 3


def test_every_way_of_disturbing_is_in_the_matrix():
    """Servers and a worker, on roads with and without a collector."""
    found = {(road.disturbance, road.export) for road in ROADS.values() if road.disturbance}
    assert found == {("servers", "collector"), ("servers", "otlp"), ("worker", "otlp")}
