"""A Prometheus on a fabricated database: recorded series backfilled by promtool, and questions."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml
from fabricate import START, Size
from questions import layers

from orders.demo.ports import choose_ports

EVERY = 60  # seconds between evaluations of a rule
PATIENCE = 120.0  # seconds for an answer; Prometheus gives up after as many


@dataclass(frozen=True)
class Answer:
    """What an answer took; ``refused`` says why there is none."""

    samples: int = 0
    seconds: float = 0.0  # of Prometheus' processor time
    series: int = 0
    refused: str = ""

    def __add__(self, other: Answer) -> Answer:
        return Answer(
            self.samples + other.samples, self.seconds + other.seconds, self.series + other.series
        )


class Prometheus:
    """A running server."""

    def __init__(self, url: str, pid: int) -> None:
        self.url = url
        self._pid = pid
        self._client = httpx.Client(base_url=url, timeout=PATIENCE + 30)

    def _cpu(self) -> float:
        fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def ask(self, expression: str, end: int, hours: float = 0.0, step: int = 30) -> Answer:
        """Ask for a moment, or for a range that ends there."""
        parameters: dict[str, Any] = {"query": expression, "stats": "all"}
        if hours:
            path = "/api/v1/query_range"
            parameters |= {"start": end - round(hours * 3600), "end": end, "step": step}
        else:
            path, parameters["time"] = "/api/v1/query", end
        before = self._cpu()
        answer = self._client.post(path, data=parameters).json()
        seconds = self._cpu() - before
        if answer["status"] != "success":
            return Answer(seconds=seconds, refused=answer["error"])
        data = answer["data"]
        samples = data["stats"]["samples"]["totalQueryableSamples"]
        return Answer(samples, seconds, len(data["result"]))

    def series(self, end: int) -> int:
        """How many series there are."""
        found = self.ask_value('count({__name__=~".+"})', end)
        return int(found)

    def ask_value(self, expression: str, end: int) -> float:
        """The value of an expression with one series."""
        answer = self._client.post("/api/v1/query", data={"query": expression, "time": end}).json()
        return float(answer["data"]["result"][0]["value"][1])


@contextmanager
def serve(folder: Path, binary: Path, max_samples: int = 50_000_000) -> Iterator[Prometheus]:
    """Serve a database; ``max_samples`` is what one query may hold, by default Prometheus' own."""
    port = choose_ports({"prometheus": 0})["prometheus"]
    configuration = folder.with_suffix(".yml")
    configuration.write_text("global: {}\n")
    with folder.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(
            [binary, f"--config.file={configuration}", f"--storage.tsdb.path={folder}",
             f"--web.listen-address=127.0.0.1:{port}", "--storage.tsdb.retention.time=20y",
             f"--query.max-samples={max_samples}", f"--query.timeout={PATIENCE:.0f}s",
             "--no-storage.tsdb.allow-overlapping-compaction"],
            stdout=log, stderr=log,
        )  # fmt: skip
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_ready(process, url, folder.with_suffix(".log"))
            yield Prometheus(url, process.pid)
        finally:
            process.terminate()
            process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    while process.poll() is None:
        try:
            if httpx.get(f"{url}/-/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise SystemExit(f"Prometheus ended by itself:\n{log.read_text()[-2000:]}")


def backfill(size: Size, folder: Path, prometheus: Path, promtool: Path) -> None:
    """Add the recorded series of the whole time, a layer of rules after the other.

    promtool writes a block per rule and two hours; those of a layer are made into one, since a
    Prometheus that recorded them itself would have them so.
    """
    for rules in layers():
        with tempfile.TemporaryDirectory(dir=folder.parent) as name:
            work = Path(name)
            rule_file, text = work / "rules.yml", work / "recorded.txt"
            rule_file.write_text(
                yaml.safe_dump(
                    {"groups": [{"name": "layer", "interval": f"{EVERY}s", "rules": rules}]}
                )
            )
            with serve(folder, prometheus, max_samples=400_000_000) as server:
                _run(
                    [promtool, "tsdb", "create-blocks-from", "rules", f"--url={server.url}",
                     f"--start={START + 600}", f"--end={size.end}", f"--output-dir={work / 'out'}",
                     rule_file]
                )  # fmt: skip
            (work / "out" / "wal").mkdir()  # which a database has, and promtool looks for
            with text.open("wb") as file:
                subprocess.run(
                    [promtool, "tsdb", "dump-openmetrics", work / "out"], stdout=file, check=True
                )
            _run(
                [promtool, "tsdb", "create-blocks-from", "openmetrics", "--quiet",
                 "--max-block-duration=6h", text, folder]
            )  # fmt: skip


def _run(command: list[Any]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}:\n{done.stderr[-2000:]}")


def bytes_on_disk(folder: Path) -> int:
    """What a database takes."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def remove(folder: Path) -> None:
    """Remove a database and what belongs to it."""
    shutil.rmtree(folder, ignore_errors=True)
    for suffix in (".yml", ".log", ".done"):
        folder.with_suffix(suffix).unlink(missing_ok=True)
