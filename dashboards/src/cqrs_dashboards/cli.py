"""The command ``cqrs-dashboards``."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cqrs_alerts.config import Config
from cqrs_alerts.dashboard_settings import DashboardSettings, override
from cqrs_alerts.files import OutputError, write_files
from cqrs_alerts.live.options import server_options
from cqrs_alerts.options import FILE, FOLDER, PROGRAM, BadInputError, config_option

from .bundle import NAMES, render_all
from .files import read_dashboards, remove_obsolete, write_dashboards
from .provisioning import render_provider

if TYPE_CHECKING:
    from cqrs_alerts.live.access import Access


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cqrs-dashboards")
def main() -> None:
    """Grafana dashboards for services instrumented with cqrs-telemetry."""


@main.command()
@click.option("--output", type=FOLDER, required=True, help="Folder for the JSON files.")
@config_option
@click.option(
    "--select", type=click.Choice(NAMES), multiple=True, help="Only this one; repeatable."
)
@click.option("--title-prefix", help="Before each title and, as a slug, each uid.")
@click.option("--datasource-uid", help="Data source chosen at first; Grafana's default without it.")
@click.option("--provisioning", type=FILE, help="File for Grafana's provider of these dashboards.")
def generate(
    output: Path,
    config: Config,
    select: tuple[str, ...],
    title_prefix: str | None,
    datasource_uid: str | None,
    provisioning: Path | None,
) -> None:
    """Write the dashboards as Grafana imports or provisions them.

    Files of dashboards that no longer exist are deleted, unless --select is given. Options take the
    place of the keys of the same name under dashboards in cqrs.yaml.
    """
    settings = _override(config, title_prefix, datasource_uid)
    config = replace(config, dashboards=settings)
    try:
        written = write_dashboards(output, render_all(config, select or NAMES))
        deleted = [] if select else remove_obsolete(output, written, settings)
        if provisioning:
            write_files({provisioning: render_provider(settings)})
            written.append(provisioning)
    except OutputError as error:
        raise BadInputError(str(error)) from None
    for path in written:
        click.echo(f"wrote {path}")
    for path in deleted:
        click.echo(f"deleted {path}: that dashboard no longer exists")


def _override(
    config: Config, title_prefix: str | None, datasource_uid: str | None
) -> DashboardSettings:
    """The settings with what the command line says instead."""
    try:
        settings = override(config.dashboards, title_prefix, datasource_uid)
    except ValueError as error:
        raise BadInputError(f"--{str(error).replace('_', '-', 1)}") from None
    if settings.uid_prefix != config.dashboards.uid_prefix:
        click.echo(
            "note: alerts link to dashboards under the prefix of cqrs.yaml; set "
            f"dashboards.title_prefix: {settings.title_prefix} there for rules that link to these",
            err=True,
        )
    return settings


@main.command()
@server_options(required=True)
@config_option
@click.option("--dashboards", "folder", type=FOLDER, help="These files, not freshly made ones.")
@click.option(
    "--select", type=click.Choice(NAMES), multiple=True, help="Only this one; repeatable."
)
@click.option("--json", "machine_readable", is_flag=True, help="JSON in place of text.")
@click.option("--verbose", "-v", is_flag=True, help="Name everything that was examined.")
@click.pass_context
def doctor(
    context: click.Context,
    access: Access,
    config: Config,
    folder: Path | None,
    select: tuple[str, ...],
    machine_readable: bool,
    verbose: bool,
) -> None:
    """Ask a live Prometheus of each panel, variable and alert whether it has data, and why not.

    Exit status: 0 when everything has data, 1 when something is empty, 2 when nothing could be
    asked.
    """
    if select and folder:
        raise BadInputError(
            "--select chooses among freshly made dashboards; leave out --dashboards"
        )
    # Imported here: `generate` needs none of it, and httpx alone takes half a second.
    from cqrs_alerts.live.prometheus import PrometheusError

    from .doctor import examine
    from .report import as_json, render_text

    try:
        shown = read_dashboards(folder) if folder else render_all(config, select or NAMES)
        report = examine(access, config, shown)
    except (PrometheusError, ValueError) as error:
        raise BadInputError(str(error)) from None
    if machine_readable:
        click.echo(json.dumps(as_json(report), indent=2))
    else:
        click.echo("\n".join(render_text(report, verbose=verbose)))
    context.exit(0 if report.ok else 1)


@main.command()
@server_options(required=True)
@config_option
@click.option("--dashboards", "folder", type=FOLDER, help="These files, not freshly made ones.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="0, the default: a free one."
)
@click.option("--from", "start", metavar="TIME", help="Start of the range, such as now-15m.")
@click.option("--open", "browse", is_flag=True, help="Open the list of dashboards in a browser.")
@click.option(
    "--screenshot", "pictures", type=FOLDER, help="Write one PNG per dashboard there, and end."
)
@click.option("--chromium", type=PROGRAM, help="For --screenshot; by default the one on PATH.")
def preview(
    access: Access,
    config: Config,
    folder: Path | None,
    port: int,
    start: str | None,
    browse: bool,
    pictures: Path | None,
    chromium: Path | None,
) -> None:
    """Draw the dashboards in the browser with data from a live Prometheus, without Grafana.

    Serves on 127.0.0.1 until Ctrl-C; needs the extra cqrs-dashboards[preview].
    """
    from cqrs_alerts.live.prometheus import PrometheusError

    try:
        from .preview import ChromiumError, PortError, Preview, take_screenshots
    except ImportError as error:
        raise BadInputError(str(error)) from None
    try:
        shown = read_dashboards(folder) if folder else render_all(config)
        with Preview(shown, access, config.scrape_interval, port, start) as server:
            if pictures:
                server.require_prometheus()  # pictures of error messages are of no use
                with server.serving():
                    for path in take_screenshots(pictures, shown, server.dashboard_url, chromium):
                        click.echo(f"wrote {path}")
                return
            click.echo(
                f"dashboards at {server.url} with data from {server.prometheus_url}; Ctrl-C ends"
            )
            if browse:
                click.launch(server.url)
            server.serve()
    except (PrometheusError, ChromiumError, PortError, ValueError) as error:
        raise BadInputError(str(error)) from None
    except KeyboardInterrupt:
        click.echo()
