"""Who is told of alerts: Alertmanager's configuration, and the receiver behind it."""

from __future__ import annotations

import json
import subprocess

import httpx
import pytest
import yaml

from orders.demo import alertmanager
from orders.demo.prometheus import require_server
from orders.demo.receiver import build_receiver
from waits import LIMIT

RULE = {
    "source_matchers": ['alertname="A"'],
    "target_matchers": ['alertname="B"'],
    "equal": ["job"],
}


@pytest.fixture
def inhibitions(tmp_path):
    """A file of inhibition rules."""
    path = tmp_path / "inhibitions.yaml"
    path.write_text(yaml.safe_dump({"inhibit_rules": [RULE]}))
    return path


@pytest.mark.servers
def test_alertmanager_accepts_its_configuration(tmp_path, inhibitions, request):
    """The real checker reads what we write, inhibition rules among it."""
    path = tmp_path / "alertmanager.yml"
    path.write_text(alertmanager.configuration("http://127.0.0.1:1/", inhibitions))
    amtool = require_server("amtool")
    done = subprocess.run(
        [amtool, "check-config", path], capture_output=True, text=True, timeout=LIMIT
    )
    assert done.returncode == 0, done.stderr
    assert "1 inhibit rules" in done.stdout


def test_each_alert_is_sent_by_itself(inhibitions):
    """Grouped alerts would be told of late, after the first of their group."""
    document = yaml.safe_load(alertmanager.configuration("http://h/", inhibitions))
    assert document["route"]["group_by"] == ["..."]
    assert document["inhibit_rules"] == [RULE]
    (receiver,) = document["receivers"]
    assert receiver["webhook_configs"][0]["url"] == "http://h/"


async def test_the_receiver_keeps_each_notification(tmp_path):
    """One line each, with the time that it came."""
    output = tmp_path / "n.jsonl"
    transport = httpx.ASGITransport(build_receiver(output))
    async with httpx.AsyncClient(transport=transport, base_url="http://receiver") as client:
        assert (await client.get("/health")).status_code == 204
        for status in ("firing", "resolved"):
            assert (await client.post("/", json={"status": status})).status_code == 204
    kept = [json.loads(line) for line in output.read_text().splitlines()]
    assert [each["status"] for each in kept] == ["firing", "resolved"]
    assert kept[0]["received"] <= kept[1]["received"]
