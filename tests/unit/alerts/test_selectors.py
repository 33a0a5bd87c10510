"""Selectors are taken out of PromQL and written again."""

from __future__ import annotations

import pytest

from cqrs_alerts.live.selectors import normalize, selectors


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


def test_names_in_quotes() -> None:
    """A metric's name between the braces is the name, also where Prometheus writes it last."""
    for expression in ('{"a.b", "c.d"="x"}', '{"c.d"="x", __name__="a.b"}'):
        assert [str(each) for each in selectors(expression)] == ['{"a.b", "c.d"="x"}']
    assert [str(each) for each in selectors('{__name__="up"}')] == ["up"]


@pytest.mark.parametrize(
    ("one", "same"),
    [
        ('sum by (a, "b.c") (x{q="1", p="2"})', 'sum by(a, "b.c")(x{p="2",q="1"})'),
        (
            'rate({"a.b", "c.d"!="}"}[5m] offset 1h) / x',
            'rate({"c.d"!="}",__name__="a.b"}[5m] offset 1h) / x{}',
        ),
    ],
)
def test_one_expression_in_two_spellings(one: str, same: str) -> None:
    """Blanks and the order of matchers are no difference."""
    assert normalize(one) == normalize(same)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('x{a="1"}', 'x{a="2"}'),
        ("rate(x[5m])", "rate(x[6m])"),
        ("x offset 1h", "x"),
        ('{"a.b"}', '{"a.c"}'),
        ('{"a.b"}[5m] offset 1m', '{"a.b"}[5m] offset 2m'),
    ],
)
def test_two_expressions(one: str, other: str) -> None:
    """A value, a name, a range and an offset are."""
    assert normalize(one) != normalize(other)


def test_what_is_not_promql_is_refused() -> None:
    """The parser's message comes through."""
    with pytest.raises(ValueError, match="parenthesis"):
        selectors("sum(")
