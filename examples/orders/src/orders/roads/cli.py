"""Commands of the roads, and of the store in which their traces end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from .plan import Run

_only_option = click.option(
    "--only",
    multiple=True,
    metavar="CELL",
    help="A road, ROAD/STRATEGY/KIND or a pattern of these; again for more.",
)


@click.command()
@_only_option
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for what the runs write.  [default: .demo/roads-<time of start>]",
)
@click.option(
    "--jobs",
    type=click.IntRange(1),
    default=2,
    show_default=True,
    help="Runs at the same time.",
)
@click.option("--list", "listing", is_flag=True, help="Print the cells, and run nothing.")
def roads(only: tuple[str, ...], data: Path | None, jobs: int, listing: bool) -> None:
    """Run every road from the service to Prometheus with every naming strategy that it has.

    Exit status 0 when in all cells the doctor finds nothing empty, and the contract's three
    questions are answered as the load counted.
    """
    runs = _plan(only)
    if listing:
        for run in runs:
            for cell in run.cells:
                click.echo(cell.name)
        return
    from ..demo.prometheus import ServerMissingError
    from .all_runs import MatrixSettings, run_all

    folder = data or Path(".demo") / time.strftime("roads-%Y%m%d-%H%M%S")
    try:
        status = run_all(runs, MatrixSettings(folder.absolute(), jobs))
    except (OSError, ServerMissingError) as error:
        raise click.ClickException(str(error)) from error
    raise SystemExit(status)


@click.command()
@_only_option
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder for what it writes.",
)
def road(only: tuple[str, ...], data: Path) -> None:
    """Run one service on the roads that can share it; `orders roads` starts this."""
    from ..collector import NoCollectorFilesError
    from ..demo.prometheus import ServerMissingError
    from .all_runs import RUN_ERRORS, run_one

    runs = _plan(only)
    if len(runs) > 1:
        names = ", ".join(run.name for run in runs)
        raise click.UsageError(f"that needs several services ({names}): use `orders roads`")
    try:
        status = run_one(runs[0], data.absolute())
    except (OSError, ServerMissingError, NoCollectorFilesError, *RUN_ERRORS) as error:
        raise click.ClickException(str(error)) from error
    raise SystemExit(status)


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=4318, show_default=True, help="0: a free one."
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("spans.jsonl"),
    show_default=True,
    help="Append each span to this file, one JSON object a line.",
)
def keep_traces(port: int, output: Path) -> None:
    """Take traces as OTLP by HTTP, as Tempo would."""
    from .trace_store import serve_store

    serve_store(port, output)


def _plan(only: Sequence[str]) -> list[Run]:
    from .plan import UnknownCellError, choose_cells, plan_runs

    try:
        return plan_runs(choose_cells(only))
    except UnknownCellError as error:
        raise click.ClickException(str(error)) from error
