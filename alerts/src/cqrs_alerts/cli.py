"""The command ``cqrs-alerts``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .config import Config
from .config_file import ConfigError, read_config
from .files import OutputError, write_files
from .rule_files import render_rules

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)
DEFAULT_CONFIG = Path("cqrs.yaml")


class BadInputError(click.ClickException):
    """Something that the user can mend: exit status 2, no traceback."""

    exit_code = 2


def _read_config(_context: click.Context, _option: click.Parameter, path: Path | None) -> Config:
    if path is None:
        if DEFAULT_CONFIG.exists():
            click.echo(f"note: {DEFAULT_CONFIG} is not read without --config", err=True)
        return Config()
    try:
        return read_config(path)
    except ConfigError as error:
        raise BadInputError(str(error)) from None


def _config_option(command: Any) -> Any:
    return click.option(
        "--config", type=FILE, callback=_read_config, help="cqrs.yaml; without it, the defaults."
    )(command)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cqrs-alerts")
def main() -> None:
    """Prometheus rules and runbooks for services instrumented with cqrs-telemetry."""


@main.command()
@click.option("--output", type=FOLDER, required=True, help="Folder for the rule files.")
@_config_option
def generate(output: Path, config: Config) -> None:
    """Write recording and alerting rules."""
    files = {output / name: text for name, text in render_rules(config).items()}
    try:
        write_files(files)
    except OutputError as error:
        raise BadInputError(str(error)) from None
    for path in files:
        click.echo(f"wrote {path}")
