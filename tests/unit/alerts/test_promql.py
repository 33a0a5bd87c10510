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
    COMMAND_ERROR_RATIO,
    COMMAND_FAILURE_RATE,
    INSTANCES,
    PROJECTION_LAG_BUCKETS,
    PROJECTION_LAG_P99,
    QUERY_ACTIVE,
    Recording,
    expression,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXT)
def test_label_values_survive(value: str) -> None:
    """PromQL's parser reads back any value that a matcher holds."""
    selector = select("x", [Matcher("a", "=", value), Matcher("b", "!=", value)])
    parsed = promql_parser.parse(selector)
    assert isinstance(parsed, promql_parser.VectorSelector)
    assert [m.value for m in parsed.matchers.matchers] == [value, value]


@given(TEXT, st.sampled_from(["=", "!=", "=~", "!~"]))
def test_matchers_read_what_they_write(value: str, operator: str) -> None:
    """Reading a matcher's text gives the matcher."""
    matcher = Matcher("label", operator, value)
    assert parse_matcher(str(matcher)) == matcher


@pytest.mark.parametrize(
    "text",
    ["", "a", "a=b", "a='b'", '="b"', 'a="b', 'a="b",c="d"', 'a=="b"', 'a-b="c"', 'a="\\x"',
     'a="\\ud800"', 'a="b"}', 'a="b\nc"'],
)  # fmt: skip
def test_what_is_no_matcher_is_refused(text: str) -> None:
    """Nothing but one complete matcher gets into a selector."""
    with pytest.raises(ValueError, match=r"write it as|has an escape"):
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
    COMMAND_FAILURE_RATE: (
        "sum by (ns, job, command_type, command_status, error_type) "
        '(rate(cqrs_command_total{env="live", error_type!=""}[5m]))'
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


@pytest.mark.parametrize("series", EXPRESSIONS, ids=lambda series: series.name)
def test_expression(series: Recording) -> None:
    """Each kind of recorded series is written like this, to the character."""
    config = Config(group_labels=("ns", "job"), selector=(promql.equals("env", "live"),))
    assert expression(series, config) == EXPRESSIONS[series]
