"""The command ``cqrs-alerts``."""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .changes import describe_changes, read_or_nothing
from .config import Config
from .counts import count_files, counts
from .files import OutputError, remove_obsolete, write_files
from .inhibitions import INHIBITIONS_FILE
from .live.options import server_options
from .options import FILE, FOLDER, PROGRAM, BadInputError, config_option
from .promtool import PromtoolMissingError, check_rules
from .reference import fill_region, render_reference
from .rule_files import render_inhibitions, render_rules
from .runbooks import render_runbooks
from .settings import render_example

if TYPE_CHECKING:
    from .live.access import Access

_MOST_CHANGES = 20  # lines of each file


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cqrs-alerts")
def main() -> None:
    """Prometheus rules and runbooks for services instrumented with cqrs-telemetry."""


@main.command()
@click.option("--output", type=FOLDER, required=True, help="Folder for the rule files.")
@click.option("--runbooks", type=FOLDER, help="Folder for the runbooks  [default: OUTPUT/runbooks]")
@config_option
def generate(output: Path, runbooks: Path | None, config: Config) -> None:
    """Write recording rules, alerting rules, a runbook for each alert, and inhibitions."""
    pages = runbooks or output / "runbooks"
    files = {output / name: text for name, text in render_rules(config).items()}
    files[output / INHIBITIONS_FILE] = render_inhibitions(config)
    files |= {pages / name: text for name, text in render_runbooks(config).items()}
    rules = [output / name for name in render_rules(config)]
    before = {path: read_or_nothing(path) for path in rules}
    _write(files)
    for path in rules:
        if before[path]:
            _tell_changes(path, describe_changes(before[path], files[path]))
    for path in remove_obsolete(pages, "*.md", files):
        click.echo(f"removed {path}, whose alert is gone")
    if not config.runbook_base_url:
        click.echo(
            f"note: alerts do not link to their runbooks. Publish {pages}, and set "
            "runbook_base_url in cqrs.yaml to its address",
            err=True,
        )


@main.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@server_options(required=False)
@click.option("--json", "machine_readable", is_flag=True, help="With --prometheus: JSON, no text.")
@click.option("--verbose", "-v", is_flag=True, help="With --prometheus: name every rule.")
@click.option("--promtool", type=PROGRAM, help="Without --prometheus; by default that on PATH.")
@config_option
def check(
    files: tuple[Path, ...],
    access: Access | None,
    machine_readable: bool,
    verbose: bool,
    promtool: Path | None,
    config: Config,
) -> None:
    """Check and count what follows from the settings, or check rule FILES, with promtool.

    With --prometheus: has that server loaded just these rules, does it evaluate them in time, and
    which alert could not fire there for want of series, and why?

    Exit status: 0 when all is well, 1 when a fault is found, 2 for bad input, 3 when there is no
    promtool to ask.
    """
    if access:
        if files:
            raise BadInputError("FILES are for promtool; leave them out with --prometheus")
        sys.exit(_check_live(access, config, machine_readable, verbose))
    if machine_readable or verbose:
        option = "--json" if machine_readable else "--verbose"
        raise BadInputError(f"{option} is for --prometheus; promtool's answer is text")
    with tempfile.TemporaryDirectory(prefix="cqrs-alerts-") as folder:
        rendered = {Path(folder) / name: text for name, text in render_rules(config).items()}
        try:
            counted = count_files(files) if files else counts(config)
        except ValueError as error:
            raise BadInputError(str(error)) from None
        if not files:
            write_files(rendered)
        found = ", ".join(f"{number} {what}" for what, number in counted.items())
        click.echo(f"well-formed: {found}")
        try:
            faults = check_rules(files or rendered, promtool)
        except PromtoolMissingError as error:
            click.echo(f"not checked: whether Prometheus accepts the rules. {error}", err=True)
            sys.exit(3)
    if faults:
        click.echo(faults, err=True)
        sys.exit(1)
    click.echo("promtool: accepts the rules")


@main.command()
@click.option("--output", type=FILE, help="File for the full reference.")
@click.option("--readme", type=FILE, help="File whose marked region gets the short table.")
@config_option
def metrics(output: Path | None, readme: Path | None, config: Config) -> None:
    """Write the reference of metrics and recorded series; without options, print it."""
    files = {output: render_reference(config)} if output else {}
    if readme:
        try:
            files[readme] = fill_region(readme.read_text("utf-8"), config)
        except OSError as error:
            raise BadInputError(f"{readme}: cannot be read: {error.strerror}") from None
        except ValueError as error:
            raise BadInputError(f"{readme}: {error}") from None
    if files:
        _write(files)
    else:
        click.echo(render_reference(config), nl=False)


@main.command()
@click.option("--output", type=FILE, help="File to write; without it, print.")
def example(output: Path | None) -> None:
    """Write a cqrs.yaml that documents every setting with its default."""
    if output:
        _write({output: render_example()})
    else:
        click.echo(render_example(), nl=False)


def _check_live(access: Access, config: Config, machine_readable: bool, verbose: bool) -> int:
    # Imported here: the other commands need none of it, and httpx alone takes half a second.
    from .live.check import check_live
    from .live.prometheus import PrometheusError, QueryError
    from .live.report import as_json, render_text

    try:
        report = check_live(access, config)
    except QueryError as error:
        raise BadInputError(
            f"{error}: it does not tell which rules it has loaded; ask the server that evaluates "
            "them, or let cqrs-dashboards doctor examine the data"
        ) from None
    except PrometheusError as error:
        raise BadInputError(str(error)) from None
    if machine_readable:
        click.echo(json.dumps(as_json(report), indent=2))
    else:
        click.echo("\n".join(render_text(report, verbose=verbose)))
    return 0 if report.ok else 1


def _tell_changes(path: Path, changes: Iterable[str]) -> None:
    lines = list(changes)
    number = len(lines) or "none"
    click.echo(f"{path.name}: rules that differ from the last output: {number}")
    for line in lines[:_MOST_CHANGES]:
        click.echo(f"  {line}")
    if len(lines) > _MOST_CHANGES:
        click.echo(f"  … and {len(lines) - _MOST_CHANGES} more")


def _write(files: Mapping[Path, str]) -> None:
    try:
        write_files(files)
    except OutputError as error:
        raise BadInputError(str(error)) from None
    for folder, count in Counter(path.parent for path in files).items():
        click.echo(f"wrote {count} file{'s' * (count > 1)} to {folder}")
