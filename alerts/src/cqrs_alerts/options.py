"""What the commands of this package and of cqrs-dashboards share on the command line."""

from __future__ import annotations

from pathlib import Path

import click

from .config import Config
from .config_file import ConfigError, read_config

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)
# Absolute, or a name without a folder would be looked up on PATH.
PROGRAM = click.Path(
    path_type=Path, exists=True, dir_okay=False, executable=True, resolve_path=True
)
DEFAULT_CONFIG = Path("cqrs.yaml")


class BadInputError(click.ClickException):
    """Something that the user can mend: exit status 2, no traceback."""

    exit_code = 2


def _read_config(_context: click.Context, _option: click.Parameter, path: Path | None) -> Config:
    if path is None:
        if not DEFAULT_CONFIG.exists():
            return Config()
        click.echo(f"note: settings are those of {DEFAULT_CONFIG} in this folder", err=True)
        path = DEFAULT_CONFIG
    try:
        return read_config(path)
    except ConfigError as error:
        raise BadInputError(str(error)) from None


config_option = click.option(
    "--config",
    type=FILE,
    callback=_read_config,
    help="Settings, see cqrs-alerts example.  [default: cqrs.yaml, if it is in this folder]",
)
