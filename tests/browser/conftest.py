"""The preview of a live service, in a real browser."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from cqrs_alerts.config import Config
from cqrs_alerts.rule_files import RECORDING_FILE, render_rules
from cqrs_dashboards.bundle import dashboards, render
from cqrs_dashboards.preview import ChromiumError, Preview
from cqrs_dashboards.preview.chromium import find_chromium
from orders.demo.ports import choose_ports
from orders.demo.prometheus import ServerMissingError, configuration, require_server
from waits import wait_for

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # for the modules beside this one, which are no package

from kinds import dashboard as every_kind  # noqa: E402 - found only now
from screens import Json, Screen  # noqa: E402 - as above


# Per module: a service under load would slow down all the tests that follow.
@pytest.fixture(scope="module")
def prometheus_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Prometheus that scrapes a real service and has evaluated the recording rules."""
    try:
        program = require_server("prometheus")
    except ServerMissingError as error:
        pytest.fail(str(error))
    folder = tmp_path_factory.mktemp("shop")
    rules = folder / "rules"
    rules.mkdir()
    (rules / RECORDING_FILE).write_text(render_rules(Config())[RECORDING_FILE])
    ports = choose_ports({"service": None, "work": None, "prometheus": None})
    *targets, itself = (f"127.0.0.1:{port}" for port in ports.values())
    (folder / "prometheus.yml").write_text(configuration(rules, targets, itself))
    commands = [
        [sys.executable, str(HERE / "shop.py"), *(each.rpartition(":")[2] for each in targets)],
        [
            str(program), f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data", f"--web.listen-address={itself}",
            "--enable-feature=exemplar-storage",
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


# Per module, not per session: Playwright keeps an event loop running in this thread, beside which
# asynchronous tests of other folders cannot start theirs.
@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
def preview(prometheus_url: str, bundle: list[Json]) -> Iterator[Preview]:
    """The preview of all dashboards, and of one with every kind of panel, on live data."""
    shown = [*bundle, every_kind()]
    with Preview(shown, prometheus_url, Config().scrape_interval) as server, server.serving():
        _wait_for_data(prometheus_url, bundle)
        yield server


def _wait_for_data(url: str, bundle: list[Json]) -> None:
    wanted = [
        variable["query"]["query"].removeprefix("label_values(").rpartition(",")[0]
        for dashboard in bundle
        for variable in dashboard["templating"]["list"]
        if variable["type"] == "query"
    ]
    for selector in wanted:
        query = f"count(count_over_time({selector.replace('$job', '.+')}[10s]) > 2)"
        wait_for(f"value of {query}", partial(_has, url, query))


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
