"""All generated dashboards on the live demo, as someone on call opens them.

Which panels there are is read from the bundle, and which may lack data from the doctor.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from screens import ROOT, Json, Screen

from cqrs_alerts.config import Config
from cqrs_dashboards.bundle import dashboards, render
from cqrs_dashboards.doctor import examine
from cqrs_dashboards.preview import Preview

pytestmark = pytest.mark.healthy

BUNDLE = {each["uid"]: each for each in map(render, dashboards(Config()))}
PICTURES = ROOT / ".demo" / "screenshots"
NARROW = 600
CUT_OFF = """() => [...document.querySelectorAll(
    "header.bar, #variables, [data-panel-id], h3, .bar-row .name, .stat .value"
)].filter((each) => each.scrollWidth > each.clientWidth && each.checkVisibility())
    .map((each) => (each.querySelector("h3") ?? each).textContent)"""
# Names and values of all legends, stats and cells: what a reader compares.
TOLD = """() => [...document.querySelectorAll(".legend, .value, .data tbody")]
    .map((each) => each.textContent)"""


@dataclass(frozen=True)
class Live:
    """The preview of a running demo, and the titles that the doctor finds data for."""

    preview: Preview
    with_data: set[tuple[str, str]]


@pytest.fixture(scope="module")
def live(start_demo: Callable[..., Any]) -> Iterator[Live]:
    """The demo under load, from when its own table is complete."""
    demo = start_demo()
    url = demo.wait_for_status("running")["urls"]["prometheus"]
    report = examine(url)
    found = {
        (each.dashboard, each.title)
        for each in report.findings
        if each.kind == "panel" and each.status in ("ok", "hidden")
    }
    with Preview([*BUNDLE.values()], url, Config().scrape_interval) as server, server.serving():
        yield Live(server, found)
    demo.end()


@pytest.fixture
def page(live: Live, screen_of: Callable[[Preview], Screen]) -> Screen:
    """A page of the demo's preview."""
    return screen_of(live.preview)


def _picture(page: Screen, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    path = PICTURES / f"{name}.png"
    page.page.screenshot(path=path, full_page=True)
    print(f"look at {path}")


def _titles(panels: list[Json]) -> set[str]:
    return {each["title"] for each in panels if each["type"] != "row"}


def _collapsed(dashboard: Json) -> list[Json]:
    return [each for row in dashboard["panels"] for each in row.get("panels", [])]


@pytest.mark.parametrize("uid", BUNDLE)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_panel_draws(live: Live, page: Screen, uid: str, theme: str) -> None:
    """What has data is drawn, the rest says why, rows open on demand, and no error is logged."""
    dashboard = BUNDLE[uid]
    closed, inside = _titles(dashboard["panels"]), _titles(_collapsed(dashboard))
    states = page.open_closed(uid, theme=theme).states()
    assert {title for title, state in states.items() if state.startswith("loading")} == inside
    states = page.open_rows().states()
    assert states.keys() == closed | inside
    with_data = {title for name, title in live.with_data if name == dashboard["title"]}
    assert with_data
    not_drawn = {title: state for title, state in states.items() if state != "drawn"}
    assert {title: not_drawn[title] for title in not_drawn.keys() & with_data} == {}
    assert [state for state in not_drawn.values() if not state.startswith("empty: ")] == []
    assert page.page.evaluate(CUT_OFF) == []
    assert page.complaints == []
    _picture(page, f"{uid}-{theme}")


@pytest.mark.parametrize("uid", BUNDLE)
def test_a_narrow_window_stays_readable(page: Screen, uid: str) -> None:
    """At 600 pixels nothing is wider than the window or cut off inside its panel."""
    page.page.set_viewport_size({"width": NARROW, "height": 900})
    page.open(uid)
    assert page.page.evaluate("document.documentElement.scrollWidth") <= NARROW
    assert page.page.evaluate(CUT_OFF) == []
    _picture(page, f"{uid}-narrow")


@pytest.mark.parametrize("uid", BUNDLE)
def test_a_variable_changes_what_is_drawn(page: Screen, uid: str) -> None:
    """Over the same time, one choice of each variable that has several tells another story."""
    now = int(time.time() * 1000) - 10_000  # what is scraped later changes nothing
    page.open_closed(uid, **{"from": str(now - 300_000), "to": str(now)})
    choices = page.choices()
    asked = [each for each in BUNDLE[uid]["templating"]["list"] if each["type"] == "query"]
    assert len(choices) >= len(asked) - 1  # the demo is one job, of several types and objectives
    for variable, values in choices.items():
        whole = page.page.evaluate(TOLD)
        page.choose(variable, values[0])
        assert page.page.evaluate(TOLD) != whole, variable
        page.choose(variable, "All")
        assert page.page.evaluate(TOLD) == whole, variable
    assert page.complaints == []
