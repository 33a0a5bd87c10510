"""Inhibitions, judged by a real Alertmanager: what is explained is kept back, a page never is."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from cqrs_alerts.alerting import ALERTS, alerts, rules
from cqrs_alerts.config import Config, Severities
from cqrs_alerts.inhibitions import INHIBITIONS, inhibit_rules
from cqrs_alerts.rule_files import render_inhibitions
from orders.demo.ports import choose_ports
from waits import LIMIT, wait_for

BIN = Path(__file__).parents[3] / ".tools" / "bin"
ROUTES = {"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}
OTHER = Config(
    group_labels=("cluster", "job"), severities=Severities(critical="page", warning="ticket")
)
SHOP, OFFICE = {"cluster": "north", "job": "shop"}, {"cluster": "north", "job": "office"}


@contextmanager
def running_alertmanager(folder: Path, config: Config) -> Iterator[str]:
    """Alertmanager with the generated inhibitions merged into a configuration of its own."""
    inhibitions = yaml.safe_load(render_inhibitions(config))
    file = folder / "alertmanager.yml"
    file.write_text(yaml.safe_dump({**ROUTES, **inhibitions}))
    subprocess.run(
        [BIN / "amtool", "check-config", file], check=True, capture_output=True, timeout=LIMIT
    )
    port = choose_ports({"alertmanager": None})["alertmanager"]
    url = f"http://127.0.0.1:{port}"
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [
                BIN / "alertmanager", f"--config.file={file}", f"--storage.path={folder}",
                f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=",
            ],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:

        def ready() -> bool:
            assert process.poll() is None, (folder / "log").read_text()
            try:
                return httpx.get(f"{url}/-/ready").is_success
            except httpx.HTTPError:
                return False

        wait_for("ready Alertmanager", ready, saw=(folder / "log").read_text)
        yield url
    finally:
        process.terminate()
        process.wait(LIMIT)


def firing(name: str, config: Config, group: dict[str, str], **own: str) -> dict[str, str]:
    """Labels of the first, loudest rule of an alert."""
    alert = next(each for each in ALERTS if each.name == name)
    return {"alertname": name, **group, **rules(alert, config)[0]["labels"], **own}


def kept_back(url: str, *fired: dict[str, str]) -> list[dict[str, str]]:
    """Which of the alerts Alertmanager keeps back."""
    now = datetime.now(timezone.utc)
    ends = (now + timedelta(hours=1)).isoformat()
    posted = [{"labels": each, "startsAt": now.isoformat(), "endsAt": ends} for each in fired]
    httpx.post(f"{url}/api/v2/alerts", json=posted).raise_for_status()
    found: list[dict[str, Any]] = []

    def settled() -> bool:
        found[:] = httpx.get(f"{url}/api/v2/alerts").json()
        return sum(each["status"]["state"] != "unprocessed" for each in found) == len(fired)

    wait_for("processing of every alert", settled, saw=lambda: found)
    return [each["labels"] for each in found if each["status"]["inhibitedBy"]]


@pytest.mark.servers
def test_a_dead_service_explains_what_it_no_longer_does(tmp_path: Path) -> None:
    """Of the dead service one page is left; another service's alert is not touched."""
    with running_alertmanager(tmp_path, OTHER) as url:
        implied = [
            firing("CqrsTargetDown", OTHER, SHOP, instance="a"),
            firing("CqrsCommandsStopped", OTHER, SHOP),
            firing("CqrsProjectionNotProgressing", OTHER, SHOP, projection_name="orders"),
            firing("CqrsProjectionStateUnknown", OTHER, SHOP, projection_name="orders"),
        ]
        dead = firing("CqrsTelemetryAbsent", OTHER, SHOP)
        elsewhere = firing("CqrsCommandsStopped", OTHER, OFFICE)
        found = kept_back(url, dead, elsewhere, *implied)
    assert sorted(map(str, map(sorted, (each.items() for each in found)))) == sorted(
        map(str, map(sorted, (each.items() for each in implied)))
    )


@pytest.mark.servers
def test_a_dead_target_explains_traffic_that_is_gone(tmp_path: Path) -> None:
    """While a process of the service is dead, its missing traffic is no alert of its own."""
    with running_alertmanager(tmp_path, OTHER) as url:
        implied = firing("CqrsQueriesStopped", OTHER, SHOP)
        dead = firing("CqrsTargetDown", OTHER, SHOP, instance="a")
        # That a projection stands still is a page, and a dead target a ticket.
        page = firing("CqrsProjectionStopped", OTHER, SHOP, projection_name="orders")
        assert kept_back(url, dead, implied, page) == [implied]


