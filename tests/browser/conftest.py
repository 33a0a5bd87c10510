"""The preview of a live service, in a real browser."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from kinds import dashboard as every_kind
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from cqrs_alerts.config import Config
from cqrs_alerts.rule_files import RECORDING_FILE, render_rules
from cqrs_dashboards.bundle import dashboards, render
from cqrs_dashboards.preview import ChromiumError, Preview
from cqrs_dashboards.preview.chromium import find_chromium
from orders.demo.prometheus import PrometheusMissingError, configuration, find_prometheus

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
DEADLINE = 60.0  # seconds until the service has rates
STATES = """() => Object.fromEntries([...document.querySelectorAll("[data-panel-id]")].map(
    (each) => [each.querySelector("h3").textContent,
               each.dataset.state === "drawn" ? "drawn" : `${each.dataset.state}: ${each.querySelector(".body").textContent}`]))"""

Json = dict[str, Any]


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


class Screen:
    """A page of the preview, with everything that it complained of."""

    def __init__(self, page: Page, preview: Preview) -> None:
        self.page = page
        self._preview = preview
        self.complaints: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def open(self, uid: str, **parameters: str) -> Screen:
        """Open a dashboard over the last five minutes, all rows open, and wait until it is drawn."""
        url = self._preview.dashboard_url(uid, **{"from": "now-5m", "refresh": "", **parameters})
        self.page.goto(url)
        self.ready()
        for row in self.page.locator(".row[aria-expanded=false]").all():
            row.click()
            self.ready()
        return self

    def ready(self) -> None:
        """Wait until everything has been asked and drawn."""
        self.page.wait_for_selector("body[data-ready=true]", timeout=30_000)

    def states(self) -> dict[str, str]:
        """What became of each panel, by title."""
        found: dict[str, str] = self.page.evaluate(STATES)
        return found

    def panel(self, title: str) -> Any:
        """A panel's element."""
        heading = self.page.locator("h3", has_text=title)
        return self.page.locator("[data-panel-id]").filter(has=heading).first

    def legend(self, title: str) -> list[str]:
        """Names of the series in a panel's legend."""
        names: list[str] = self.panel(title).locator(".legend button span").all_text_contents()
        return names

    def choose(self, variable: str, value: str) -> None:
        """Tick one value of a variable."""
        box = self.page.locator(f"[data-variable={variable}]")
        box.locator("summary").click()
        box.locator("label", has_text=value).locator("input").click()
        self.ready()


@pytest.fixture(scope="session")
def prometheus_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Prometheus that scrapes a real service and has evaluated the recording rules."""
    try:
        program = find_prometheus(ROOT)
    except PrometheusMissingError as error:
        pytest.fail(str(error))
    folder = tmp_path_factory.mktemp("shop")
    rules = folder / "rules"
    rules.mkdir()
    (rules / RECORDING_FILE).write_text(render_rules(Config())[RECORDING_FILE])
    service, itself = (f"127.0.0.1:{free_port()}" for _ in range(2))
    (folder / "prometheus.yml").write_text(configuration(rules, [service], itself))
    commands = [
        [sys.executable, str(HERE / "shop.py"), service.rpartition(":")[2]],
        [
            str(program), f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data", f"--web.listen-address={itself}",
        ],
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        processes = [subprocess.Popen(each, stdout=log, stderr=log) for each in commands]
        try:
            yield f"http://{itself}"
        finally:
            for process in processes:
                process.terminate()
                process.wait(20)


@pytest.fixture(scope="session")
def bundle() -> list[Json]:
    """All generated dashboards."""
    return [render(each) for each in dashboards(Config())]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    try:
        chromium = find_chromium()
    except ChromiumError as error:
        pytest.fail(f"{error}; run `make tools`")
    with sync_playwright() as playwright:
        sandbox = [] if os.geteuid() else ["--no-sandbox"]
        started = playwright.chromium.launch(executable_path=str(chromium), args=sandbox)
        yield started
        started.close()


@pytest.fixture(scope="session")
def preview(prometheus_url: str, bundle: list[Json]) -> Iterator[Preview]:
    """The preview of all dashboards, and of one with every kind of panel, on live data."""
    shown = [*bundle, every_kind()]
    with Preview(shown, prometheus_url, Config().scrape_interval) as server, server.serving():
        _wait_for_data(prometheus_url, [each for each in bundle])
        yield server


def _wait_for_data(url: str, bundle: list[Json]) -> None:
    wanted = [
        variable["query"]["query"].removeprefix("label_values(").rpartition(",")[0]
        for dashboard in bundle
        for variable in dashboard["templating"]["list"]
        if variable["type"] == "query"
    ]
    end = time.monotonic() + DEADLINE
    for selector in wanted:
        query = f"count(count_over_time({selector.replace('$job', '.+')}[10s]) > 2)"
        while not _has(url, query):
            if time.monotonic() > end:
                pytest.fail(f"{query} has no value after {DEADLINE:g} s")
            time.sleep(0.2)


def _has(url: str, query: str) -> bool:
    try:
        answer = httpx.get(f"{url}/api/v1/query", params={"query": query})
        return bool(answer.json()["data"]["result"])
    except (httpx.TransportError, ValueError, KeyError):
        return False


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser's profile of its own, light, 1400 pixels wide."""
    fresh = browser.new_context(viewport={"width": 1400, "height": 900}, color_scheme="light")
    yield fresh
    fresh.close()


@pytest.fixture
def screen(context: BrowserContext, preview: Preview) -> Screen:
    """A page of the preview."""
    return Screen(context.new_page(), preview)


@pytest.fixture
def screen_of(context: BrowserContext) -> Callable[[Preview], Screen]:
    """A page of another preview."""
    return lambda preview: Screen(context.new_page(), preview)
