"""The demo as a user meets it: complete tables, clean ends, nothing left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess

import httpx
import pytest

from orders.demo.startup import SCRIPTS
from waits import LIMIT, wait_for

pytestmark = pytest.mark.healthy


def test_the_doctor_finds_no_empty_row(demo):
    """Every panel has data, under load and just after it."""
    url = demo.state()["urls"]["prometheus"]
    assert demo.state()["doctor_exit_status"] == 0, demo.output()
    done = subprocess.run(
        [SCRIPTS / "cqrs-dashboards", "doctor", "--prometheus", url, "--json"],
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 0, done.stdout
    findings = json.loads(done.stdout)["findings"]
    assert {finding["status"] for finding in findings} == {"ok"}


def test_every_address_that_is_printed_answers(demo):
    """The preview comes first; what only takes what others send is not among them."""
    addresses = re.findall(r"^  ([a-z ]+?) +(http://\S+)$", demo.output(), re.M)
    assert addresses[0][0] == "preview"
    for name, address in addresses:
        assert httpx.get(address, follow_redirects=True).is_success, name


def test_all_targets_are_up_and_all_rules_evaluate(demo):
    """Prometheus reaches every process, and no rule of ours fails."""
    assert [value for _, value in demo.query("up")] == [1, 1, 1]
    answer = httpx.get(f"{demo.state()['urls']['prometheus']}/api/v1/rules").json()
    rules = [rule for group in answer["data"]["groups"] for rule in group["rules"]]
    assert rules
    assert [rule for rule in rules if rule["health"] != "ok"] == []


def test_a_short_demo_ends_by_itself(start_demo):
    """A duration that is over too early waits for the table; then all ends, with status 0."""
    demo = start_demo("--duration=1")
    pids = demo.wait_for_status("warming up")["pids"]
    assert demo.process.wait(LIMIT) == 0, demo.output()
    assert demo.survivors(pids) == []
    assert str(demo.data) in demo.output()
    # A line for all that is in order, and no table of it.
    (summary,) = re.findall(r"^(\d+) examined at \S+: (\d+) ok$", demo.output(), re.M)
    assert summary[0] == summary[1]
    assert "│" not in demo.output()
    assert (demo.data / "tally.json").exists()


def test_a_part_that_crashes_ends_the_demo(start_demo):
    """The part is named, with the end of its log; the demo fails and leaves nothing running."""
    demo = start_demo()
    pids = demo.wait_for_status("warming up")["pids"]
    os.kill(pids["projection"], signal.SIGKILL)
    assert demo.process.wait(LIMIT) == 1
    assert "the projection ended by signal SIGKILL" in demo.output()
    assert "orders projections: orders, stock" in demo.output()
    assert demo.survivors(pids) == []


def test_nothing_outlives_a_demo_that_was_killed(start_demo):
    """Even SIGKILL, which the demo cannot notice, leaves no process behind."""
    demo = start_demo()
    pids = demo.wait_for_status("warming up")["pids"]
    demo.process.kill()
    demo.process.wait(LIMIT)
    wait_for("end of all parts", lambda: not demo.survivors(pids), saw=lambda: demo.survivors(pids))
    assert pids.keys() == {
        "service",
        "projection",
        "prometheus",
        "receiver",
        "alertmanager",
        "load",
        "preview",
    }
