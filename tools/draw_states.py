"""Draw docs/pictures/states*.png: one projection in each state, live, as the preview shows it.

``python tools/draw_states.py`` takes six minutes: facts from the real instrumentation, the real
rules in a real Prometheus, and Chromium. docs/projections.md has the projections' names from here.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from playwright.sync_api import Locator, sync_playwright

from cqrs_alerts.config import Config
from cqrs_alerts.projection_settings import ProjectionSettings
from cqrs_alerts.rule_files import RECORDING_FILE, render_rules
from cqrs_dashboards.bundle import render_all
from cqrs_dashboards.preview import Preview
from cqrs_dashboards.preview.chromium import find_chromium
from cqrs_dashboards.projection_states import TITLE
from cqrs_telemetry import Backlog, CqrsTelemetry
from cqrs_telemetry.prometheus import serve_metrics
from cqrs_telemetry.rebuild import Rebuild
from orders.demo.ports import choose_ports
from orders.demo.prometheus import configuration, require_server

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
INTERVAL = "2s"
CONFIG = Config(
    scrape_interval=INTERVAL,
    projections=ProjectionSettings(stalled_after="20s"),
    slos=replace(
        Config().slos,
        projection_freshness=replace(Config().slos.projection_freshness, within_ms=10_000),
    ),
)
SECONDS = 300  # that are drawn
BREAKS, RECOVERS = 60, 200  # seconds after the start
WRITES = 10.0  # events per second for each projection
TICK = 0.1
REPLAYED = 5000


@dataclass
class View:
    """A projection and the events that wait for it, as the times at which they happened."""

    telemetry: CqrsTelemetry
    name: str
    waiting: deque[float] = field(default_factory=deque)
    handler: Callable[[Event], None] | None = None
    poisoned: bool = False
    watched: bool = True
    owed: float = 0.0
    rebuild: Rebuild | None = None

    def __post_init__(self) -> None:
        self.start()
        self.telemetry.watch_projection(self.name, self.backlog)

    def start(self) -> None:
        """Have a handler that lives."""
        self.handler = self.telemetry.instrument_projection(self.name, self.handle_event)

    def backlog(self) -> Backlog | None:
        """What the watcher finds."""
        if not self.watched:
            return None
        waiting = list(self.waiting)
        return Backlog(len(waiting), waiting[0] if waiting else None)

    def handle_event(self, event: Event) -> None:
        """Apply an event, which is what may fail."""
        if self.poisoned:
            raise ValueError(event)

    def apply(self, rate: float) -> None:
        """Apply up to so many events per second."""
        self.owed = min(self.owed + rate * TICK, rate)
        while self.handler and self.waiting and self.owed >= 1:
            self.owed -= 1
            try:
                self.handler(Event(self.waiting[0]))
            except ValueError:
                return  # it stays the first, and is tried again
            self.waiting.popleft()


@dataclass(frozen=True)
class Event:
    """Something that happened."""

    timestamp: float


def broken(elapsed: float) -> bool:
    """Whether it is the time of troubles."""
    return BREAKS <= elapsed < RECOVERS


def healthy(view: View, _elapsed: float) -> None:
    """Apply what comes."""
    view.apply(2 * WRITES)


def after_a_pause(view: View, elapsed: float) -> None:
    """Stand still for forty seconds, then work it off."""
    if not BREAKS <= elapsed < BREAKS + 40:
        view.apply(1.5 * WRITES)


def too_slow(view: View, elapsed: float) -> None:
    """Apply two events of three."""
    view.apply(WRITES * 2 / 3 if elapsed >= BREAKS else 2 * WRITES)


def lost_notification(view: View, elapsed: float) -> None:
    """Live, and apply nothing until somebody starts it again."""
    if not broken(elapsed):
        view.apply(8 * WRITES)


def poison_event(view: View, elapsed: float) -> None:
    """Fail on one event until it is mended."""
    view.poisoned = broken(elapsed)
    view.apply(0.5 * WRITES if view.poisoned else 8 * WRITES)


def killed(view: View, elapsed: float) -> None:
    """End, and be started again."""
    if broken(elapsed):
        view.handler = None
        return
    if view.handler is None:
        view.start()
    view.apply(8 * WRITES)


def rebuilt(view: View, elapsed: float) -> None:
    """Replay everything, then go on."""
    if elapsed < BREAKS:
        view.apply(2 * WRITES)
        return
    if view.rebuild is None:
        view.rebuild = view.telemetry.rebuilding(view.name, REPLAYED).__enter__()
        now = time.time()
        view.waiting.extendleft([now - 3600] * REPLAYED)
    if view.rebuild.applied >= REPLAYED:
        view.rebuild.leave()
    view.apply(REPLAYED / (RECOVERS - BREAKS))


def unwatched(view: View, elapsed: float) -> None:
    """Work, while nobody can tell how much is left."""
    view.watched = not broken(elapsed)
    view.apply(2 * WRITES)


CASES: dict[str, Callable[[View, float], None]] = {
    "healthy": healthy, "after_a_pause": after_a_pause, "too_slow": too_slow,
    "lost_notification": lost_notification, "poison_event": poison_event, "killed": killed,
    "rebuilt": rebuilt, "unwatched": unwatched,
}  # fmt: skip


def run(telemetry: CqrsTelemetry) -> None:
    """Let all projections go through their troubles."""
    views = {name: View(telemetry, name) for name in CASES}
    start, due = time.time(), 0.0
    while (elapsed := time.time() - start) < SECONDS:
        due += WRITES * TICK
        for view in views.values():
            view.waiting.extend([time.time()] * int(due))
            CASES[view.name](view, elapsed)
        due -= int(due)
        time.sleep(TICK)


@contextmanager
def prometheus(folder: Path, target: int) -> Iterator[str]:
    """A server that scrapes that port and evaluates the recording rules."""
    (folder / RECORDING_FILE).write_text(render_rules(CONFIG)[RECORDING_FILE])
    address = f"127.0.0.1:{choose_ports({'prometheus': None})['prometheus']}"
    text = configuration(folder, [f"127.0.0.1:{target}"], address, interval=INTERVAL)
    (folder / "prometheus.yml").write_text(text)
    command = [
        str(require_server("prometheus")), f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data", f"--web.listen-address={address}",
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(20)


def draw(url: str) -> None:
    """The row about trust, of all projections and of each one, over the time until now."""
    end = int(time.time() * 1000)
    over = {"from": str(end - SECONDS * 1000), "to": str(end), "refresh": ""}
    with (
        Preview(render_all(CONFIG), url, INTERVAL) as server,
        server.serving(),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=str(find_chromium()), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1200, "height": 900}, color_scheme="light")

        def row(**chosen: str) -> Locator:
            page.goto(server.dashboard_url("cqrs-projections", **over, **chosen))
            page.wait_for_selector("body[data-ready=true]")
            return page.locator(".section", has_text=TITLE).first

        PICTURES.mkdir(exist_ok=True)
        row().screenshot(path=PICTURES / "states.png")
        for name in CASES:
            picture = row(**{"var-projection_name": name})
            picture.screenshot(path=PICTURES / f"state-{name.replace('_', '-')}.png")
        browser.close()


def main() -> None:
    """Run for as long as is drawn, then draw."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = choose_ports({"service": None})["service"]
        serve_metrics(port)
        url = stack.enter_context(prometheus(folder, port))
        run(CqrsTelemetry())
        draw(url)


if __name__ == "__main__":
    main()
