"""The doctor against real Prometheus servers, each empty for a real reason of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from cqrs_alerts import foreign_metrics, recording, slo
from cqrs_alerts.config import Config
from cqrs_alerts.live.causes import Cause, Diagnosis
from cqrs_dashboards import doctor
from cqrs_dashboards.doctor import Finding, Report
from observations import observe_undisturbed

if TYPE_CHECKING:
    from .conftest import Server, Servers

pytestmark = pytest.mark.servers

Json = dict[str, Any]

WRITE = "CQRS / Write path"
READ = "CQRS / Read path"
PROJECTIONS = "CQRS / Projections"
PIPELINE = "CQRS / Telemetry pipeline"


def find(report: Report, dashboard: str, title: str) -> Finding:
    """One finding of a report."""
    (finding,) = [
        each for each in report.findings if (each.dashboard, each.title) == (dashboard, title)
    ]
    return finding


def diagnosis(report: Report, dashboard: str, title: str) -> Diagnosis:
    """Why one panel is empty."""
    found = find(report, dashboard, title).diagnosis
    assert found is not None
    return found


def examine(
    server: Server, config: Config | None = None, rendered: list[Json] | None = None
) -> Report:
    """The doctor's report."""
    return observe_undisturbed(server.url, lambda url: doctor.examine(url, config, rendered))


def ask(server: Server, expression: str) -> Finding:
    """The finding about a panel of a user's own."""
    dashboard = {"title": "D", "panels": [{"title": "P", "targets": [{"expr": expression}]}]}
    return find(examine(server, rendered=[dashboard]), "D", "P")


@pytest.fixture
def healthy(servers: Servers) -> Server:
    """A server that has everything: two scrapes and an evaluation have passed."""
    server = servers("healthy")
    server.wait_for(*(f"{each.name} >= 0" for each in recording.RECORDINGS))
    # These read what other rules record, so they come last.
    server.wait_for(slo.budget_remaining(Config()), foreign_metrics.RULE_GROUP_SECONDS)
    return server


def test_everything_has_data(healthy: Server) -> None:
    """Under traffic every panel, variable and alert is ok; panels of faults show their 0."""
    report = examine(healthy)
    assert [each for each in report.findings if each.status != "ok"] == []
    assert report.ok
    assert {each.kind for each in report.findings} == {"panel", "variable", "alert"}
    faults = find(report, WRITE, "Telemetry faults")
    assert (faults.series, faults.sample) == (1, 0.0)
    outcomes = find(report, WRITE, "Rate by outcome")
    assert outcomes.series == 3
    assert outcomes.sample
    assert outcomes.sample > 0
    assert find(report, READ, "Query type").series == 1


def test_rules_not_loaded(servers: Servers) -> None:
    """Raw metrics without recording rules: one cause for all, with the command that mends it."""
    server = servers("without rules")
    server.wait_for("cqrs_command_total")
    report = examine(server)
    found = [
        each
        for each in report.findings
        if each.dashboard != PIPELINE and not each.title.endswith("by instance")  # raw series
    ]
    assert {each.status for each in found} == {"empty"}
    causes = {each.diagnosis.cause for each in found if each.diagnosis}
    assert causes == {Cause.RULES_NOT_LOADED}
    mend = diagnosis(report, READ, "Latency p95 by query type").mend
    assert "rule_files" in mend
    assert "cqrs-alerts generate" in mend


def test_other_naming(servers: Servers) -> None:
    """Metrics under another strategy's names: the found name and the strategy are told."""
    server = servers("other naming")
    server.wait_for(recording.COMMAND_RATE.name, "cqrs_query_duration_bucket")
    report = examine(server)
    found = diagnosis(report, READ, "Latency p95 by query type")
    assert found.cause is Cause.OTHER_NAMING
    assert "cqrs_query_duration_bucket" in found.why
    assert "UnderscoreEscapingWithoutSuffixes" in found.why
    assert Config().naming in found.mend
    assert find(report, WRITE, "Rate by outcome").status == "ok"  # no unit in that name


def test_metric_never_seen(servers: Servers) -> None:
    """A target that is up and not instrumented: one cause for every panel."""
    server = servers("not instrumented")
    server.wait_for("up == 1")
    server.wait_for_evaluation()
    report = examine(server)
    panels = [each for each in report.findings if each.kind == "panel"]
    causes = {each.diagnosis for each in panels if each.dashboard != PIPELINE}
    assert causes == {diagnosis(report, WRITE, "Throughput by command type")}
    found = diagnosis(report, WRITE, "Throughput by command type")
    assert found.cause is Cause.NEVER_SEEN
    assert "cqrs_telemetry_overflow_total" in found.why
    assert "takes OTLP only when it is started with --web.enable-otlp-receiver" in found.mend


def test_targets_down(servers: Servers) -> None:
    """Nothing answers at the target's address: its job and address are named."""
    server = servers("target down")
    server.wait_for("up == 0")
    server.wait_for_evaluation()
    found = diagnosis(examine(server), PROJECTIONS, "Lag p99")
    assert found.cause is Cause.TARGETS_DOWN
    assert "1 of 1 targets are down: orders (127.0.0.1:" in found.why


def test_selector_excludes_everything(servers: Servers, elsewhere: Config) -> None:
    """The configuration's selector matches no target: the selector is quoted."""
    server = servers("excluded")
    server.wait_for("cqrs_command_total")
    server.wait_for_evaluation()
    found = diagnosis(examine(server, elsewhere), WRITE, "Commands per second")
    assert found.cause is Cause.SELECTOR_EXCLUDES
    assert 'namespace="elsewhere"' in found.why


