"""Results as tables: printed, kept as JSON, and written into docs/benchmarks.md between markers."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "benchmarks.md"
FIGURES = ROOT / "docs" / "benchmarks"


@dataclass(frozen=True)
class Table:
    """A title, what to know before reading, a header and rows."""

    title: str
    note: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def render(self) -> str:
        """As Markdown, in columns of one width."""
        cells = [self.header, *self.rows]
        widths = [max(len(row[column]) for row in cells) for column in range(len(self.header))]

        def line(row: Sequence[str]) -> str:
            padded = [
                cell.ljust(width) if column == 0 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            return f"| {' | '.join(padded)} |"

        rule = [
            "-" * width if c == 0 else "-" * (width - 1) + ":" for c, width in enumerate(widths)
        ]
        body = "\n".join(map(line, self.rows))
        return f"### {self.title}\n\n{self.note}\n\n{line(self.header)}\n{line(rule)}\n{body}\n"


def machine() -> dict[str, str]:
    """What the numbers hold for."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    packages = ("opentelemetry-api", "opentelemetry-sdk", "prometheus-client", "cqrs-telemetry")
    return {
        "python": platform.python_version(),
        "cpu": f"{cpu} x {os.cpu_count()}",
        "load": f"{os.getloadavg()[0]:.1f}",
        **{package: version(package) for package in packages},
    }


def report(name: str, tables: Sequence[Table], figures: Any, *, keep: bool) -> None:
    """Print tables; when they are to be kept, write them and their figures below docs/ as well."""
    about = machine()
    head = ", ".join(f"{key} {value}" for key, value in about.items())
    text = f"Measured with {head} (load: of the last minute, before it).\n\n"
    text += "\n".join(table.render() for table in tables)
    print(text)
    if not keep:
        return
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    page = PAGE.read_text()
    if begin not in page or end not in page:
        raise SystemExit(f"{PAGE} has no {begin} … {end}")
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    FIGURES.mkdir(exist_ok=True)
    document = json.dumps({"machine": about, "figures": figures}, indent=1) + "\n"
    for path, content in (
        (FIGURES / f"{name}.json", document),
        (PAGE, f"{before}{begin}\n\n{text}\n{end}{after}"),
    ):
        unfinished = path.with_name(path.name + ".tmp")
        unfinished.write_text(content)
        unfinished.replace(path)
