"""How long the tools take from a cold start: generating, the doctor, the preview's first page.

``python tests/bench/tools.py [--prometheus URL] [--rounds N] [--docs]``. The doctor and the preview
need a Prometheus with data, such as that of ``make demo``, whose address it prints.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright
from tables import Table, report

from cqrs_dashboards.preview.chromium import find_chromium
from orders.demo.ports import choose_ports

BIN = Path(sys.executable).parent


def processor_seconds(command: list[Any], accepted: tuple[int, ...] = (0,)) -> tuple[float, float]:
    """A command in a new process: processor time, and the clock's."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    clock = time.monotonic() - start
    if done.returncode not in accepted:
        raise SystemExit(f"{' '.join(map(str, command))}: {done.stderr[-1000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, clock


def generate(folder: Path) -> tuple[float, float]:
    """Rules, runbooks and dashboards, by both programs one after the other."""
    commands = (
        [BIN / "cqrs-alerts", "generate", "--output", folder, "--runbooks", folder / "runbooks"],
        [BIN / "cqrs-dashboards", "generate", "--output", folder / "dashboards"],
    )
    found = [processor_seconds(command) for command in commands]
    return sum(spent for spent, _ in found), sum(clock for _, clock in found)


def doctor(url: str) -> tuple[float, float]:
    """Every panel and alert; 1 says that something is empty."""
    return processor_seconds([BIN / "cqrs-dashboards", "doctor", "--prometheus", url], (0, 1))


def first_paint(url: str) -> tuple[float, float]:
    """From the browser's first request to the first thing it shows; the server runs already."""
    port = choose_ports({"preview": None})["preview"]
    server = subprocess.Popen(
        [BIN / "cqrs-dashboards", "preview", "--prometheus", url, "--port", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
            page = browser.new_page()
            address = f"http://127.0.0.1:{port}/"
            for _ in range(200):
                try:
                    page.goto(address)
                    break
                except Exception:
                    time.sleep(0.1)
            page.close()
            page = browser.new_page()
            page.goto(address)
            page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
            paint = page.evaluate(
                "performance.getEntriesByName('first-contentful-paint')[0].startTime"
            )
            browser.close()
            return float("nan"), paint / 1000
    finally:
        server.terminate()
        server.wait()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prometheus", metavar="URL", help="with data, for doctor and preview")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--docs", action="store_true", help="keep results in docs/benchmarks.md")
    arguments = parser.parse_args()
    runs: dict[str, tuple[str, Callable[[], tuple[float, float]]]] = {}
    with tempfile.TemporaryDirectory() as name:
        runs["all rules, runbooks and dashboards"] = "1 s", lambda: generate(Path(name))
        if arguments.prometheus:
            runs["doctor"] = "3 s", lambda: doctor(arguments.prometheus)
            runs["preview, first paint"] = "2 s", lambda: first_paint(arguments.prometheus)
        found = {
            what: (aim, [run() for _ in range(arguments.rounds)])
            for what, (aim, run) in runs.items()
        }
    rows = []
    for what, (aim, times) in found.items():
        spent, clock = zip(*times, strict=True)
        cpu = "" if spent[0] != spent[0] else f"{min(spent):.2f} / {statistics.median(spent):.2f}"
        rows.append((what, aim, cpu, f"{min(clock):.2f} / {statistics.median(clock):.2f}"))
    note = f"Each from a cold start, {arguments.rounds} times: minimum / median, in seconds."
    table = Table("Tools", note, ("", "aim", "processor", "clock"), tuple(rows))
    figures = {
        what: [[None if each != each else each for each in pair] for pair in times]
        for what, (_, times) in found.items()
    }
    report("tools", [table], figures, keep=arguments.docs)


if __name__ == "__main__":
    main()
