"""Every kind of panel, drawn from a dashboard that is made for it."""

from __future__ import annotations

import time
from urllib.parse import quote

import pytest
from kinds import MARKUP, UID, WEB
from screens import Screen
from shop import TRACE

pytestmark = pytest.mark.servers

# The share of an SVG image's pixels that are not transparent.
PAINTED = """async (each) => {
    const image = new Image();
    image.src = each.getAttribute("href") ?? each.getAttribute("xlink:href");
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.width, image.height];
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const pixels = context.getImageData(0, 0, image.width, image.height).data;
    const opaque = pixels.filter((value, index) => index % 4 === 3 && value > 0);
    return opaque.length / (pixels.length / 4);
}"""
# Charts in which a text of the axis of time touches one of values, or ends beyond the chart.
TOUCHING = """() => [...document.querySelectorAll(".plot")].filter((plot) => {
    const boxes = (which) => [...plot.querySelectorAll(which)].filter((each) => each.textContent)
        .map((each) => each.getBoundingClientRect());
    const values = boxes(".ytick text, .y2tick text"), whole = plot.getBoundingClientRect();
    const touches = (one, other) => one.left < other.right && other.left < one.right
        && one.top < other.bottom && other.top < one.bottom;
    return boxes(".xtick text").some((time) =>
        time.right > whole.right + 1 || values.some((value) => touches(time, value)));
}).map((plot) => plot.closest(".panel").querySelector("h3").textContent)"""
NOT_DRAWN = {
    "Nothing there": "empty: no such thing",
    "Wrong query": 'error: invalid parameter "query": 1:5: parse error: unclosed left parenthesis',
    "Unknown kind": "error: the preview does not draw panels of the type nodeGraph",
}


@pytest.fixture
def kinds(screen: Screen) -> Screen:
    """The dashboard, drawn."""
    return screen.open(UID)


def test_each_kind_is_drawn(kinds: Screen) -> None:
    """Each kind draws; no data, a refused query and an unknown kind are said in the panel."""
    states = kinds.states()
    assert {title: state for title, state in states.items() if state != "drawn"} == NOT_DRAWN


def test_names_are_not_markup_for_plotly(kinds: Screen) -> None:
    """What Plotly would print in bold stays as it is, in axes and slices too."""
    for title in ("States", "Pie", "Bar chart"):
        texts = kinds.panel(title).locator("svg text").all_text_contents()
        assert any(MARKUP in each for each in texts)


def test_units_thresholds_and_mappings(kinds: Screen) -> None:
    """Values stand in their unit, in the colour of their threshold, or under their mapping."""
    value = kinds.panel("One stat").locator(".value")
    assert value.text_content() == "70%"
    assert value.evaluate("each => getComputedStyle(each).color") == "rgb(255, 152, 48)"
    assert "up" in kinds.panel("States").locator("svg text").all_text_contents()
    assert kinds.panel("Bar gauge").locator(".value").all_text_contents() == ["25%", "60%", "90%"]


def test_tables_are_organized_and_sorted(kinds: Screen) -> None:
    """Columns are renamed and left out as configured, rows sorted; a click on a heading sorts."""
    table = kinds.panel("Table")
    assert table.locator("th").all_text_contents() == ["Name", "Share ↓"]
    names = table.locator("td:first-child")
    assert names.all_text_contents() == [MARKUP, "beta", "alpha"]
    table.locator("th button", has_text="Name").click()
    assert names.all_text_contents() == [MARKUP, "alpha", "beta"]
    cell = table.locator("td.number").first
    assert cell.evaluate("each => getComputedStyle(each).backgroundColor") == "rgb(242, 73, 92)"


def test_texts_of_axes_do_not_touch(screen: Screen) -> None:
    """A moment's text neither lies on the lowest value's nor ends early, wherever it wanders."""
    now = int(time.time() * 1000)
    for earlier in range(0, 60_000, 12_000):
        end = now - earlier
        screen.open(UID, **{"from": str(end - 300_000), "to": str(end)})
        assert screen.page.evaluate(TOUCHING) == []
        drawn = screen.panel("Bars").locator(".xtick text").all_text_contents()
        assert sum(map(bool, drawn)) >= 2


def test_a_line_at_0_is_seen(kinds: Screen) -> None:
    """It lies above the chart's lower edge with all its width."""
    panel = kinds.panel("Line at 0")
    line, area = (panel.locator(each).first.bounding_box() for each in (".js-line", ".nsewdrag"))
    assert line is not None
    assert area is not None
    assert line["y"] + line["height"] + 1 < area["y"] + area["height"]


def test_names_of_bars_are_whole(kinds: Screen) -> None:
    """A bar begins after the longest name."""
    widths = (
        kinds.panel("Bar gauge")
        .locator(".name")
        .evaluate_all("all => all.map((each) => [each.scrollWidth, each.clientWidth])")
    )
    assert len(widths) == 3
    assert all(needed <= there for needed, there in widths)


def test_overrides_and_second_axis(kinds: Screen) -> None:
    """A colour by regular expression and an axis on the right reach the chart."""
    swatch = kinds.panel("Lines").locator(".legend button", has_text="alpha").locator("i")
    assert swatch.evaluate("each => getComputedStyle(each).backgroundColor") == "rgb(184, 119, 217)"
    right = kinds.panel("Two axes").locator(".y2tick text").all_text_contents()
    assert right
    assert all(each.endswith("ms") for each in right)


