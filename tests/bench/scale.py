"""Rules and dashboards over many instances and types: what Prometheus reads and spends for them.

``python tests/bench/scale.py [--sizes 1x50,10x50] [--keep FOLDER] [--docs]``: instances x types.
The databases are fabricated (fabricate.py), recorded series backfilled by promtool (database.py).
Takes minutes for ten instances and hours for a thousand; what is kept is not made again.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from database import Answer, Prometheus, backfill, bytes_on_disk, serve
from fabricate import SCRAPE_SECONDS, Size, check_size, parts, scraped, write_part
from questions import CONTRACT, dashboard_questions, needs_history, on_raw_metrics, rule_groups
from tables import Table, report

from orders.demo.prometheus import require_server

HOURS = 6.0
INTERVAL = 60.0  # seconds: what a group's evaluation is a share of
SIZES = "1x50,10x50,100x50,1000x50,10x1,10x10,10x100"


@dataclass(frozen=True)
class Load:
    """A dashboard loaded once: panels as they are, and as they would be on raw metrics."""

    panels: int
    compared: int
    recorded: Answer
    of_compared: Answer  # the recorded ones of those that have a raw form that was answered
    raw: Answer
    refused: int


@dataclass(frozen=True)
class Result:
    """Everything about one size."""

    instances: int
    types: int
    series: int
    recorded_series: int
    bytes: int
    groups: dict[str, Answer]
    failed_rules: list[str]
    dashboards: dict[str, Load]
    contract: Answer
    contract_refused: int
    seconds: float = field(default=0.0)


def prepare(size: Size, folder: Path, prometheus: Path, promtool: Path) -> None:
    """Make a database unless it is there; what is unfinished is told by its missing mark."""
    series = scraped(size.types)
    marks = folder.with_suffix(".done"), folder.with_suffix(".recorded")
    if not marks[0].exists():
        for instances in parts(size, series):
            say(f"{folder.name}: instances {instances[0]} to {instances[-1]}")
            write_part(size, series, instances, folder, promtool)
        marks[0].touch()
    if not marks[1].exists():
        say(f"{folder.name}: recorded series")
        backfill(size, folder, prometheus, promtool)
        marks[1].touch()


def evaluate(server: Prometheus, size: Size) -> tuple[dict[str, Answer], list[str]]:
    """Each rule once, at the end of time."""
    found: dict[str, Answer] = {}
    failed = []
    for group, rules in rule_groups().items():
        total = Answer()
        for rule in rules:
            answer = server.ask(rule["expr"], size.end)
            if answer.refused:
                failed.append(f"{rule.get('record', rule.get('alert'))}: {answer.refused}")
            total += answer
        found[group] = total
    return found, failed


def load(server: Prometheus, size: Size, *, raw_too: bool) -> dict[str, Load]:
    """Each dashboard once, as it is and on raw metrics."""
    found: dict[str, list[tuple[Answer, Answer | None]]] = {}
    for question in dashboard_questions():
        hours = 0.0 if question.instant else HOURS
        recorded = server.ask(question.expression, size.end, hours)
        raw = None
        if raw_too and "cqrs:" in question.expression and not needs_history(question.expression):
            raw = server.ask(on_raw_metrics(question.expression), size.end, hours)
        found.setdefault(question.dashboard, []).append((recorded, raw))
    return {name: _load(answers) for name, answers in found.items()}


def _load(answers: list[tuple[Answer, Answer | None]]) -> Load:
    compared = [(mine, raw) for mine, raw in answers if raw is not None and not raw.refused]
    return Load(
        len(answers),
        len(compared),
        sum((mine for mine, _ in answers), Answer()),
        sum((mine for mine, _ in compared), Answer()),
        sum((raw for _, raw in compared), Answer()),
        sum(raw is not None and bool(raw.refused) for _, raw in answers),
    )


def measure(size: Size, folder: Path, prometheus: Path, *, raw_too: bool) -> Result:
    """Everything about one size."""
    began = time.time()
    with serve(folder, prometheus) as server:
        recorded = int(server.ask_value('count({__name__=~"cqrs:.+"})', size.end))
        groups, failed = evaluate(server, size)
        contract = [server.ask(expression, size.end, HOURS) for expression in CONTRACT]
        dashboards = load(server, size, raw_too=raw_too)
        return Result(
            size.instances, size.types, server.series(size.end) - recorded, recorded,
            bytes_on_disk(folder), groups, failed, dashboards, sum(contract, Answer()),
            sum(bool(answer.refused) for answer in contract), time.time() - began,
        )  # fmt: skip


def say(text: str) -> None:
    """Progress."""
    print(time.strftime("%H:%M:%S"), text, file=sys.stderr, flush=True)


def _millions(samples: int) -> str:
    return f"{samples / 1e6:.2f} M"


def _compared(loads: list[Load]) -> tuple[str, ...]:
    """Recorded and raw forms of the same queries: samples, their ratio, times, and refusals."""
    mine = sum((load.of_compared for load in loads), Answer())
    raw = sum((load.raw for load in loads), Answer())
    refused = sum(load.refused for load in loads)
    if not raw.samples:
        return ("not asked",) * 6
    return (
        _millions(mine.samples), _millions(raw.samples), f"{raw.samples / mine.samples:.0f}",
        f"{mine.seconds:.2f} s", f"{raw.seconds:.2f} s", f"{refused}",
    )  # fmt: skip


def tables(results: Iterable[Result]) -> list[Table]:
    """Rules by size, dashboards by size, and each dashboard of the largest."""
    results = list(results)
    rules, loads = [], []
    for one in results:
        slowest = max(one.groups.values(), key=lambda answer: answer.seconds)
        total = sum(one.groups.values(), Answer())
        rules.append((
            f"{one.instances} x {one.types}", f"{one.series}", f"{one.recorded_series}",
            f"{one.bytes / 1e6:.0f} MB", _millions(total.samples), f"{total.seconds:.2f} s",
            f"{slowest.seconds / INTERVAL:.1%}", f"{total.seconds / INTERVAL:.1%}",
        ))  # fmt: skip
        every = list(one.dashboards.values())
        mine = sum((each.recorded for each in every), Answer())
        loads.append((
            f"{one.instances} x {one.types}", _millions(mine.samples), f"{mine.seconds:.2f} s",
            *_compared(every),
            _millions(one.contract.samples), f"{one.contract.seconds:.2f} s",
        ))  # fmt: skip
    largest = max(
        results, key=lambda one: sum(each.raw.samples for each in one.dashboards.values())
    )
    each_dashboard = [
        (
            name, f"{one.panels}", _millions(one.recorded.samples), f"{one.recorded.seconds:.2f} s",
            f"{one.compared}", f"{one.raw.samples / max(1, one.of_compared.samples):.0f}",
            f"{one.raw.seconds:.2f} s", f"{one.refused}",
        )
        for name, one in largest.dashboards.items()
    ]  # fmt: skip
    return [
        Table(
            "Rules: one evaluation of all groups",
            f"Share of an interval of {INTERVAL:.0f} s, in processor time of Prometheus; each rule "
            "asked once at the end of the data, without writing what it records.",
            ("instances x types", "series", "recorded", "on disk", "samples read", "time",
             "slowest group", "all groups"),
            tuple(rules),
        ),
        Table(
            f"Dashboards: all of them loaded once, {HOURS:.0f} h",
            "Every query of every panel; then those that have a form on raw metrics which was "
            "answered, in both forms. Refused: raw forms that exceed Prometheus' default limits "
            "(50 million samples at once, 2 minutes).",
            ("instances x types", "samples", "time", "compared: recorded", "raw", "raw/recorded",
             "time recorded", "time raw", "raw refused", "contract's three: samples", "time"),
            tuple(loads),
        ),
        Table(
            f"Each dashboard at {largest.instances} x {largest.types}",
            "As above.",
            ("", "queries", "samples", "time", "compared", "raw/recorded samples", "time raw",
             "raw refused"),
            tuple(each_dashboard),
        ),
    ]  # fmt: skip


def parse_size(text: str) -> Size:
    """``10x50``: ten instances of fifty types."""
    instances, _, types = text.partition("x")
    if not (instances.isdigit() and types.isdigit() and int(instances) and int(types)):
        raise argparse.ArgumentTypeError(f"a size is instances x types such as 10x50, not {text!r}")
    return Size(int(instances), int(types))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default=SIZES, help=f"by default {SIZES}")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the databases there")
    parser.add_argument(
        "--raw-up-to", type=int, default=100, metavar="INSTANCES",
        help="no raw forms beyond (100): Prometheus would be busy for an hour with refusing them",
    )  # fmt: skip
    parser.add_argument("--docs", action="store_true", help="keep results in docs/benchmarks.md")
    arguments = parser.parse_args()
    try:
        sizes = [parse_size(size) for size in arguments.sizes.split(",")]
        for size in sizes:  # before hours are spent on the first ones
            check_size(size, len(scraped(size.types)))
    except (argparse.ArgumentTypeError, ValueError) as error:
        parser.error(str(error))
    prometheus, promtool = (require_server(name) for name in ("prometheus", "promtool"))
    with tempfile.TemporaryDirectory() as temporary:
        base = (arguments.keep or Path(temporary)).absolute()
        base.mkdir(parents=True, exist_ok=True)
        results = []
        for size in sizes:
            folder = base / f"{size.instances}x{size.types}"
            prepare(size, folder, prometheus, promtool)
            kept = folder.with_suffix(".json")
            if not kept.exists():
                say(f"{folder.name}: questions")
                raw_too = size.instances <= arguments.raw_up_to
                kept.write_text(
                    json.dumps(asdict(measure(size, folder, prometheus, raw_too=raw_too)))
                )
            results.append(_read(json.loads(kept.read_text())))
    print(f"Scraped every {SCRAPE_SECONDS} s for {sizes[0].hours:.0f} hours.")
    report("scale", tables(results), [asdict(one) for one in results], keep=arguments.docs)


def _read(found: dict[str, Any]) -> Result:
    loads = {
        name: Load(**{k: Answer(**v) if isinstance(v, dict) else v for k, v in one.items()})
        for name, one in found["dashboards"].items()
    }
    groups = {name: Answer(**one) for name, one in found["groups"].items()}
    contract = Answer(**found["contract"])
    return Result(**{**found, "dashboards": loads, "groups": groups, "contract": contract})


if __name__ == "__main__":
    main()
