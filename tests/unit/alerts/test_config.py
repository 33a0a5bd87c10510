"""What ``cqrs.yaml`` may say, and how each mistake is answered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from cqrs_alerts.alert_settings import Alerts
from cqrs_alerts.alerting import ALERTS
from cqrs_alerts.config import Config
from cqrs_alerts.config_file import ConfigError, read_config
from cqrs_alerts.promql import Matcher
from cqrs_alerts.setting_types import Labels
from cqrs_alerts.settings import render_example, settings_of


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a test writes its configuration."""
    return tmp_path / "cqrs.yaml"


# What the file says; the line, key and words that the error has.
MISTAKES = {
    "unknown key": ("\nzzz: 1", 2, "zzz", "known are group_labels"),
    "misspelt key": (
        "alerts:\n  command_errors_high:\n    above_ratoi: 0.1",
        3, "alerts.command_errors_high.above_ratoi", "did you mean above_ratio?",
    ),
    "python's name of a key": (
        "alerts: {command_errors_high: {for_: 5m}}",
        1, "alerts.command_errors_high.for_", "did you mean for?",
    ),
    "duplicate key": ("alerts:\n  a: 1\nalerts: {}", 3, "alerts", "twice, first in line 1"),
    "key that is no text": ("true: 1", 1, "", "not plain text"),
    "section that is a number": ("alerts:\n  telemetry_absent: 3", 2, "alerts.telemetry_absent",
                                 "has to be a section"),
    "list at the top": ("- a", 1, "", "expected keys and values"),
    "alias of itself": ("group_labels: &x [*x]", 1, "group_labels[0]", "refers to itself"),
    "no YAML": ("a: [\nb", 2, "", "is not YAML"),
    "python object": ("naming: !!python/name:os.system x", 1, "", "is not YAML"),
    "impossible date": ("naming: 2026-13-45", 1, "", "is not YAML"),
    "second document": ("naming: x\n---\na: 1", 2, "", "another document"),
    "group label reserved by buckets": ("group_labels:\n- job\n- le", 3, "group_labels[1]",
                                        "buckets use this label"),
    "group label of states": ("group_labels: [state]", 1, "group_labels[0]", "states of proj"),
    "stalled after one scrape": ("projections:\n  stalled_after: 1m", 2,
                                 "projections.stalled_after", "at least 120s"),
    "forgotten before it stalls": ("projections:\n  seen_within: 1m", 1, "projections",
                                   "seen_within has to be longer than stalled_after"),
    "forgotten before it is told": (
        "alerts:\n  projection_stopped:\n    for: 6h",
        3, "alerts.projection_stopped.for", "shorter than projections.seen_within, 6h",
    ),
    "rebuild too slow after no time": ("alerts: {rebuild_slow: {above: 1m}}", 1,
                                       "alerts.rebuild_slow.above", "at least 120s"),
    "more events than are counted": (
        "alerts: {aggregate_needs_snapshot: {above_events: 10000}}",
        1, "alerts.aggregate_needs_snapshot", "above_events has to be below 10000",
    ),
    "group label instance": ("group_labels: [instance]", 1, "group_labels[0]", "summed"),
    "group label of a metric": ("group_labels: [command_type]", 1, "group_labels[0]",
                                "leave it out"),
    "group label of alerts": ("group_labels: [severity]", 1, "group_labels[0]", "alerts use"),
    "group label that is none": ("group_labels: [a b]", 1, "group_labels[0]", "not a label name"),
    "group label with a dot": ("scrape_interval: 30s\ngroup_labels:\n- job\n- k8s.pod.name", 4,
                               "group_labels[1]", "write k8s_pod_name, or set naming to one of No"),
    "group labels spelt alike": ("naming: NoTranslation\ngroup_labels: [a.b, a_b]", 2,
                                 "group_labels", "spell alike"),
    "group label of a metric, with a dot": ("group_labels: [command.type]", 1, "group_labels[0]",
                                            "recorded series keep"),
    "selector with a dot": ("selector: ['\"host.name\"=\"a\"']", 1, "selector[0]",
                            "write host_name"),
    "selector of a type, with a dot": ("selector: ['\"command.type\"=\"a\"']", 1, "selector[0]",
                                       "select targets"),
    "no side": ("instrumented: []", 1, "instrumented", "at least one of write, read, projection"),
    "unknown side": ("instrumented: [write, reads]", 1, "instrumented[1]",
                     "has to be 'write', 'read' or 'projection'"),
    "side twice": ("instrumented: [read, read]", 1, "instrumented", "names a side twice"),
    "private group label": ("group_labels: [__meta]", 1, "group_labels[0]", "not a label name"),
    "group label twice": ("group_labels: [job, job]", 1, "group_labels", "twice"),
    "no group label": ("group_labels: []", 1, "group_labels", "at least one"),
    "text for a list": ("group_labels: job", 1, "group_labels", "has to be a list"),
    "selector that is no matcher": ("selector: [namespace]", 1, "selector[0]", 'label="value"'),
    "selector with a bad escape": ("selector:\n- 'a=~\"\\d\"'", 2, "selector[0]", "double each"),
    "selector on a metric's label": ("selector: ['query_type=\"x\"']", 1, "selector[0]",
                                     "not message types"),
    "selector that is a number": ("selector: [3]", 1, "selector[0]", 'label="value"'),
    "histograms of another kind": ("histograms: summary", 1, "histograms", "'classic' or 'native'"),
    "naming that does not exist": ("naming: x", 1, "naming", "UnderscoreEscapingWithSuffixes"),
    "too few samples": ("scrape_interval: 2m", 1, "scrape_interval", "at most 75s"),
    "no interval": ("scrape_interval: 0s", 1, "scrape_interval", "at most 75s"),
    "interval without unit": ("scrape_interval: 15", 1, "scrape_interval", "write 15s for seconds"),
    "pause without unit": ("alerts:\n  commands_stuck: {for: 5}", 2, "alerts.commands_stuck.for",
                           "write 5s for seconds"),
    "period without unit": ("slos: {period: 30}", 1, "slos.period", "write 30s for seconds"),
    "objective in per cent": ("slos:\n  query_latency:\n    objective: 99.9", 3,
                              "slos.query_latency.objective", "not per cent: write 0.999"),
    "objective of a type in per cent": (
        "slos:\n  query_availability:\n    types:\n    - {type: A, objective: 99}", 4,
        "slos.query_availability.types[0].objective", "write 0.99",
    ),
    "tab": ("alerts:\n\tcommands_stuck: {for: 5m}", 2, "", "a tab; indent with spaces"),
    "address of another scheme": ("runbook_base_url: ftp://x", 1, "runbook_base_url", "http://"),
    "path for an address": ("runbook_base_url: alerts/runbooks", 1, "runbook_base_url",
                            "people click on it in messages: write an address that begins with"),
    "address with a query": ("dashboard_base_url: 'http://a/?orgId=2'", 1, "dashboard_base_url",
                             "without blanks, braces, quotes, ? and #"),
    "address without a host": ("dashboard_base_url: 'http:///d'", 1, "dashboard_base_url",
                               "begins with http://"),
    "address with a template": ("dashboard_base_url: 'http://a/{{b}}'", 1, "dashboard_base_url",
                                "braces"),
    "severity that is none": (
        "alerts: {command_errors_high: {severity: page}}",
        1, "alerts.command_errors_high.severity", "'critical', 'warning' or 'info'",
    ),
    "severity label with a quote": ("severities: {critical: 'a\"b'}", 1, "severities.critical",
                                    "pattern"),
    "ratio above 1": ("alerts: {query_errors_high: {above_ratio: 5}}", 1,
                      "alerts.query_errors_high.above_ratio", "not per cent: write 0.05"),
    "negative ratio": ("alerts: {query_errors_high: {above_ratio: -0.1}}", 1,
                       "alerts.query_errors_high.above_ratio", "greater than or equal to 0"),
    "ratio that is not a number": ("alerts: {query_errors_high: {above_ratio: .nan}}", 1,
                                   "alerts.query_errors_high.above_ratio", "finite"),
    "ratio as text": ("alerts: {query_errors_high: {above_ratio: '0.1'}}", 1,
                      "alerts.query_errors_high.above_ratio", "valid number"),
    "negative milliseconds": ("alerts: {query_latency_high: {above_ms: -1}}", 1,
                              "alerts.query_latency_high.above_ms", "greater than or equal to 0"),
    "latency above the last bucket": ("alerts:\n  query_latency_high: {above_ms: 30000}", 2,
                                      "alerts.query_latency_high", "below 30000, the last bucket"),
    "half an operation": ("alerts: {query_errors_high: {minimum_operations: 0.5}}", 1,
                          "alerts.query_errors_high.minimum_operations", "valid integer"),
    "duration that is none": ("alerts: {query_errors_high: {for: 5 minutes}}", 1,
                              "alerts.query_errors_high.for", "such as 30s, 5m"),
    "lookback shorter than for": ("alerts: {telemetry_absent: {seen_within: 5m}}", 1,
                                  "alerts.telemetry_absent", "could never fire"),
    "window with too few samples": (
        "scrape_interval: 30s\nalerts:\n  commands_stuck: {window: 90s}", 3,
        "alerts.commands_stuck.window", "at least 120s",
    ),
    "growth over too few samples": (
        "alerts: {projection_falling_behind: {window: 1m}}", 1,
        "alerts.projection_falling_behind.window", "at least 240s",
    ),
    "burn faster than any budget can": (
        "slos:\n  burn_rates: [{factor: 2000, long: 1h, short: 5m, for: 2m, severity: info}]",
        1, "slos.command_availability.objective",
        ("with objective 0.999 a budget burns at most 1000 times as fast as it may, so that "
        "factor 2000 of slos.burn_rates never fires: write factors below 1000, or an "
        "objective of at least 0.99951"),
    ),
    "objective for which no page fires": (
        "slos:\n  query_latency: {objective: 0.8}", 2, "slos.query_latency.objective",
        ("at most 5 times as fast as it may, so that factor 14.4 of slos.burn_rates never fires: "
        "write factors below 5, or an objective of at least 0.9306"),
    ),
    "such an objective of a type": (
        ("slos:\n  query_latency:\n    types:\n"
        "      - {type: A, objective: 0.99, within_ms: 500}\n"
        "      - {type: B, objective: 0.5, within_ms: 500}"),
        5, "slos.query_latency.types[1].objective", "write factors below 2",
    ),
    "factor that is just reached": (
        ("slos:\n  command_latency: {objective: 0.8}\n"
        "  burn_rates: [{factor: 5, long: 1h, short: 5m, for: 2m, severity: info}]"),
        2, "slos.command_latency.objective", "write factors below 5",
    ),
    "window that is no multiple": (
        "slos:\n  period: 12h2m", 2, "slos.period", "write a multiple of 5m",
    ),
    "window of no length": ("slos:\n  period: 0s", 2, "slos.period", "write a multiple of 5m"),
    "period that is too long": ("slos:\n  period: 2y", 2, "slos.period", "write at most 1y"),
    "labels that are a list": ("rules:\n  labels: [team]", 2, "rules.labels", "such as {team: ch"),
    "label that is none": ("rules:\n  labels: {a-b: c}", 2, "rules.labels", "a-b is not a label"),
    "label that alerts have": ("rules:\n  labels: {severity: page}", 2, "rules.labels",
                               "alerts use the label severity"),
    "label that tells services apart": ("rules:\n  labels:\n    team: a\n    job: b", 4,
                                        "rules.labels.job", "leave it out"),
    "label that is a number": ("rules: {labels: {team: 1}}", 1, "rules.labels", "needs quotes"),
    "label with a template": ("rules: {labels: {team: '{{ $labels.job }}'}}", 1, "rules.labels",
                              "without braces"),
    "negative limit": ("rules: {limit: -1}", 1, "rules.limit", "greater than or equal to 0"),
    "offset that is none": ("rules: {query_offset: soon}", 1, "rules.query_offset", "such as 30s"),
    "exemption from what is no alert": (
        "exemptions:\n- {alerts: [CqrsCommandsStopped], labels: {job: a}, reason: b}",
        2, "exemptions[0].alerts[0]", "did you mean commands_stopped?",
    ),
    "exemption from no burn rate": (
        "exemptions:\n- {alerts: [CqrsQueryLatencyBurn], labels: {job: a}, reason: b}",
        2, "exemptions[0].alerts[0]", "did you mean query_latency?",
    ),
    "exemption from nothing": ("exemptions:\n- {alerts: [], labels: {job: a}, reason: b}",
                               2, "exemptions[0].alerts", "name at least one alert"),
    "exemption without words": (
        "exemptions:\n- {alerts: [commands_stopped], labels: {job: a}, reason: ' '}",
        2, "exemptions[0].reason", "write one line",
    ),
    "exemption at all times": (
        "exemptions:\n- {alerts: [commands_stopped], during: ['00:00-24:00'], reason: b}",
        2, "exemptions[0]", "set enabled: false there",
    ),
    "exemption at no time": (
        ("exemptions:\n- {alerts: [commands_stopped], labels: {job: a}, reason: b, "
        "outside: ['22:00-06:00', '05:00-22:30']}"),
        2, "exemptions[0]", "never holds",
    ),
    "exemption of a value of two lines": (
        'exemptions:\n- {alerts: [commands_stopped], labels: {job: "a\\nb"}, reason: b}',
        2, "exemptions[0].labels", "text of one line",
    ),
    "exemption by a dotted label": (
        "exemptions:\n- {alerts: [commands_stopped], labels: {service.name: a}, reason: b}",
        2, "exemptions[0].labels", "such as service_name",
    ),
    "exemption of another objective": (
        "exemptions:\n- {alerts: [query_latency], labels: {slo: command_latency}, reason: b}",
        2, "exemptions[0].labels.slo", "has no slo command_latency; it has query_latency",
    ),
    "exemption of a type that has no objective of its own": (
        ("slos:\n  query_availability: {types: [{type: A, objective: 0.99}]}\n"
        "exemptions:\n- {alerts: [query_availability], labels: {query_type: B}, reason: b}"),
        4, "exemptions[0].labels.query_type", "has no query_type B; it has A",
    ),
    "zone of this machine": (
        ("exemptions:\n- {alerts: [commands_stopped], outside: ['07:00-19:00'], reason: b, "
        "time_zone: localtime}"),
        2, "exemptions[0].time_zone", "such as Europe/Vienna",
    ),
    "endless pause": ("alerts: {commands_stuck: {for: .inf}}", 1, "alerts.commands_stuck.for",
                      "valid string"),
    "objective of everything": ("slos: {query_latency: {objective: 100}}", 1,
                                "slos.query_latency.objective", "less than 1"),
    "exemption without a reason": ("exemptions:\n- {alerts: [commands_stopped], labels: {job: a}}",
                                   2, "exemptions[0].reason", "Field required"),
    "exemption of everything": (
        "exemptions:\n- {alerts: [commands_stopped], reason: b}",
        2, "exemptions[0]", "set enabled: false there",
    ),
    "exemption by a label that the alert does not have": (
        "exemptions:\n- alerts: [telemetry_absent]\n  reason: b\n  labels:\n    command_type: a",
        5, "exemptions[0].labels.command_type",
        "CqrsTelemetryAbsent has no label command_type; it has job",
    ),
    "exemption of a type without an objective of its own": (
        "exemptions:\n- {alerts: [command_latency], labels: {command_type: a}, reason: b}",
        2, "exemptions[0].labels.command_type",
        "CqrsCommandLatencyBurn has no label command_type; it has job, slo",
    ),
    "hours that are none": (
        "exemptions:\n- {alerts: [commands_stopped], outside: [Mon 7-19], reason: b}",
        2, "exemptions[0].outside[0]", "such as Mon-Fri 07:00-19:00",
    ),
    "hours of two kinds": (
        ("exemptions:\n- {alerts: [commands_stopped], outside: ['07:00-19:00'], reason: b, "
        "during: ['07:00-19:00']}"),
        2, "exemptions[0]", "keep one",
    ),
    "zone that is none": (
        ("exemptions:\n- {alerts: [commands_stopped], outside: ['07:00-19:00'], reason: b, "
        "time_zone: Vienna}"),
        2, "exemptions[0].time_zone", "such as Europe/Vienna",
    ),
    "zone without hours": (
        "exemptions:\n- {alerts: [commands_stopped], labels: {job: a}, reason: b, time_zone: CET}",
        2, "exemptions[0]", "name them by during or outside",
    ),
    "type promised of and not": (
        ("slos:\n  query_availability:\n    types: [{type: A, objective: 0.99}]\n"
        "    excluded: [A]"),
        2, "slos.query_availability", "A is there twice; keep one",
    ),
    "switch that is text": ("alerts: {query_errors_high: {enabled: 'no'}}", 1,
                            "alerts.query_errors_high.enabled", "valid boolean"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_named(mistake: str, file: Path) -> None:
    """The error has file, line and key, and words that tell the mend."""
    text, line, key, words = MISTAKES[mistake]
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_config(file)
    where = f"{file}:{line}: {key}: " if key else f"{file}:{line}: "
    assert any(e.startswith(where) and words in e for e in str(caught.value).splitlines()), str(
        caught.value
    )


def test_all_mistakes_are_listed_at_once(file: Path) -> None:
    """One run tells everything, in the order of the file."""
    file.write_text("naming: x\nnaming: y\nscrape_interval: 1h\nzzz: 1\n")
    with pytest.raises(ConfigError) as caught:
        read_config(file)
    assert [p.line for p in sorted(caught.value.problems, key=lambda p: p.line)] == [2, 2, 3, 4]


@pytest.mark.parametrize(
    ("content", "words"), [(b"\xff\xfe", "not UTF-8"), (b"a: \x01", "is not YAML")]
)
def test_binary_file_is_named(content: bytes, words: str, file: Path) -> None:
    """A file that is not text is an error like any other."""
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=words):
        read_config(file)


def test_missing_file_is_named(file: Path) -> None:
    """The error says which file."""
    with pytest.raises(ConfigError, match=r"cqrs.yaml:1: cannot be read: No such file"):
        read_config(file)


@pytest.mark.parametrize("text", ["", "# nothing", "{}", "alerts:", "alerts:\n  telemetry_absent:"])
def test_what_is_left_out_has_its_default(text: str, file: Path) -> None:
    """An empty file and sections whose keys are all commented out are the defaults."""
    file.write_text(text)
    assert read_config(file) == Config()


def test_settings_are_laid_over_the_alerts_own_defaults(file: Path) -> None:
    """Changing one key of an alert leaves its others as they were, not as another alert's."""
    file.write_text("alerts: {command_errors_high: {above_ratio: 0.2}}")
    before = Config().alerts.command_errors_high
    assert read_config(file).alerts == replace(
        Alerts(), command_errors_high=replace(before, above_ratio=0.2)
    )


def test_selector_is_read_as_promql(file: Path) -> None:
    """Operators and escapes are PromQL's."""
    file.write_text("""selector: ['namespace="shop"', 'pod !~ "web-\\\\d+"']""")
    assert read_config(file).selector == (
        Matcher("namespace", "=", "shop"),
        Matcher("pod", "!~", "web-\\d+"),
    )


def test_example_is_the_defaults(file: Path) -> None:
    """The documented example changes nothing."""
    file.write_text(render_example())
    assert read_config(file) == Config()


def test_example_has_every_key() -> None:
    """No setting goes undocumented: each has its key in the example, and a meaning."""
    example = yaml.safe_load(render_example())

    def compare(section: object, shown: dict[str, object]) -> None:
        settings = settings_of(section)
        assert [setting.key for setting in settings] == list(shown)
        for setting in settings:
            value = shown[setting.key]
            if isinstance(value, dict) and not isinstance(setting.value, Labels):
                compare(setting.value, value)
            else:
                assert setting.description, setting.key

    compare(Config(), example)


def test_every_alert_has_settings() -> None:
    """Alerts and sections correspond one to one, in the same order."""
    keys = [alert.key for alert in ALERTS if alert.section == "alerts"]
    assert [setting.key for setting in settings_of(Alerts())] == keys
