"""Doctor and check on real servers where data is missing that no traffic would bring."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cqrs_alerts import recording
from cqrs_alerts.config import Config
from cqrs_alerts.live.causes import Cause
from cqrs_alerts.live.check import RuleReport
from cqrs_dashboards import doctor
from cqrs_dashboards.doctor import Report
from cqrs_telemetry.catalog import PROJECTION, READ, WRITE
from observations import check_rules, observe_undisturbed

if TYPE_CHECKING:
    from .conftest import Server, Servers

pytestmark = pytest.mark.servers

WRITTEN = (f"{recording.COMMAND_RATE.name} > 0", f"{recording.EVENTS_PRODUCED_RATE.name} > 0")


def examine(server: Server, config: Config | None = None) -> Report:
    """The doctor's report."""
    return observe_undisturbed(server.url, lambda url: doctor.examine(url, config))


def why(report: Report, cause: Cause) -> set[str]:
    """What the doctor says of a cause."""
    found = [each.diagnosis for each in report.findings if each.diagnosis]
    return {each.why for each in found if each.cause is cause}


def statuses(report: RuleReport, *names: str) -> dict[str, set[str]]:
    """Statuses of all rules with these names."""
    return {name: {each.status for each in report.findings if each.name == name} for name in names}


def test_a_side_that_is_not_instrumented_is_blind(servers: Servers) -> None:
    """Commands and events for minutes, and nothing else: the two other sides are named."""
    server = servers("write side only")
    server.wait_for(*WRITTEN)
    server.wait_for_evaluation()
    report = examine(server)
    assert not report.ok
    assert why(report, Cause.NOT_INSTRUMENTED) == {
        f"{evidence}: the {side} side is idle or not instrumented"
        for evidence, side in (
            ("commands are processed, but no query was executed yet", READ),
            ("events are produced, but no event was applied yet", PROJECTION),
        )
    }
    alerts = check_rules(server.url, Config())
    assert not alerts.ok
    assert statuses(
        alerts, "CqrsQueryErrorsHigh", "CqrsProjectionLagHigh", "CqrsCommandLatencyHigh"
    ) == {
        "CqrsQueryErrorsHigh": {"blind"},
        "CqrsProjectionLagHigh": {"blind"},
        "CqrsCommandLatencyHigh": {"ok"},
    }


def test_a_side_that_is_left_out_is_not_missed(servers: Servers) -> None:
    """With ``instrumented: [write]`` nothing is a fault; with ``[write, read]`` queries are."""
    server = servers("write side only")
    server.wait_for(*WRITTEN)
    server.wait_for_evaluation()
    alone = Config(instrumented=(WRITE,))
    alerts = check_rules(server.url, alone)
    faults = {each.why for each in alerts.findings if each.status not in ("ok", "idle")}
    assert faults == {"cannot fire now: Prometheus' own metrics are not there"}
    report = examine(server, alone)
    assert "`instrumented` in cqrs.yaml leaves out read" in why(report, Cause.NOT_IN_USE)
    assert not why(report, Cause.NOT_INSTRUMENTED)
    of_queries = [each for each in report.findings if each.dashboard == "CQRS / Read path"]
    assert {each.status for each in of_queries} <= {"ok", "unused"}

    both = check_rules(server.url, Config(instrumented=(WRITE, READ)))
    assert statuses(both, "CqrsQueryErrorsHigh", "CqrsProjectionLagHigh") == {
        "CqrsQueryErrorsHigh": {"blind"},
        "CqrsProjectionLagHigh": {"idle"},
    }


def test_events_that_no_projection_applies(servers: Servers) -> None:
    """Events are produced for minutes, a projection lives and applies none of them."""
    server = servers("events not applied")
    server.wait_for(recording.HANDLERS.name, *WRITTEN)
    server.wait_for_evaluation()
    assert why(examine(server), Cause.NOT_APPLIED) == {
        "events are produced and projections are running, but no event was applied yet"
    }
    alerts = check_rules(server.url, Config())
    assert statuses(alerts, "CqrsProjectionErrorsHigh") == {"CqrsProjectionErrorsHigh": {"blind"}}


def test_events_without_timestamps(servers: Servers) -> None:
    """Dicts without a time are applied: what reads lag is blind, and says what to set."""
    server = servers("without timestamps")
    server.wait_for(recording.PROJECTION_RATE.name, recording.PROJECTION_DURATION_P95.name)
    server.wait_for_evaluation()
    report = examine(server)
    assert why(report, Cause.NO_TIMESTAMPS) == {
        "events are applied, but none had a usable timestamp, so lag is unknown"
    }
    lag = [each for each in report.findings if each.title in ("Lag p95", "Lag p99")]
    assert lag
    assert {each.status for each in lag} == {"empty"}
    alerts = check_rules(server.url, Config())
    blind = {each.name for each in alerts.findings if each.status == "blind"}
    assert blind == {
        "CqrsProjectionLagHigh", "CqrsProjectionFallingBehind", "CqrsProjectionFreshnessBurn",
        "CqrsProjectionNotProgressing",
    }  # fmt: skip


def test_rules_of_other_settings(servers: Servers) -> None:
    """Values are shown, from rules that another cqrs.yaml generated: each setting is noticed."""
    server = servers("healthy")
    server.wait_for(recording.COMMAND_RATE.name, recording.PROJECTION_LAG_P99.name)
    server.wait_for_evaluation()
    other = Config(naming="UnderscoreEscapingWithoutSuffixes")
    report = examine(server, other)
    assert not report.ok
    (reason,) = why(report, Cause.RULES_DIFFER)
    reads = "reads cqrs_telemetry_overflow_total and does not read cqrs_telemetry_overflow"
    assert reason.endswith(reads), reason
    of_lag = [each for each in report.findings if each.title == "Lag p99"]
    assert {each.status for each in of_lag} == {"hidden"}
    of_commands = {each.status for each in report.findings if each.title == "Commands per second"}
    assert of_commands == {"ok"}  # this counter has the same name
    labels = why(examine(server, Config(group_labels=("region", "job"))), Cause.RULES_DIFFER)
    assert len(labels) == 1


def test_rules_of_several_settings_may_be_loaded(servers: Servers) -> None:
    """Each configuration finds its own rules, and misses none of them."""
    server = servers("two configurations")
    server.wait_for(recording.COMMAND_RATE.name)
    server.wait_for_evaluation()
    assert not why(examine(server), Cause.RULES_DIFFER)
