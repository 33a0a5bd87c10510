"""Every generated expression names what exists, and what is committed is what is generated."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from click.testing import CliRunner

from cqrs_alerts import alerting, foreign_metrics, recording_rules
from cqrs_alerts.cli import main
from cqrs_alerts.config import Config
from cqrs_alerts.derived import labels_of_derived
from cqrs_alerts.label_names import INSTANCE, LE, PART
from cqrs_alerts.links import DASHBOARD_UIDS
from cqrs_alerts.naming import label_name, series_name
from cqrs_alerts.promql import Matcher
from cqrs_alerts.recording import RECORDINGS
from cqrs_alerts.rule_files import recording_groups, render_rules, rule_groups
from cqrs_alerts.rule_settings import RuleSettings
from cqrs_alerts.setting_types import Labels
from cqrs_telemetry.catalog import METRICS
from waits import LIMIT

ROOT = Path(__file__).parents[2]
CONFIGS = {
    "default": Config(),
    "other": Config(
        group_labels=("cluster", "namespace", "job"),
        selector=(Matcher("namespace", "=~", "shop|web-\\d+"),),
        scrape_interval="15s",
        rules=RuleSettings(
            query_offset="1m", limit=5000, labels=Labels({"team": "checkout"}.items())
        ),
    ),
}
# Series of other programs, by their own labels besides the target's.
FOREIGN_SERIES: dict[str, set[str]] = {
    **{name: set[str]() for name in foreign_metrics.OF_SCRAPES},
    **{name: {foreign_metrics.RULE_GROUP} for name in foreign_metrics.OF_PROMETHEUS},
    **{
        f"{name}{suffix}": {component}
        for component, names in (
            (foreign_metrics.RECEIVER, foreign_metrics.COLLECTOR_REFUSED),
            (foreign_metrics.EXPORTER, foreign_metrics.COLLECTOR_DROPPED),
        )
        for name in names
        for suffix in ("", foreign_metrics.COLLECTOR_SUFFIX)
    },
}


def known_labels(config: Config) -> dict[str, set[str]]:
    """Labels of every series that an expression may name, besides the target's."""
    raw = {
        series_name(metric, config.naming, part): {
            *(label_name(attribute, config.naming) for attribute in metric.attributes),
            *([LE] if part == "bucket" else []),
        }
        for metric in METRICS
        for part in (("bucket", "sum", "count") if metric.kind == "histogram" else ("",))
    }
    recorded = {r.name: set(recording_rules.labels(r, config)) for r in RECORDINGS}
    derived = {name: set(labels) for name, labels in labels_of_derived(config).items()}
    return {**raw, **recorded, **derived, **FOREIGN_SERIES}


def expressions(config: Config) -> Iterator[tuple[str, str]]:
    """Every expression that goes into a rule or a runbook, by what it is for."""
    for group in (*recording_groups(config), *alerting.rule_groups(config)):
        for rule in group["rules"]:
            yield rule.get("record") or rule["alert"], rule["expr"]
    for alert in alerting.ALERTS:
        for query in alert.queries:
            yield f"{alert.name}: {query.title}", query.expression(config)


def walk(node: Any) -> Iterator[Any]:
    """A parsed expression and all in it."""
    yield node
    for name in ("lhs", "rhs", "expr", "param", "vector_selector"):
        if child := getattr(node, name, None):
            yield from walk(child)
    for child in getattr(node, "args", ()):
        yield from walk(child)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_expressions_name_what_exists(config: Config) -> None:
    """Selectors name declared or recorded series; matchers and groupings name labels they have."""
    known = known_labels(config)
    target = {*config.group_labels, INSTANCE, *(matcher.label for matcher in config.selector)}
    checked = 0
    for purpose, expression in expressions(config):
        nodes = list(walk(promql_parser.parse(expression)))
        selectors = [n for n in nodes if isinstance(n, promql_parser.VectorSelector)]
        assert selectors, purpose
        available = set(target)
        for selector in selectors:
            assert selector.name in known, f"{purpose}: {selector.name}"
            labels = known[selector.name] | target
            available |= labels
            assert {m.name for m in selector.matchers.matchers} <= labels, purpose
            checked += 1
        for node in nodes:
            if isinstance(node, promql_parser.AggregateExpr) and node.modifier:
                assert set(node.modifier.labels) <= {*available, foreign_metrics.KIND, PART}, (
                    purpose
                )
    assert checked > len(RECORDINGS)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_raw_series_are_named_by_recording_rules_alone(config: Config) -> None:
    """Alerts read recorded series, so they hold for every naming strategy; selectors are kept."""
    recorded = {*(series.name for series in RECORDINGS), *labels_of_derived(config)}
    for group in alerting.rule_groups(config):
        for rule in group["rules"]:
            nodes = walk(promql_parser.parse(rule["expr"]))
            names = {n.name for n in nodes if isinstance(n, promql_parser.VectorSelector)}
            assert names <= recorded | FOREIGN_SERIES.keys()
    wanted = {(matcher.label, matcher.value) for matcher in config.selector}
    for group in recording_groups(config):
        for rule in group["rules"]:
            for node in walk(promql_parser.parse(rule["expr"])):
                if isinstance(node, promql_parser.VectorSelector) and node.name not in recorded:
                    assert wanted <= {(m.name, m.value) for m in node.matchers.matchers}


