"""Commands of the roads, and of the store in which their traces end."""

from __future__ import annotations

from pathlib import Path

import click


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
