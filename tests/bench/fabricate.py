"""A Prometheus database of many instances, written by promtool from what one instance exposes.

The series are those of ``instance.ours``, once per instance, with values that rise as they would
under steady traffic: each type has its rate, a hundredth of its messages fail, latencies are spread
exponentially. Text is made in parts, so that the disk holds one of them at a time.
"""

from __future__ import annotations

import math
import subprocess
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import instance
from prometheus_client.core import Metric

JOB = "orders"
START = 1_767_225_600  # 2026-01-01T00:00:00Z: blocks of 2 and 6 hours begin there
SCRAPE_SECONDS = 120
MEAN = 30.0  # of every distribution, in its own unit
PART = 4_000_000  # samples of one text, less than 1 GB
MOST = 400_000_000  # samples of a database, less than 1 GB without recorded series


@dataclass(frozen=True)
class Series:
    """A series of one instance: everything of its line before the instance, and its course."""

    head: str
    slope: float  # per second; 0 for a gauge
    level: float = 0.0


@dataclass(frozen=True)
class Size:
    """How much is fabricated."""

    instances: int
    types: int
    hours: float = 3.0

    @property
    def end(self) -> int:
        """When the last scrape was."""
        return START + round(self.hours * 3600)

    @property
    def scrapes(self) -> int:
        """How often each instance was scraped."""
        return (self.end - START) // SCRAPE_SECONDS + 1


def _quoted(labels: dict[str, str]) -> str:
    # An empty label is no label; the resource's id is the instance's, which comes later.
    return ",".join(
        f'{name}="{value}"'
        for name, value in labels.items()
        if value and name != "service_instance_id"
    )


def _rate(labels: dict[str, str]) -> float:
    """Messages per second of a type: 1 to 5, always the same for one type."""
    kind = labels.get("command_type") or labels.get("query_type") or labels.get("event_type") or ""
    rate = 1.0 + zlib.crc32(kind.encode()) % 5
    failed = any(value == "error" for name, value in labels.items() if name.endswith("_status"))
    return rate / 100 if failed or labels.get("error_type") else rate


def series_of(metric: Metric) -> Iterator[Series]:
    """The series of one exposed metric."""
    for sample in metric.samples:
        labels = dict(sample.labels)
        slope, level = _rate(labels), 0.0
        if sample.name.endswith("_bucket"):
            bound = float(labels["le"])
            slope *= 1.0 if math.isinf(bound) else 1 - math.exp(-bound / MEAN)
        elif sample.name.endswith("_sum"):
            slope *= MEAN
        elif metric.type not in ("counter", "histogram") or "telemetry" in sample.name:
            slope, level = 0.0, sample.value  # nothing of the instrumentation fails
            if sample.name.endswith("_timestamp_seconds"):
                slope, level = 1.0, START  # always just now
        yield Series(f"{sample.name}{{{_quoted(labels)}{',' if labels else ''}", slope, level)


def scraped(types: int) -> list[Series]:
    """What Prometheus keeps of one instance."""
    exposed = instance.ours(types).registry.collect()
    found = [series for metric in exposed for series in series_of(metric)]
    health = [
        Series("up{", 0.0, 1.0),
        Series("scrape_duration_seconds{", 0.0, 0.1),
        Series("scrape_samples_scraped{", 0.0, float(len(found))),
    ]
    return [*found, *health]


@cache
def _course(slope: float, level: float, start: int, end: int) -> tuple[str, ...]:
    """The ends of a series' lines."""
    times = range(start, end + 1, SCRAPE_SECONDS)
    return tuple(f" {math.floor(level + slope * (t - start)):d} {t}\n" for t in times)


def text(series: list[Series], instances: range, size: Size) -> Iterator[str]:
    """OpenMetrics of some instances, a series at a time."""
    for number in instances:
        where = (
            f'instance="10.{number >> 16}.{number >> 8 & 255}.{number & 255}:9464",job="{JOB}"}}'
        )
        busy = 0.8 + number % 5 / 10  # no two neighbours alike
        for one in series:
            head = one.head + where
            slope = one.slope if one.level else round(one.slope * busy, 6)
            yield head + head.join(_course(slope, one.level, START, size.end))
    yield "# EOF\n"


def check_size(size: Size, series: int) -> None:
    """Refuse what would fill the disk.

    Raises:
        ValueError: It is more than ``MOST`` samples.
    """
    samples = size.instances * series * size.scrapes
    if samples > MOST:
        raise ValueError(
            f"{size.instances}x{size.types} is {samples / 1e6:.0f} million samples, more than"
            f" {MOST / 1e6:.0f} million; choose fewer instances or types"
        )


def parts(size: Size, series: list[Series]) -> list[range]:
    """The instances, as many at a time as the disk may hold the text of."""
    check_size(size, len(series))
    at_once = max(1, PART // (len(series) * size.scrapes))
    return [
        range(first, min(first + at_once, size.instances))
        for first in range(0, size.instances, at_once)
    ]


def write_part(
    size: Size, series: list[Series], instances: range, folder: Path, promtool: Path
) -> None:
    """Add the block of some instances to a database."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder.with_suffix(".txt")
    try:
        with file.open("w", buffering=1 << 20) as part:
            part.writelines(text(series, instances, size))
        subprocess.run(
            [promtool, "tsdb", "create-blocks-from", "openmetrics", "--quiet",
             "--max-block-duration=6h", file, folder],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
    finally:
        file.unlink(missing_ok=True)
