"""What the page makes of Grafana's JSON, module by module, in the browser that runs it."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser

from cqrs_alerts.config import Config
from cqrs_dashboards.preview import Preview
from interpolations import CASES, OPTIONS, Case
from orders.demo.ports import choose_ports

CALL = "([file, name, given]) => import(`/static/${file}.js`).then((each) => each[name](...given))"


@pytest.fixture(scope="module")
def call(browser: Browser) -> Any:
    """Calls a function of a module of the page; nothing here asks Prometheus."""
    nobody = f"http://127.0.0.1:{choose_ports({'nobody': None})['nobody']}"
    with Preview([], nobody, Config().scrape_interval) as server, server.serving():
        page = browser.new_page()
        page.goto(server.url)
        yield lambda file, name, *given: page.evaluate(CALL, [file, name, list(given)])
        page.close()


@pytest.mark.parametrize(
    ("value", "unit", "decimals", "text"),
    [
        (0, "ms", None, "0 ms"),
        (0.25, "ms", None, "0.250 ms"),
        (999, "ms", None, "999 ms"),
        (1500, "ms", None, "1.50 s"),
        (90_000, "ms", None, "1.50 min"),
        (7_200_000, "ms", None, "2 hour"),
        (172_800_000, "ms", None, "2 day"),
        (0.002, "s", None, "2 ms"),
        (90, "s", None, "1.50 mins"),
        (0.0371, "percentunit", None, "3.71%"),
        (1, "percentunit", None, "100%"),
        (12.5, "percent", 0, "13%"),
        (20.8123, "ops", None, "20.8 ops/s"),
        (1500, "reqps", None, "1.50K req/s"),
        (53.25, "eps", None, "53.3 evt/s"),
        (1_250_000, "short", None, "1.25 Mil"),
        (1536, "bytes", None, "1.50 KiB"),
        (1500, "decbytes", None, "1.50 kB"),
        (3, "none", None, "3"),
        (3.14159, "none", 2, "3.14"),
        (1, "bool_yes_no", None, "Yes"),
        (4, "suffix: apples", None, "4 apples"),
        (-0.0001, "none", 2, "0.00"),
    ],
)
def test_values_read_as_in_grafana(
    call: Any, value: float, unit: str, decimals: int | None, text: str
) -> None:
    """Scale, decimals and suffix are Grafana's."""
    assert call("units", "formatValue", value, unit, decimals) == text


def variable(*values: str, multi: bool = True, **more: Any) -> dict[str, Any]:
    """A variable as the page keeps it."""
    return {"values": list(values), "multi": multi, "options": list(OPTIONS), **more}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.text}-{case.replaced}")
def test_variables_are_replaced_as_in_grafana(call: Any, case: Case) -> None:
    """Formats, All and escapes are Grafana's; quotes cannot leave the string that they are in."""
    chosen = variable(*case.values, multi=case.multi, allValue=case.all_value)
    assert call("interpolate", "interpolate", case.text, {"v": chosen}) == case.replaced


@pytest.mark.parametrize(
    ("span", "points", "least", "step"),
    [
        (3_600_000, 500, 1000, 5000),
        (3_600_000, 500, 15_000, 15_000),
        (86_400_000, 500, 15_000, 120_000),
        (300_000, 500, 5000, 5000),
        (2_592_000_000, 10_000_000, 1000, 236_000),
    ],
)
def test_steps_are_round_and_bounded(
    call: Any, span: int, points: int, least: int, step: int
) -> None:
    """A step is one that people read, at least the scrape interval, and within 11,000 points."""
    assert call("time", "interval", span, points, least) == step


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("now", 1_000_000_000),
        ("now-5m", 1_000_000_000 - 300_000),
        ("now+1h", 1_000_000_000 + 3_600_000),
        ("123456", 123_456),
        ("1970-01-01T00:01:00Z", 60_000),
        ("yesterday", None),
    ],
)
def test_times_are_read_as_in_grafana(call: Any, text: str, at: int | None) -> None:
    """Relative times, milliseconds and ISO dates; anything else is refused."""
    assert call("time", "parseTime", text, 1_000_000_000) == at


def test_rates_see_four_scrapes(call: Any) -> None:
    """The rate interval is a step and a scrape, and never less than four scrapes."""
    for step, expected in ((15_000, "1m"), (300_000, "315s")):
        values = call("panel", "stepBuiltins", step, 15_000)
        assert call("interpolate", "interpolate", "[$__rate_interval]", values) == f"[{expected}]"


FRAME = {
    "refId": "A",
    "fields": [
        {"name": "Time", "type": "time", "labels": {}, "values": [1, 1]},
        {"name": "type", "type": "string", "labels": {}, "values": ["x", "y"]},
        {"name": "Value", "type": "number", "labels": {}, "values": [2, 1]},
    ],
}
OTHER = {
    "refId": "B",
    "fields": [
        {"name": "type", "type": "string", "labels": {}, "values": ["y"]},
        {"name": "Value #B", "type": "number", "labels": {}, "values": [5]},
    ],
}


