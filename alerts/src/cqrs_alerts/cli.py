"""The command ``cqrs-alerts``."""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import click
import yaml

from .config import Config
from .counts import counts
from .files import OutputError, remove_obsolete, write_files
from .inhibitions import INHIBITIONS_FILE
from .options import FILE, FOLDER, BadInputError, config_option
from .promtool import PromtoolMissingError, check_rules
from .reference import fill_region, render_reference
from .rule_files import render_inhibitions, render_rules
from .runbooks import render_runbooks
from .settings import render_example


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
    _write(files)
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
@click.option("--prometheus", "url", help="Ask this server instead: http://localhost:9090.")
@click.option("--json", "machine_readable", is_flag=True, help="With --prometheus: JSON, no table.")
@config_option
def check(files: tuple[Path, ...], url: str | None, machine_readable: bool, config: Config) -> None:
    """Check and count what follows from the settings, or check rule FILES, with promtool.

    With --prometheus: has that server loaded just these rules, does it evaluate them in time, and
    which alert could not fire there for want of series, and why?

    Exit status: 0 when all is well, 1 when a fault is found, 2 for bad input, 3 when there is no
    promtool to ask.
    """
    if url:
        if files:
            raise BadInputError("FILES are for promtool; leave them out with --prometheus")
        sys.exit(_check_live(url, config, machine_readable))
    if machine_readable:
        raise BadInputError("--json is for --prometheus; promtool's answer is text")
    for path in files:
        _require_groups(path)
    with tempfile.TemporaryDirectory(prefix="cqrs-alerts-") as folder:
        rendered = {Path(folder) / name: text for name, text in render_rules(config).items()}
        found = ", ".join(f"{number} {what}" for what, number in counts(config).items())
        if not files:
            write_files(rendered)
        click.echo(f"well-formed: {found}")
        try:
            faults = check_rules(files or rendered)
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


def _check_live(url: str, config: Config, machine_readable: bool) -> int:
    # Imported here: the other commands need none of it, and httpx alone takes half a second.
    from rich.console import Console

    from .live.check import check_live
    from .live.prometheus import PrometheusError, QueryError
    from .live.report import as_json, render_table

    try:
        report = check_live(url, config)
    except (PrometheusError, QueryError) as error:
        raise BadInputError(str(error)) from None
    if machine_readable:
        click.echo(json.dumps(as_json(report), indent=2))
    else:
        render_table(report, Console())
    return 0 if report.ok else 1


def _write(files: Mapping[Path, str]) -> None:
    try:
        write_files(files)
    except OutputError as error:
        raise BadInputError(str(error)) from None
    for folder, count in Counter(path.parent for path in files).items():
        click.echo(f"wrote {count} file{'s' * (count > 1)} to {folder}")


def _require_groups(path: Path) -> None:
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise BadInputError(f"{path}: cannot be read as YAML: {error}") from None
    if not isinstance(content, dict) or not isinstance(content.get("groups"), list):
        raise BadInputError(f"{path}: is not a rule file: it has no list of groups")
