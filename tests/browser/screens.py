"""A page of the preview, as the tests see it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page

from cqrs_dashboards.preview import Preview

ROOT = Path(__file__).parents[2]
_STATES = """() => Object.fromEntries([...document.querySelectorAll(".panel")].map((each) => {
    const { state } = each.dataset;
    const text = state === "drawn" ? "" : `: ${each.querySelector(".body").textContent}`;
    return [each.querySelector("h3").textContent, state + text];
}))"""

_CHOICES = """() => Object.fromEntries([...document.querySelectorAll(".variable details")]
    .map((each) => [each.dataset.name, [...each.querySelectorAll("label")].slice(1)
        .map((label) => label.textContent)])
    .filter(([, values]) => values.length > 1))"""

Json = dict[str, Any]
PATIENCE = 90_000  # milliseconds; a busy machine is slow, and that is no failure


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
        """Open a dashboard over five minutes, with all its rows, and wait until it is drawn."""
        self.open_closed(uid, **parameters)
        return self.open_rows()

    def open_rows(self) -> Screen:
        """Open all rows that are closed."""
        closed = self.page.locator(".row[aria-expanded=false]")
        while closed.count():
            closed.first.click()
            self.ready()
        return self

    def choices(self) -> dict[str, list[str]]:
        """Values of each variable that has several, but for All."""
        found: dict[str, list[str]] = self.page.evaluate(_CHOICES)
        return found

    def open_closed(self, uid: str, **parameters: str) -> Screen:
        """Open a dashboard over five minutes, as it is without a click on any row."""
        url = self._preview.dashboard_url(uid, **{"from": "now-5m", "refresh": "", **parameters})
        self.page.goto(url, wait_until="commit")
        self.ready()
        return self

    def ready(self) -> None:
        """Wait until everything has been asked and drawn."""
        self.page.wait_for_selector("body[data-ready=true]", timeout=PATIENCE)

    def states(self) -> dict[str, str]:
        """What became of each panel, by title."""
        found: dict[str, str] = self.page.evaluate(_STATES)
        return found

    def panel(self, title: str) -> Locator:
        """A panel's element."""
        heading = self.page.locator("h3", has_text=re.compile(f"^{re.escape(title)}$"))
        return self.page.locator("[data-panel-id]").filter(has=heading).first

    def legend(self, title: str) -> list[str]:
        """Names of the series in a panel's legend."""
        names: list[str] = self.panel(title).locator(".legend button span").all_text_contents()
        return names

    def point(self, title: str, across: float, up: float = 0.5) -> str:
        """Put the mouse on a chart, at shares of its width and height; returns what it tells."""
        plot = self.panel(title).locator(".plot")
        plot.scroll_into_view_if_needed()
        area = plot.locator(".nsewdrag").bounding_box()
        assert area is not None
        self.page.mouse.move(
            area["x"] + area["width"] * across, area["y"] + area["height"] * (1 - up)
        )
        return self.page.locator("#tooltip").text_content() or ""

    def choose(self, variable: str, value: str) -> None:
        """Tick one value of a variable."""
        box = self.page.locator(f"[data-variable={variable}]")
        if not box.locator(".choices").is_visible():
            box.locator("summary").click()
        box.locator("label", has_text=re.compile(f"^{re.escape(value)}$")).locator("input").click()
        self.ready()