@pytest.mark.servers
def test_a_projection_that_stands_still_explains_what_is_late(tmp_path: Path) -> None:
    """Also in the service that runs it, which is another than watches it; not in other clusters."""
    own = {"projection_name": "orders"}
    page = firing("CqrsProjectionFailed", OTHER, SHOP, **own)
    burn = {"slo": "projection_staleness", "cqrs_side": "projection"}
    implied = [
        firing("CqrsProjectionErrorsHigh", OTHER, OFFICE, **own),
        firing("CqrsProjectionLagHigh", OTHER, OFFICE, **own),
        firing("CqrsReadYourWritesTimeout", OTHER, OFFICE, query_type="FindOrders", **own),
        firing("CqrsProjectionStalenessBurn", OTHER, SHOP, **burn),
    ]
    others = [
        firing("CqrsProjectionErrorsHigh", OTHER, OFFICE, projection_name="stock"),
        firing("CqrsProjectionLagHigh", OTHER, {**OFFICE, "cluster": "south"}, **own),
        firing("CqrsProjectionStalenessBurn", OTHER, OFFICE, **burn),
    ]
    with running_alertmanager(tmp_path, OTHER) as url:
        found = kept_back(url, page, *implied, *others)
    assert sorted(map(str, map(sorted, (each.items() for each in found)))) == sorted(
        map(str, map(sorted, (each.items() for each in implied)))
    )


@pytest.mark.servers
def test_the_fastest_burn_of_an_objective_is_told(tmp_path: Path) -> None:
    """It keeps back the slower burns and the warnings of the type, not another objective's."""
    burn = next(each for each in ALERTS if each.name == "CqrsCommandLatencyBurn")
    one = {"slo": "command_latency", "cqrs_side": "write", **SHOP}
    burns = [{"alertname": burn.name, **one, **each["labels"]} for each in rules(burn, OTHER)]
    own = {**burns[3], "command_type": "Import"}
    slow = firing("CqrsCommandLatencyHigh", OTHER, SHOP, command_type="PlaceOrder")
    errors = firing("CqrsCommandErrorsHigh", OTHER, SHOP, command_type="PlaceOrder")
    with running_alertmanager(tmp_path, OTHER) as url:
        found = kept_back(url, *burns, own, slow, errors)
    assert burns[0] not in found
    assert own not in found
    assert errors not in found
    assert all(each in found for each in (*burns[1:], slow))


@pytest.mark.parametrize("config", [Config(), OTHER])
def test_no_ticket_keeps_back_a_page(config: Config) -> None:
    """Whatever severities a user gives, a source is at least as loud as its targets."""
    loud = replace(config.alerts.commands_stopped, severity="critical")
    changed = replace(config, alerts=replace(config.alerts, commands_stopped=loud))
    quiet = replace(changed.alerts.commands_stuck, severity="warning")
    changed = replace(changed, alerts=replace(changed.alerts, commands_stuck=quiet))
    for rule in inhibit_rules(changed):
        if 'alertname="CqrsCommandsStuck"' in rule["source_matchers"]:
            assert "CqrsCommandsStopped" not in rule["target_matchers"][0]


def test_names_are_of_alerts() -> None:
    """A renamed alert takes its inhibitions along; one that is off has none."""
    names = {alert.name for alert in ALERTS}
    for each in INHIBITIONS:
        assert {each.source, *each.targets} <= names
        assert each.source not in each.targets
        assert each.why
    off = replace(Config().alerts.telemetry_absent, enabled=False)
    config = replace(Config(), alerts=replace(Config().alerts, telemetry_absent=off))
    text = str(inhibit_rules(config))
    assert "CqrsTelemetryAbsent" not in text
    assert "CqrsTelemetryAbsent" not in {alert.name for alert in alerts(config)}


def test_equal_labels_are_the_groups_and_the_type() -> None:
    """What is compared are labels that both alerts have, and are alike where services differ."""
    across = {each.source for each in INHIBITIONS if each.across}
    for rule in inhibit_rules(OTHER):
        source = rule["source_matchers"][0].split('"')[1]
        equal = [each for each in rule["equal"] if each in OTHER.group_labels]
        assert equal == (["cluster", "job"] if "job" in rule["equal"] else ["cluster"])
        assert "job" in rule["equal"] or source in across
