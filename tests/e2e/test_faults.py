"""The fault matrix as its command makes it, on real servers: quick faults, and a clean end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from orders.demo.command_lines import ORDERS
from orders.demo.matrix_runs import RESULT_FILE
from orders.demo.running import STATE_FILE
from orders.faults.registry import FAULTS
from waits import LIMIT, wait_for

pytestmark = pytest.mark.servers

MATRIX_LIMIT = 3 * LIMIT  # a run is tried once more
QUICK = ("clock-skew", "type-name-explosion")


@pytest.fixture
def start_matrix(tmp_path, request):
    """Starts ``orders faults`` in a folder of its own; what still runs at the end is ended."""
    started = []

    def start(*arguments, **environment):
        process = subprocess.Popen(
            [*ORDERS, "faults", f"--data={tmp_path / 'runs'}", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=request.config.rootpath,
            env={**os.environ, **environment},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()  # its parts end with it
            process.communicate(timeout=LIMIT)
            pytest.fail(f"the matrix did not end {LIMIT:g} s after SIGINT")


def is_running(pid):
    """Whether a process runs; one that only waits to be noticed does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.healthy
def test_quick_faults_fire_their_alerts_and_no_others(start_matrix, tmp_path):
    """Each fault's alerts reach the receiver through Prometheus and Alertmanager; status 0."""
    process = start_matrix(
        "--warm-up=30", "--watch=90", *(f"--only={name}" for name in ("control", *QUICK))
    )
    output, _ = process.communicate(timeout=MATRIX_LIMIT)
    assert process.returncode == 0, output
    assert "precision 100%, recall 100% in 3 runs" in output
    document = json.loads((tmp_path / "runs" / RESULT_FILE).read_text())
    told = {run["fault"]: set(run["told_after_seconds"]) for run in document["runs"]}
    expected = {name: {alert.name for alert in FAULTS[name].alerts} for name in QUICK}
    assert told == {"control": set(), **expected}


def test_faults_around_the_shop_fire_their_alerts(start_matrix, tmp_path):
    """Of Prometheus, the collector and the store of traces, which the demo itself breaks.

    Alerts on the shop may fire besides: it shares the machine with other tests.
    """
    around = [
        name
        for name, fault in FAULTS.items()
        if fault.part not in ("service", "projection", "load")
    ]
    assert len(around) == 4
    process = start_matrix("--warm-up=20", "--watch=100", *(f"--only={name}" for name in around))
    output, _ = process.communicate(timeout=MATRIX_LIMIT)
    document = json.loads((tmp_path / "runs" / RESULT_FILE).read_text())
    missing = {run["fault"]: run["missing"] for run in document["runs"]}
    assert missing == {name: [] for name in around}, output


def test_a_matrix_that_is_interrupted_leaves_nothing_behind(start_matrix, tmp_path):
    """Ctrl-C ends the demos and all of their parts, a frozen one too."""
    process = start_matrix("--only=projection-frozen", "--warm-up=0")
    path = tmp_path / "runs" / "projection-frozen" / STATE_FILE

    def fault_began():
        assert process.poll() is None, process.stdout.read()
        return path.exists() and json.loads(path.read_text())["fault_began"]

    wait_for("fault that began", fault_began)
    pids = json.loads(path.read_text())["pids"]
    assert all(map(is_running, pids.values()))
    process.send_signal(signal.SIGINT)
    assert process.wait(LIMIT) == 1
    assert "stopped before the matrix was complete" in process.stdout.read()
    assert [name for name, pid in pids.items() if is_running(pid)] == []


def test_a_run_that_does_not_come_up_is_tried_once_more(start_matrix, tmp_path):
    """A demo that ends before its fault is started again, then reported; the matrix fails."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = str(listener.getsockname()[1])
        process = start_matrix("--only=control", PROMETHEUS_PORT=taken)
        output, _ = process.communicate(timeout=MATRIX_LIMIT)
    assert process.returncode == 1
    assert "the demo ended by itself" in output
    for name in ("control", "control-again"):
        assert f"port {taken}" in (tmp_path / "runs" / "logs" / f"{name}.log").read_text()