def test_every_metric_is_recorded() -> None:
    """No metric of the catalogue is emitted for nothing."""
    assert {series.metric for series in RECORDINGS} == set(METRICS)


def test_recorded_names_are_unique() -> None:
    """Two recorded series with one name would be one, mixed."""
    names = [series.name for series in RECORDINGS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("alert", alerting.ALERTS, ids=lambda alert: alert.name)
def test_links_of_an_alert_exist(alert: alerting.AnyAlert) -> None:
    """The runbook is a page of this repository, the dashboard one that is generated."""
    config = Config(runbook_base_url="https://example.com/runbooks/")
    for rule in alerting.rules(alert, config):
        address = rule["annotations"]["runbook_url"]
        page = ROOT / "alerts/runbooks" / address.removeprefix("https://example.com/runbooks/")
        assert page.read_text().splitlines()[1] == f"# {alert.name}"
        dashboard = rule["annotations"]["dashboard_url"].partition("?")[0]
        assert dashboard.rpartition("/")[2] in DASHBOARD_UIDS


PINT = ROOT / "alerts/pint.hcl"
GENERATED = {
    "alerts/generated": ("generate", "--output", "{out}", "--runbooks", "{out}/../pages"),
    "alerts/runbooks": ("generate", "--output", "{out}/../rules", "--runbooks", "{out}"),
    "docs/metrics.md": ("metrics", "--output", "{out}"),
    "cqrs.example.yaml": ("example", "--output", "{out}"),
}


@pytest.mark.parametrize("path", GENERATED)
def test_committed_is_what_is_generated(path: str, tmp_path: Path) -> None:
    """``make generate`` changes nothing, and leaves nothing that it would not write."""
    out, committed = tmp_path / "out", ROOT / path
    arguments = [argument.format(out=out) for argument in GENERATED[path]]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    if committed.is_file():
        assert committed.read_text() == out.read_text()
        return
    fresh, kept = (
        {p.relative_to(folder): p.read_text() for p in folder.rglob("*") if p.is_file()}
        for folder in (out, committed)
    )
    assert kept == fresh


@pytest.mark.servers
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_promtool_and_pint_find_nothing(config: Config, promtool: Path, tmp_path: Path) -> None:
    """The strictest settings of both linters accept the rules."""
    pint = ROOT / ".tools/bin/pint"
    assert pint.exists(), "pint is missing; make tools brings it"
    files = [tmp_path / name for name in render_rules(config)]
    for path, text in zip(files, render_rules(config).values(), strict=True):
        path.write_text(text)
    strict = ["--lint=all", "--lint-fatal"]
    commands = (
        [promtool, "check", "rules", *strict, *files],
        [pint, "--offline", "--config", PINT, "lint", *files],
    )
    for command in commands:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=LIMIT
        )
        found = done.stdout + done.stderr
        assert done.returncode == 0, found
        assert "level=WARN" not in found
        assert "Warning:" not in found


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_the_text_of_rules_says_what_they_are(config: Config) -> None:
    """What Prometheus reads is what tests of single rules take: nothing changes on the way."""
    groups = rule_groups(config)
    read = {name: yaml.safe_load(text) for name, text in render_rules(config).items()}
    assert read == {name: {"groups": found} for name, found in groups.items()}


def test_rule_files_are_plain_yaml() -> None:
    """The committed files need no feature of YAML that a reader would have to look up."""
    for path in (ROOT / "alerts/generated").rglob("*.yaml"):
        events = list(yaml.parse(path.read_text()))
        assert len(events) > 10
        assert all(getattr(each, "anchor", None) is None for each in events)
        assert all(getattr(each, "tag", None) is None for each in events)


def test_the_readmes_table_is_what_is_generated(tmp_path: Path) -> None:
    """Filling the region again changes nothing."""
    readme = tmp_path / "README.md"
    readme.write_text((ROOT / "README.md").read_text())
    result = CliRunner().invoke(main, ["metrics", "--readme", str(readme)])
    assert result.exit_code == 0, result.output
    assert readme.read_text() == (ROOT / "README.md").read_text()
