"""``cqrs-alerts check --prometheus`` on real servers in the states that the doctor knows, too."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from click.testing import CliRunner

from cqrs_alerts import foreign_metrics, slo
from cqrs_alerts.cli import main
from cqrs_alerts.config import Config
from cqrs_alerts.live import check
from cqrs_alerts.live.check import RuleFinding, RuleReport
from cqrs_alerts.live.prometheus import Prometheus
from cqrs_alerts.objective_settings import OwnLatency
from cqrs_alerts.recording import (
    COMMAND_ERROR_RATIO,
    COMMAND_RATE,
    EVENTS_PRODUCED_RATE,
    QUERY_RATE,
)
from observations import check_rules
from waits import wait_for

if TYPE_CHECKING:
    from .conftest import Server, Servers

pytestmark = pytest.mark.servers


def find(report: RuleReport, name: str) -> RuleFinding:
    """The first finding about a rule."""
    return next(each for each in report.findings if each.name == name)


def check_live(server: Server, config: Config) -> RuleReport:
    """The report on the rules that are loaded."""
    return check_rules(server.url, config)


@pytest.fixture
def healthy(servers: Servers) -> Server:
    """A server with traffic that has evaluated everything."""
    server = servers("healthy")
    server.wait_for(
        slo.budget_remaining(Config()), COMMAND_ERROR_RATIO.name, foreign_metrics.RULE_GROUP_SECONDS
    )
    server.wait_for_evaluation()
    return server


def test_everything_is_loaded_and_evaluated(healthy: Server) -> None:
    """What is not used, such as a collector, leaves its alerts idle and is no fault."""
    report = check_live(healthy, Config())
    assert report.ok, [each for each in report.findings if each.status not in ("ok", "idle")]
    refusing = find(report, "CqrsCollectorRefusing")
    assert refusing.status == "idle"
    assert "no OpenTelemetry collector" in refusing.why
    assert find(report, "CqrsCommandErrorsHigh").status == "ok"


def test_rules_of_another_configuration_are_told(healthy: Server) -> None:
    """Another threshold, time or text differs; what would not be generated is obsolete."""
    config = Config()
    latency = replace(config.alerts.command_latency_high, above_ms=250)
    faults = replace(config.alerts.telemetry_faults, for_="7m")
    overflow = replace(config.alerts.type_name_overflow, keep_firing_for="1m")
    skew = replace(config.alerts.projection_clock_skew, enabled=False)
    alerts = replace(
        config.alerts, command_latency_high=latency, telemetry_faults=faults,
        type_name_overflow=overflow, projection_clock_skew=skew,
    )  # fmt: skip
    promised = replace(
        config.slos,
        query_latency=replace(
            config.slos.query_latency,
            types=(OwnLatency(type="Report", objective=0.95, within_ms=500),),
        ),
    )
    report = check_live(healthy, replace(config, alerts=alerts, slos=promised))
    assert not report.ok
    assert find(report, "CqrsCommandLatencyHigh").why == "has another expression"
    assert find(report, "CqrsTelemetryFaults").why == "waits 120 s, not 7m"
    assert find(report, "CqrsTypeNameOverflow").why == "goes on firing 900 s, not 1m"
    assert find(report, "CqrsQueryLatencyBurn").why == "has another description"
    assert find(report, "CqrsProjectionClockSkew").status == "obsolete"


def test_a_group_that_takes_too_long_is_late(healthy: Server) -> None:
    """More than the share of its interval that ``rule_evaluation_slow`` allows, here none."""
    config = Config()
    slow = replace(config.alerts.rule_evaluation_slow, above_ratio=0.0)
    report = check.check_live(
        healthy.url, replace(config, alerts=replace(config.alerts, rule_evaluation_slow=slow))
    )
    assert not report.ok
    late = {each.group for each in report.findings if each.status == "late"}
    assert late == {each.group for each in report.findings}
    why = next(each.why for each in report.findings if each.status == "late")
    assert re.fullmatch(r"its evaluation takes \S+ s of \S+ s", why), why


def test_an_interval_whose_windows_do_not_meet(
    healthy: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Objectives add up windows of five minutes: those have to be whole evaluation intervals."""
    ask = Prometheus.rule_groups
    for seconds, groups in ((45, 3), (120, 3), (15, 0), (300, 0)):
        monkeypatch.setattr(
            Prometheus,
            "rule_groups",
            lambda self, seconds=seconds: [
                replace(each, interval_seconds=seconds) for each in ask(self)
            ],
        )
        report = check.check_live(healthy.url, Config())
        found = [each for each in report.findings if each.status == "uneven"]
        assert len(found) == groups
        assert not (found and report.ok)
        assert all(f"every {seconds} s" in each.why for each in found)


def test_rules_that_are_not_loaded_are_missing(servers: Servers) -> None:
    """All of them, with what to do."""
    server = servers("without rules")
    server.wait_for("vector(1)")
    report = check_live(server, Config())
    assert {each.status for each in report.findings} == {"missing"}
    assert "rule_files" in report.findings[0].mend


def test_a_failing_and_a_missing_rule_are_named(servers: Servers) -> None:
    """Prometheus' own message is passed on; the neighbours are fine."""
    server = servers("quiet")
    server.wait_for(COMMAND_RATE.name)
    server.wait_for_evaluation()
    report = check_live(server, Config())
    assert find(report, EVENTS_PRODUCED_RATE.name).status == "missing"
    # The rule in its place is another one, and it fails.
    assert find(report, QUERY_RATE.name).status == "differs"
    assert find(report, COMMAND_RATE.name).status == "ok"


def test_an_alert_that_other_names_blind(servers: Servers) -> None:
    """An exporter that names differently: rules are loaded and can never fire."""
    server = servers("other naming")
    server.wait_for(COMMAND_RATE.name, "cqrs_query_duration_bucket")
    server.wait_for_evaluation()
    report = check_live(server, Config())
    finding = find(report, "CqrsQueryLatencyHigh")
    assert finding.status == "blind"
    assert "cqrs_query_duration_bucket" in finding.why
    # Objectives for availability have events, so only some of all burn rates are missing.
    burns = [each for each in report.findings if each.name == "CqrsQueryLatencyBurn"]
    assert len(burns) == len(Config().slos.burn_rates)
    assert {each.status for each in burns} == {"blind"}, burns


def test_the_command(healthy: Server, tmp_path: Path) -> None:
    """Status 0, 1 and 2; a table and the same as JSON."""
    run = CliRunner().invoke
    tables: list[str] = []

    def check_succeeds() -> bool:
        table = run(main, ["check", "--prometheus", healthy.url])
        tables.append(table.output)
        return table.exit_code == 0

    wait_for("check with exit status 0", check_succeeds, saw=lambda: tables[-1])
    assert "idle" in tables[-1]
    config = tmp_path / "cqrs.yaml"
    config.write_text(yaml.safe_dump({"alerts": {"telemetry_faults": {"for": "7m"}}}))
    answer = run(main, ["check", "--prometheus", healthy.url, "--json", "--config", str(config)])
    assert answer.exit_code == 1
    found = json.loads(answer.output)
    assert found["ok"] is False
    assert found["counts"]["differs"] == 1
    assert run(main, ["check", "--prometheus", "http://127.0.0.1:1"]).exit_code == 2
    assert run(main, ["check", "--json"]).exit_code == 2