def test_only_one_sample(servers: Servers) -> None:
    """A counter that was scraped once has no rate yet: wait."""
    server = servers("history")
    server.wait_for("vector(1)")
    server.wait_for_evaluation()
    found = diagnosis(examine(server), WRITE, "Commands per second")
    assert found.cause is Cause.ONE_SAMPLE
    assert "cqrs_command_total" in found.why


def test_no_longer_reported(servers: Servers) -> None:
    """A metric that was there half an hour ago: when it was last seen, and what is wrong now."""
    server = servers("history")
    server.wait_for("vector(1)")
    server.wait_for_evaluation()
    found = diagnosis(examine(server), READ, "Queries per second")
    assert found.cause is Cause.STALE
    assert re.search(r"cqrs_query_total was last reported \d\d min ago", found.why)
    assert "scrapes no target" in found.why


def test_no_targets(servers: Servers) -> None:
    """A server that scrapes nothing says so for what it never saw."""
    server = servers("history")
    server.wait_for("vector(1)")
    server.wait_for_evaluation()
    found = diagnosis(examine(server), PROJECTIONS, "Lag p99")
    assert found.cause is Cause.NO_TARGETS
    assert "scrape_configs" in found.mend
    assert "takes OTLP only when it is started with --web.enable-otlp-receiver" in found.mend


@pytest.fixture
def quiet(servers: Servers) -> Server:
    """A server whose only service handles nothing, with one rule missing and one failing."""
    server = servers("quiet")
    server.wait_for(recording.COMMAND_RATE.name, recording.INSTANCES.name)
    server.wait_for_evaluation()
    return server


def test_no_traffic(quiet: Server) -> None:
    """Known types without traffic: rates are 0, what needs traffic is idle and not broken."""
    report = examine(quiet)
    assert find(report, WRITE, "Commands per second").status == "ok"
    latency, share = find(report, WRITE, "Latency p95"), find(report, WRITE, "Error share")
    for finding in (latency, share):
        assert finding.status == "idle"
        assert finding.diagnosis
        assert finding.diagnosis.cause is Cause.NO_TRAFFIC
    assert not report.ok


def test_what_nobody_chose_to_report_is_unused(quiet: Server) -> None:
    """A watch, a wait and an instrumented repository are the user's choice: their lack is fine."""
    report = examine(quiet)
    unused = {each.title: each for each in report.findings if each.status == "unused"}
    assert {"Pending events", "Waits by outcome", "Loads by aggregate type"} <= unused.keys()
    assert "Latency p95" not in unused
    assert all(each.in_order and each.diagnosis for each in unused.values())


def test_no_failures(quiet: Server) -> None:
    """A user's panel of failures is empty while nothing fails: there is nothing to mend."""
    finding = ask(quiet, recording.COMMAND_ERROR_RATE.name)
    assert finding.diagnosis
    assert finding.diagnosis.cause is Cause.NO_FAILURES


def test_rule_failing(quiet: Server) -> None:
    """A rule that Prometheus cannot evaluate: its own message is passed on."""
    found = diagnosis(examine(quiet), READ, "Queries per second")
    assert found.cause is Cause.RULE_FAILING
    assert recording.QUERY_RATE.name in found.why
    assert "many-to-many" in found.why or "duplicate series" in found.why


def test_zero_does_not_hide_a_missing_rule(quiet: Server) -> None:
    """A panel that shows 0 because the rule behind it is missing is not ok."""
    finding = find(examine(quiet), WRITE, "Events per second")
    assert (finding.status, finding.sample) == ("hidden", 0.0)
    assert finding.diagnosis
    assert finding.diagnosis.cause is Cause.RULES_NOT_LOADED
    assert recording.EVENTS_PRODUCED_RATE.name in finding.diagnosis.why


def test_label_missing(servers: Servers) -> None:
    """A group label that the targets lack: the label and the key to mend are named."""
    server = servers("other labels")
    server.wait_for(*(f"{each.name} >= 0" for each in recording.RECORDINGS))
    server.wait_for_evaluation()
    report = examine(server, Config(group_labels=("region", "job")))
    found = diagnosis(report, WRITE, "Commands per second")
    assert found.cause is Cause.LABEL_MISSING
    assert "have the label region" in found.why
    assert "group_labels" in found.mend
    panels = [each for each in report.findings if each.kind == "panel"]
    assert {each.diagnosis for each in panels if each.dashboard in (WRITE, READ)} == {found}


@pytest.mark.parametrize(
    ("expression", "cause"),
    [
        ('cqrs:query_total:rate5m{query_status="lost"}', Cause.VALUE_MISSING),
        ("orders_total", Cause.NEVER_SEEN),
        ("cqrs:query_total:rate5m == on (job) group_left () vector(-1)", Cause.UNEXPLAINED),
        ("sum(", Cause.QUERY_REFUSED),
        ('up{job=~"$jbo"}', Cause.VALUE_MISSING),
    ],
)
def test_panels_of_a_user_s_own(healthy: Server, expression: str, cause: Cause) -> None:
    """Mistakes in other dashboards are told apart as well."""
    finding = ask(healthy, expression)
    assert finding.status == "empty"
    assert finding.diagnosis
    assert finding.diagnosis.cause is cause