def test_buckets_become_bands(kinds: Screen) -> None:
    """The heatmap tells the rate inside a band, not the cumulative count up to its bound."""
    told = [kinds.point("Heatmap", 0.5, up) for up in (0.1, 0.4, 0.6, 0.9)]
    # Bounds 5, 10, 100, +Inf at 1, 4, 9, 9.5 cumulated; the unit of the panel is a share.
    for text, band in zip(told, ("5 ms100%", "10 ms300%", "100 ms500%", "+Inf50%"), strict=True):
        assert text.endswith(band)


@pytest.mark.parametrize("start", ["now-5m", "now-30m", "now-6h", "now-30d"])
def test_cells_are_seen_over_any_range(screen: Screen, start: str) -> None:
    """Cells of a long range are narrow, and yet most of the heatmap is painted."""
    screen.open(UID, **{"from": start})
    painted = screen.panel("Heatmap").locator("image").evaluate(PAINTED)
    assert painted > 0.5


def test_a_click_in_the_legend_shows_one_series(kinds: Screen) -> None:
    """As in Grafana: one series alone, and all of them with a second click."""
    panel = kinds.panel("Bars")
    bars = panel.locator(".trace.bars")
    assert bars.count() == 3
    panel.locator(".legend button", has_text="beta").click()
    assert bars.count() == 1
    panel.locator(".legend button", has_text="beta").click()
    assert bars.count() == 3


def test_text_is_markdown_without_html(kinds: Screen) -> None:
    """Markdown is rendered, HTML and script links in it stay text, variables are replaced."""
    text = kinds.panel("Text about small").locator(".text")
    assert text.inner_html().strip() == (
        "<p><strong>Strong</strong> &lt;i&gt;raw&lt;/i&gt; [link](javascript:1) small</p>"
    )


def test_rows_collapse_and_repeat(kinds: Screen) -> None:
    """A row repeats per chosen value, with that value inside, and closes and opens."""
    assert kinds.panel("Inside small").locator(".value").text_content() == "10%"
    kinds.choose("size", "large")
    kinds.page.locator(".row", has_text="Collapsed large").click()
    kinds.ready()
    assert kinds.panel("Inside large").locator(".value").text_content() == "90%"
    assert kinds.panel("Inside small").is_visible()
    kinds.page.locator(".row", has_text="Collapsed small").click()
    assert not kinds.panel("Inside small").is_visible()


def test_annotations_are_marked(kinds: Screen) -> None:
    """Samples that follow each other are one region, with title, text and tags in the tooltip."""
    shapes = kinds.panel("Bars").locator(".shapelayer path")
    assert 3 <= shapes.count() <= 6  # every minute of five, ten seconds long
    shapes.last.scroll_into_view_if_needed()
    box = shapes.last.bounding_box()
    assert box is not None
    kinds.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    told = kinds.page.locator("#tooltip").inner_text()
    assert "shop restarted" in told
    assert "of shop · shop" in told


def test_annotations_have_switches(kinds: Screen) -> None:
    """One that is off is not asked, one that fails says why beside its name, and both are apart."""
    switches = {
        name: kinds.page.locator(f"[data-annotation={name}]")
        for name in ("Restart", "Wrong", "Off")
    }
    boxes = {name: each.locator("input").is_checked() for name, each in switches.items()}
    assert boxes == {"Restart": True, "Wrong": True, "Off": False}
    assert "parse error" in (switches["Wrong"].get_attribute("title") or "")
    switches["Restart"].click()
    kinds.ready()
    assert kinds.panel("Bars").locator(".shapelayer path").count() == 0


@pytest.mark.parametrize("title", ["Lines with exemplars", "Heatmap with exemplars"])
def test_exemplars_are_points(kinds: Screen, title: str) -> None:
    """An exemplar tells its value and labels under the mouse, and keeps them open to be copied."""
    point = kinds.panel(title).locator(".scatterlayer .point").last
    point.scroll_into_view_if_needed()
    box = point.bounding_box()
    assert box is not None
    place = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    kinds.page.mouse.move(*place)
    told = kinds.page.locator("#tooltip").inner_text()
    assert "400 ms" in told
    assert TRACE in told
    kinds.page.mouse.click(*place)
    assert TRACE in kinds.page.locator("#menu").inner_text()
    kinds.page.keyboard.press("Escape")
    assert not kinds.page.locator("#menu").is_visible()


def test_links_open_in_a_menu(kinds: Screen) -> None:
    """A value's links know it; scripts are no links, nor is what only Grafana has."""
    kinds.panel("Linked stats").locator(".stat", has_text="beta").click()
    menu = kinds.page.locator("#menu")
    links = {each.inner_text(): each.get_attribute("href") for each in menu.locator("a").all()}
    assert links.pop("All of beta") == "/d/every-kind?from=now-5m&to=now"
    assert links == {"Wiki": f"{WEB}beta/0.6"}
    assert menu.locator("a", has_text="Wiki").get_attribute("rel") == "noopener noreferrer"
    elsewhere = menu.locator(".elsewhere").all_inner_texts()
    assert elsewhere == ["Traces (in Grafana)"]


def test_the_nearest_line_has_the_links(kinds: Screen) -> None:
    """A click on a chart opens the links of the line beside the mouse, its name encoded."""
    kinds.point("Linked lines", 0.5, 0.9)
    kinds.page.mouse.down()
    kinds.page.mouse.up()
    wiki = kinds.page.locator("#menu a", has_text="Wiki").get_attribute("href")
    assert wiki == f"{WEB}{quote(MARKUP, safe='')}/0.9"


def test_panels_have_links(kinds: Screen) -> None:
    """A panel's own links stand in its heading."""
    link = kinds.panel("Stats with sparklines").locator("header a")
    assert (link.inner_text(), link.get_attribute("href")) == ("Runbook", WEB)
