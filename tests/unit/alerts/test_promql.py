"""Expressions are well-formed whatever they are made of."""

from __future__ import annotations

import promql_parser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqrs_alerts import promql
from cqrs_alerts.config import Config
from cqrs_alerts.promql import Matcher, duration_seconds, number, parse_matcher, select
from cqrs_alerts.recording import (
    COMMAND_ERROR_RATE,
    COMMAND_ERROR_RATIO,
    INSTANCES,
    PROJECTION_LAG_BUCKETS,
    PROJECTION_LAG_P99,
    PROJECTION_LIVE_RATE,
    QUERY_ACTIVE,
    Recording,
)
from cqrs_alerts.recording_rules import expression

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXT)
def test_label_values_survive(value: str) -> None:
    """PromQL's parser reads back any value that a matcher holds."""
    selector = select("x", [Matcher("a", "=", value), Matcher("b", "!=", value)])
    parsed = promql_parser.parse(selector)
    assert isinstance(parsed, promql_parser.VectorSelector)
    assert [m.value for m in parsed.matchers.matchers] == [value, value]


NAME = TEXT.filter(bool)


@given(NAME, NAME.filter(lambda label: label != "__name__"))  # which is the metric's
def test_names_survive(name: str, label: str) -> None:
    """Names of any letters are read back, in quotes where they need them."""
    parsed = promql_parser.parse(select(name, [Matcher(label, "=", "x")]))
    assert isinstance(parsed, promql_parser.VectorSelector)
    matchers = {m.name: m.value for m in parsed.matchers.matchers}
    assert matchers.get("__name__", parsed.name) == name
    assert matchers[label] == "x"


@pytest.mark.parametrize("name", ["up", "a_B9", "a:b", "_x"])
def test_plain_names_need_no_quotes(name: str) -> None:
    """What Prometheus 2 reads stays as it is, with and without matchers."""
    assert select(name) == name
    assert select(name, [Matcher("a_b", "=", "x")]) == f'{name}{{a_b="x"}}'


@given(NAME, TEXT, st.sampled_from(["=", "!=", "=~", "!~"]))
def test_matchers_read_what_they_write(label: str, value: str, operator: str) -> None:
    """Reading a matcher's text gives the matcher."""
    matcher = Matcher(label, operator, value)
    assert parse_matcher(str(matcher)) == matcher


def test_labels_are_renamed_after_the_aggregation() -> None:
    """Each label that changes is copied, and the sum keeps the new names alone."""
    summed = promql.sum_by(["job", "a.b"], "x")
    assert promql.rename_labels([("job", "job")], summed) == summed
    assert promql.rename_labels([("job", "job"), ("a.b", "a_b")], summed) == (
        'sum by (job, a_b) (label_join(sum by (job, "a.b") (x), "a_b", "", "a.b"))'
    )


@pytest.mark.parametrize(
    "text",
    ["", "a", "a=b", "a='b'", '="b"', '""="b"', '"a"', '"a"b"="c"', '"a\\x"="b"',
     'a="b', 'a="b",c="d"', 'a=="b"', 'a-b="c"', 'a="\\x"',
     'a="\\ud800"', 'a="b"}', 'a="b\nc"'],
)  # fmt: skip
def test_what_is_no_matcher_is_refused(text: str) -> None:
    """Nothing but one complete matcher gets into a selector."""
    with pytest.raises(ValueError, match=r"write it as|has an escape|names no label"):
        parse_matcher(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5m", 300), ("1h30m", 5400), ("90s", 90), ("500ms", 0.5), ("1d", 86400), ("2w", 1209600)],
)
def test_durations(text: str, seconds: float) -> None:
    """Durations are Prometheus'."""
    assert duration_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "m", "5 m", "5min", "-5m", "1.5h", "30m1h", "5m\n"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """So is everything that Prometheus would refuse."""
    with pytest.raises(ValueError, match="such as"):
        duration_seconds(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.05, "0.05"), (1000.0, "1000"), (0.1 + 0.2, "0.3"), (86_400_000.0, "86400000"), (0, "0")],
)
def test_numbers_have_no_noise(value: float, text: str) -> None:
    """Thresholds are printed as a person would write them."""
    assert number(value) == text


