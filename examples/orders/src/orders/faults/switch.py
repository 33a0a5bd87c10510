"""How a process learns that its fault begins."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping

import click

from .fault import START

Break = Callable[[], None]


def arm(name: str | None, breaks: Mapping[str, Break]) -> None:
    """Break this process in the way ``name``, if any, as soon as it gets the signal ``START``.

    Raises:
        click.BadParameter: This process has no such fault; the text lists those that it has.
    """
    if not name:
        return
    if name not in breaks:
        raise click.BadParameter(f"{name!r} is none of {', '.join(breaks)}", param_hint="--fault")

    def begin(*_: object) -> None:
        breaks[name]()
        click.echo(f"fault {name} begins", err=True)

    signal.signal(START, begin)
