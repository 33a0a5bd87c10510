"""The generated dashboards in a real browser, on live data."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from screens import Json, Screen
from shop import PLAIN, QUOTE, SCRIPT

from cqrs_alerts.config import Config
from cqrs_dashboards.bundle import NAMES
from cqrs_dashboards.cli import main
from cqrs_dashboards.preview import Preview
from cqrs_telemetry.catalog import COMMAND_TYPE
from orders.demo.ports import choose_ports

pytestmark = pytest.mark.servers

UIDS = [f"cqrs-{name}" for name in NAMES]
WRITE = "cqrs-write-path"
BY_TYPE = "Throughput by command type"
JUST_NOW = 0.995  # of a chart's width: the service has run for less than its range
VARIABLE = COMMAND_TYPE.key.replace(".", "_")


def test_a_variable_changes_what_is_drawn(screen: Screen) -> None:
    """Choosing one type leaves its series alone, here and after the address is opened again."""
    screen.open(WRITE)
    assert set(screen.legend(BY_TYPE)) == {PLAIN, "ShipOrder", SCRIPT, QUOTE}
    screen.choose(VARIABLE, PLAIN)
    assert screen.legend(BY_TYPE) == [PLAIN]
    screen.page.reload()
    screen.ready()
    assert screen.legend(BY_TYPE) == [PLAIN]


@pytest.mark.parametrize("name", [SCRIPT, QUOTE])
def test_names_are_text(screen: Screen, name: str) -> None:
    """A type's name is neither HTML on the page nor syntax in a query, also when it is chosen."""
    screen.open(WRITE)
    screen.choose(VARIABLE, name)
    assert name in screen.point(BY_TYPE, JUST_NOW)
    assert screen.legend(BY_TYPE) == [name]
    assert set(screen.states().values()) == {"drawn"}
    assert name in (screen.panel("What fails, by command type").text_content() or "")
    assert screen.page.locator("img").count() == 0
    assert screen.complaints == []


def test_links_keep_time_and_variables(screen: Screen) -> None:
    """The links between dashboards lead to the same range of time."""
    screen.open(WRITE)
    link = screen.page.locator("#links a", has_text="Read path")
    link.click()
    screen.ready()
    assert "/d/cqrs-read-path?" in screen.page.url
    assert "from=now-5m" in screen.page.url
    assert "var-job=" in screen.page.url


def test_a_chosen_range_is_drawn(screen: Screen) -> None:
    """The time range is chosen from a list, or by dragging over a chart."""
    screen.open(WRITE)
    screen.page.select_option("#range", "now-15m")
    screen.ready()
    assert "from=now-15m" in screen.page.url
    plot = screen.panel(BY_TYPE).locator(".plot")
    plot.scroll_into_view_if_needed()  # the mouse reaches only what is on the screen
    box = plot.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    screen.page.mouse.move(box["x"] + box["width"] * 0.7, middle)
    screen.page.mouse.down()
    screen.page.mouse.move(box["x"] + box["width"] * 0.9, middle, steps=5)
    screen.page.mouse.up()
    screen.page.wait_for_url(re.compile(r"from=\d+&to=\d+"))
    screen.ready()
    begin, end = map(int, re.findall(r"(?:from|to)=(\d+)", screen.page.url))
    assert 60_000 < end - begin < 600_000


def test_hover_is_shared(screen: Screen) -> None:
    """A moment under the mouse is marked in every chart; the chart under it tells the values."""
    screen.open(WRITE)
    assert "ops/s" in screen.point(BY_TYPE, JUST_NOW)
    charts = screen.page.locator("[data-kind=timeseries], [data-kind=heatmap]").count()
    assert screen.page.locator(".crosshair:visible").count() == charts
    screen.page.locator("#title").hover()
    assert screen.page.locator(".crosshair:visible").count() == 0


def test_descriptions_are_at_hand(screen: Screen, bundle: list[Json]) -> None:
    """The icon beside a title shows the panel's description, by mouse or by keyboard."""
    screen.open(WRITE)
    (dashboard,) = (each for each in bundle if each["uid"] == WRITE)
    (panel,) = (each for each in dashboard["panels"] if each["title"] == BY_TYPE)
    icon = screen.panel(BY_TYPE).locator(".info")
    icon.hover()
    assert screen.page.locator("#tooltip").text_content() == panel["description"]
    screen.page.mouse.move(0, 0)
    assert not screen.page.locator("#tooltip").is_visible()
    icon.focus()
    assert screen.page.locator("#tooltip").is_visible()


def test_light_and_dark(screen: Screen) -> None:
    """The page follows the system, and the button turns it, charts too."""
    screen.open(WRITE)
    tick = screen.panel(BY_TYPE).locator(".xtick text").first
    light = tick.evaluate("each => getComputedStyle(each).fill")
    screen.page.locator("#theme").click()
    assert screen.page.evaluate("document.documentElement.dataset.theme") == "dark"
    tick = screen.panel(BY_TYPE).locator(".xtick text").first
    assert tick.evaluate("each => getComputedStyle(each).fill") != light


def test_an_unreachable_prometheus_is_said_in_each_panel(
    screen_of: Callable[[Preview], Screen], bundle: list[Json]
) -> None:
    """Without Prometheus there is a page whose panels name the address and the mend."""
    nobody = f"http://127.0.0.1:{choose_ports({'nobody': None})['nobody']}"
    with Preview(bundle, nobody, Config().scrape_interval) as server, server.serving():
        states = screen_of(server).open(WRITE).states()
    assert states.pop("") == "drawn"
    assert states
    for state in states.values():
        assert state.startswith(f"error: {nobody} cannot be reached")


def test_the_list_leads_to_every_dashboard(screen: Screen, preview: Preview) -> None:
    """The first page names all dashboards and links to them."""
    screen.page.goto(preview.url)
    screen.ready()
    links = screen.page.locator("#list a")
    assert [each.get_attribute("href") for each in links.all()][:-1] == [
        f"/d/{uid}" for uid in UIDS
    ]
    links.first.click()
    screen.ready()
    assert screen.page.locator("[data-panel-id]").count() > 10


@pytest.mark.usefixtures("preview")
def test_screenshots_are_whole_pages(
    tmp_path: Path, prometheus_url: str, bundle: list[Json]
) -> None:
    """One PNG per dashboard, as high as its page."""
    folder, pictures = tmp_path / "dashboards", tmp_path / "pictures"
    folder.mkdir()
    (chosen,) = (each for each in bundle if each["uid"] == WRITE)
    (folder / f"{WRITE}.json").write_text(json.dumps(chosen))
    command = ["preview", "--prometheus", prometheus_url, "--from", "now-5m"]
    done = CliRunner().invoke(
        main, [*command, "--dashboards", str(folder), "--screenshot", str(pictures)]
    )
    assert done.exit_code == 0, done.output
    width, height = _size(pictures / f"{WRITE}.png")
    assert width == 1600
    assert height > 2000
    assert [each.name for each in pictures.iterdir()] == [f"{WRITE}.png"]


def _size(png: Path) -> tuple[int, int]:
    header = png.read_bytes()[:24]
    assert header.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", header[16:24])
    return width, height