EXPRESSIONS: dict[Recording, str] = {
    COMMAND_ERROR_RATE: (
        "sum by (ns, job, command_type, error_type) "
        '(rate(cqrs_command_total{env="live", command_status="error", error_type!=""}[5m]))'
    ),
    COMMAND_ERROR_RATIO: (
        "(sum by (ns, job, command_type) (cqrs:command_total:rate5m"
        '{command_status="error"}) or 0 * sum by (ns, job, command_type) '
        "(cqrs:command_total:rate5m)) / (sum by (ns, job, command_type) "
        "(cqrs:command_total:rate5m) > 0)"
    ),
    QUERY_ACTIVE: 'sum by (ns, job, query_type) (cqrs_query_active{env="live"})',
    PROJECTION_LAG_BUCKETS: (
        "sum by (ns, job, projection_name, le) "
        '(rate(cqrs_projection_lag_milliseconds_bucket{env="live"}[5m]))'
    ),
    PROJECTION_LAG_P99: "histogram_quantile(0.99, cqrs:projection_lag_bucket:rate5m)",
    INSTANCES: (
        "count by (ns, job) (count by (ns, job, instance) "
        '(cqrs_telemetry_overflow_total{env="live"}))'
    ),
}


NO_TRANSLATION: dict[Recording, str] = {
    COMMAND_ERROR_RATE: (
        "sum by (ns_name, command_type, error_type) "
        "(label_join(label_join(label_join("
        'sum by ("ns.name", "command.type", "error.type") (rate({"cqrs.command.total", '
        '"env.name"="live", "command.status"="error", "error.type"!=""}[5m])), '
        '"ns_name", "", "ns.name"), "command_type", "", "command.type"), '
        '"error_type", "", "error.type"))'
    ),
    INSTANCES: (
        'sum by (ns_name) (label_join(count by ("ns.name") (count by ("ns.name", instance) '
        '({"cqrs.telemetry.overflow", "env.name"="live"})), "ns_name", "", "ns.name"))'
    ),
    PROJECTION_LAG_BUCKETS: (
        "histogram_fraction(-Inf, le, cqrs:projection_lag:rate5m) "
        "* histogram_count(cqrs:projection_lag:rate5m) >= 0 "
        "or histogram_count(cqrs:projection_lag:rate5m)"
    ),
    PROJECTION_LIVE_RATE: (
        "sum by (ns_name, projection_name, event_type) (label_join(label_join(label_join("
        'sum by ("ns.name", "projection.name", "event.type") '
        '(histogram_count(rate({"cqrs.projection.lag", "env.name"="live"}[5m]))), '
        '"ns_name", "", "ns.name"), "projection_name", "", "projection.name"), '
        '"event_type", "", "event.type"))'
    ),
    PROJECTION_LAG_P99: EXPRESSIONS[PROJECTION_LAG_P99],
}


@pytest.mark.parametrize("series", NO_TRANSLATION, ids=lambda series: series.name)
def test_expression_on_names_with_dots_and_native_histograms(series: Recording) -> None:
    """Raw names are in quotes, recorded labels never have a dot."""
    config = Config(
        group_labels=("ns.name",),
        selector=(promql.equals("env.name", "live"),),
        naming="NoTranslation",
        histograms="native",
    )
    assert expression(series, config) == NO_TRANSLATION[series]


@pytest.mark.parametrize("series", EXPRESSIONS, ids=lambda series: series.name)
def test_expression(series: Recording) -> None:
    """Each kind of recorded series is written like this, to the character."""
    config = Config(group_labels=("ns", "job"), selector=(promql.equals("env", "live"),))
    assert expression(series, config) == EXPRESSIONS[series]