@pytest.mark.parametrize(
    ("frames", "transformations", "columns"),
    [
        (
            [FRAME],
            [{"id": "organize", "options": {"excludeByName": {"Time": True}}}],
            {"type": ["x", "y"], "Value": [2, 1]},
        ),
        (
            [FRAME, OTHER],
            [{"id": "merge"}],
            {"Time": [1, 1], "type": ["x", "y"], "Value": [2, 1], "Value #B": [None, 5]},
        ),
        (
            [FRAME, OTHER],
            [{"id": "joinByField", "options": {"byField": "type", "mode": "inner"}}],
            {"Time": [1], "type": ["y"], "Value": [1], "Value #B": [5]},
        ),
        (
            [FRAME],
            [
                {"id": "sortBy", "options": {"sort": [{"field": "Value"}]}},
                {"id": "limit", "options": {"limitField": 1}},
                {"id": "filterFieldsByName", "options": {"include": {"names": ["type"]}}},
            ],
            {"type": ["y"]},
        ),
        (
            [FRAME],
            [{"id": "reduce", "options": {"reducers": ["max"]}}],
            {"Field": ["Value"], "Max": [2]},
        ),
    ],
)
def test_transformations(
    call: Any, frames: list[Any], transformations: list[Any], columns: dict[str, list[Any]]
) -> None:
    """Columns and rows after Grafana's transformations."""
    (frame,) = call("transformations", "transform", frames, transformations)
    assert {field["name"]: field["values"] for field in frame["fields"]} == columns


def test_an_unknown_transformation_is_named(call: Any) -> None:
    """What cannot be computed is refused, not left out."""
    with pytest.raises(Exception, match="does not know the transformation pivot"):
        call("transformations", "transform", [FRAME], [{"id": "pivot"}])


LINK_CONTEXT = {
    "values": {
        "v": variable("a b", name="v"),
        "all": variable("$__all", allValue=".+", name="all"),
    },
    "query": [["from", "now-1h"], ["to", "now"], ["var-v", "a b"]],
    "dashboards": [{"uid": "mine"}],
}
LINK_SCOPE = {
    "__value": {"raw": 0.5, "text": "50 %"},
    "__series": {"name": "p99"},
    "__field": {"labels": {"command_type": "a/b&c=${v}"}},
    "__data": {"fields": {"Exception": "KeyError", "1": "second"}},
}


@pytest.mark.parametrize(
    ("url", "href"),
    [
        ("https://w/${__value.raw}/${__value.text}", "https://w/0.5/50%20%25"),
        ("https://w/?t=${__field.labels.command_type}", "https://w/?t=a%2Fb%26c%3D%24%7Bv%7D"),
        ('https://w/?t=${__field.labels["command_type"]:percentencode}',
         "https://w/?t=a%2Fb%26c%3D%24%7Bv%7D"),
        ("https://w/${__series.name}/${__data.fields.Exception}/${__data.fields[1]}",
         "https://w/p99/KeyError/second"),
        ("https://w/?x=${__field.labels.none}", "https://w/?x="),
        ("https://w/?$v", "https://w/?a%20b"),
        ("https://w/?${all}", "https://w/?.%2B"),
        ("https://w/?${all:queryparam}", "https://w/?var-all=%24__all"),
        ("/d/mine/a-slug?${__url_time_range}&${__all_variables}",
         "/d/mine?from=now-1h&to=now&var-v=a+b"),
        ("/d/other", None),
        ("/explore?left=${__value.raw}", None),
    ],
)  # fmt: skip
def test_links_are_filled_in(call: Any, url: str, href: str | None) -> None:
    """Macros and variables are encoded; a dashboard's link stays here, Grafana's have none."""
    (link,) = call("links", "resolveLinks", [{"title": "T", "url": url}], LINK_CONTEXT, LINK_SCOPE)
    assert link == {"title": "T", "href": href, "blank": False}


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", " JavaScript:x", "data:text/html,x", "${s}"]
)
def test_scripts_are_no_links(call: Any, url: str) -> None:
    """Only web pages are linked to, also where a variable holds the whole address."""
    context = {**LINK_CONTEXT, "values": {"s": variable("javascript:alert(1)", multi=False)}}
    found = call("links", "resolveLinks", [{"title": "T", "url": url}], context, LINK_SCOPE)
    assert [each["href"] for each in found] in ([], [None])


@pytest.mark.parametrize(
    ("samples", "regions"),
    [
        ([], []),
        ([10], [{"from": 10, "to": 10}]),
        ([10, 20, 30, 70, 80], [{"from": 10, "to": 30}, {"from": 70, "to": 80}]),
    ],
)
def test_annotations_become_regions(
    call: Any, samples: list[int], regions: list[dict[str, int]]
) -> None:
    """Samples at neighbouring steps are one region, a gap begins another."""
    assert call("annotations", "regions", samples, 10) == regions
