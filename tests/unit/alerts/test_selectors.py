"""Selectors are taken out of PromQL and written again."""

from __future__ import annotations

import pytest

from cqrs_alerts.live.selectors import selectors


def test_all_selectors_once_in_order() -> None:
    """Every operator of a matcher, a selector without a name, ranges and nesting are seen."""
    expression = (
        'topk(10, a:b{job=~".+", x="1"}) or on () 0 * sum({__name__=~"q|r", z!="3"}) '
        '+ rate(foo[5m]) / (a:b{job=~".+", x="1"} > 0) + bar{y!~"t"}'
    )
    assert [str(each) for each in selectors(expression)] == [
        'a:b{job=~".+", x="1"}',
        '{__name__=~"q|r", z!="3"}',
        "foo",
        'bar{y!~"t"}',
    ]


def test_what_is_not_promql_is_refused() -> None:
    """The parser's message comes through."""
    with pytest.raises(ValueError, match="parenthesis"):
        selectors("sum(")
