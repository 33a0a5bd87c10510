"""All runs of the matrix, some at a time, each in a process of its own."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from ..demo.command_lines import ORDERS
from ..demo.processes import PartEndedError, Parts
from ..demo.prometheus import require_server
from .disturbances import disturb
from .matrix import Outcome, Verdict, as_json, table
from .plan import Run
from .running import LateError, StoppedError, started

RESULT_FILE = "roads.json"
LOG_WIDTH = 150
_PERIOD = 0.5
RUN_LIMIT = 600.0  # seconds: above what all waits of a run are given together


@dataclass(frozen=True)
class MatrixSettings:
    """Where, and how many runs at a time."""

    folder: Path
    jobs: int


def run_one(run: Run, data: Path) -> int:
    """One run, its verdicts written beside its data; 0 when all its cells are green.

    Raises:
        ServerMissingError, NoCollectorFilesError: Something is not on this machine.
        LateError, PartEndedError: Something did not come up, or ended.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        with started(run, data, stop) as running:
            print(f"{run.name}: up; load begins", flush=True)
            truth = running.load(partial(disturb, running))
            running.settle(truth)
            verdicts = running.judge(truth)
    except StoppedError:
        print("stopped before there was a verdict")
        return 1
    for verdict in verdicts:
        print(f"{verdict.cell.name}: {'green' if verdict.passed else 'RED'}")
        for complaint in verdict.complaints:
            print(f"  {complaint}")
    _write(data / RESULT_FILE, {"cells": [_named(verdict) for verdict in verdicts]})
    return 0 if all(verdict.passed for verdict in verdicts) else 1


def run_all(runs: Sequence[Run], settings: MatrixSettings) -> int:
    """Make all runs, print the matrix, write it as JSON; 0 when every cell is green.

    Raises:
        ServerMissingError: A server is not on this machine.
        OSError: The folder cannot be made, or is there already.
    """
    for server in sorted({cell.road.server for run in runs for cell in run.cells}):
        require_server(server)
    if any(run.road.export == "collector" for run in runs):
        require_server("otelcol")
    console = Console() if sys.stdout.isatty() else Console(width=LOG_WIDTH)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    logs = settings.folder / "logs"
    logs.mkdir(parents=True)
    console.print(f"data folder: {settings.folder}")
    parts = Parts(logs)
    waiting, under_way, outcomes = deque(runs), list[Run](), list[Outcome]()
    begun, late = dict[str, float](), set[str]()
    began = time.monotonic()
    try:
        while waiting or under_way:
            while waiting and len(under_way) < settings.jobs:
                under_way.append(run := waiting.popleft())
                parts.start(run.name, _command(run, settings.folder), finite=True)
                begun[run.name] = time.monotonic()
            for run in under_way:
                if time.monotonic() - begun[run.name] > RUN_LIMIT:
                    parts.send(run.name, signal.SIGKILL)
                    late.add(run.name)
            if stop.wait(_PERIOD):
                console.print(table(outcomes))
                console.print("stopped before the matrix was complete")
                return 1
            for run in [each for each in under_way if parts.ended(each.name)]:
                under_way.remove(run)
                outcome = _read(run, settings.folder, parts.log(run.name))
                if run.name in late and outcome.problem:
                    problem = f"no end after {RUN_LIMIT:g} s; saw last: {outcome.problem}"
                    outcome = replace(outcome, problem=problem)
                outcomes.append(outcome)
                _report(outcomes[-1], time.monotonic() - began, console)
    finally:
        for run in under_way:  # all at once, because each takes its time
            parts.send(run.name, signal.SIGTERM)
        parts.stop()
    _conclude(outcomes, settings.folder / RESULT_FILE, time.monotonic() - began, console)
    return 0 if all(outcome.passed for outcome in outcomes) else 1


def _command(run: Run, folder: Path) -> list[str]:
    cells = (f"--only={cell.name}" for cell in run.cells)
    return [*ORDERS, "road", f"--data={folder / run.name}", *cells]


def _read(run: Run, folder: Path, log: Path) -> Outcome:
    path = folder / run.name / RESULT_FILE
    if not path.exists():
        last = log.read_text(errors="replace").strip().splitlines()[-1:]
        return Outcome(run, problem=f"{''.join(last) or 'it said nothing'}; see {log}")
    cells = json.loads(path.read_text())["cells"]
    return Outcome(run, {cell.pop("cell"): cell for cell in cells})


def _report(outcome: Outcome, elapsed: float, console: Console) -> None:
    console.print(
        f"{elapsed:5.0f} s  {outcome.run.name}:"
        f" {outcome.problem or ('green' if outcome.passed else 'RED')}",
        markup=False,
    )
    for name, verdict in outcome.verdicts.items():
        for what in ("miscounted", "differing", "empty", "rules"):
            for line in verdict[what]:
                console.print(f"         {name}, {what}: {line}", markup=False)


def _conclude(outcomes: Sequence[Outcome], path: Path, seconds: float, console: Console) -> None:
    console.print(table(outcomes))
    cells = [cell for outcome in outcomes for cell in outcome.run.cells]
    verdicts = [each for outcome in outcomes for each in outcome.verdicts.values()]
    green = sum(verdict["passed"] for verdict in verdicts)
    console.print(
        f"{green} of {len(cells)} cells are green, after {len(outcomes)} runs and {seconds:.0f} s;"
        " beside each, what the doctor found in order or not"
    )
    _write(path, as_json(outcomes, seconds))
    console.print(f"as JSON: {path}")


def _named(verdict: Verdict) -> dict[str, Any]:
    return {"cell": verdict.cell.name, **verdict.as_json()}


def _write(path: Path, document: Any) -> None:
    part = path.with_name(f"{path.name}.part")
    part.write_text(json.dumps(document, indent=2) + "\n")
    part.replace(path)


RUN_ERRORS = (LateError, PartEndedError)
