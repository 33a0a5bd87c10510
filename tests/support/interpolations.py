"""References to variables and what Grafana makes of them, for both of our implementations."""

from __future__ import annotations

from dataclasses import dataclass

ALL = "$__all"


@dataclass(frozen=True)
class Case:
    """A text, what is chosen of the variable ``v``, and the text that is sent."""

    text: str
    values: tuple[str, ...]
    replaced: str
    multi: bool = True
    all_value: str | None = None


OPTIONS = ("a.b", "c")  # of the variable: what All stands for
CASES = (
    Case('x=~"$v"', ("a.b",), 'x=~"a\\\\.b"'),
    Case('x=~"$v"', ("a.b", "c"), 'x=~"(a\\\\.b|c)"'),
    Case('x=~"$v"', (ALL,), 'x=~".+"', all_value=".+"),
    Case('x=~"$v"', (ALL,), 'x=~"(a\\\\.b|c)"'),
    Case('x="$v"', ("a.b",), 'x="a.b"', multi=False),
    Case('x="${v}"', ('e"}',), 'x="e\\"}"', multi=False),
    Case('x=~"[[v]]"', ('e"}\n',), 'x=~"e\\"\\\\}\\n"'),
    Case("${v:regex}", ("a.b", "c"), "(a\\.b|c)"),
    Case("[[v:regex]]", ("a.b",), "a\\.b"),
    Case("${v:pipe}", ("a.b", "c"), "a.b|c"),
    Case("${v:csv}", ("a.b", "c"), "a.b,c"),
    Case("${v:csv}", (ALL,), "a.b,c"),
    Case("${v:glob}", ("a.b", "c"), "{a.b,c}"),
    Case("${v:json}", ("a.b", "c"), '["a.b","c"]'),
    Case("${v:json}", ("ä",), '"ä"'),
    Case("${v:raw}", ("0.1",), "0.1"),
    Case("${v:singlequote}", ("a'b", "c"), "'a\\'b','c'"),
    Case("${v:doublequote}", ('a"b',), '"a\\"b"'),
    Case("${v:percentencode}", ("a b",), "a%20b"),
    Case("${v:percentencode}", (ALL,), ".%2B", all_value=".+"),
    Case("${v:nonsense}", ("a.b", "c"), "{a.b,c}"),
    Case("$unknown $v_not", ("c",), "$unknown $v_not"),
)
