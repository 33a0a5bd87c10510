"""Options of the commands that ask a server, and the environment variables that stand for them."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from ..options import FILE, BadInputError

TOKEN, USER, PASSWORD = "PROMETHEUS_BEARER_TOKEN", "PROMETHEUS_USERNAME", "PROMETHEUS_PASSWORD"
HEADERS = "PROMETHEUS_HEADERS"

Command = Callable[..., Any]


def server_options(*, required: bool) -> Callable[[Command], Command]:
    """Pass ``access`` to a command: how the server is reached, or None without an address.

    Secrets are no options, because every user of a machine sees the command lines on it.
    """
    options = (
        click.option(
            "--prometheus", "url", required=required, show_envvar=True,
            # Where no server is required, a variable would change what the command does.
            envvar="PROMETHEUS_URL" if required else None,
            help="Address, as in http://localhost:9090.",
        ),
        click.option(
            "--header", "headers", multiple=True, metavar="NAME=VALUE",
            help="Sent with every request, such as X-Scope-OrgID=shop; repeatable.  "
            f"[env var: {HEADERS}, separated by commas]",
        ),
        click.option(
            "--ca-file", type=FILE, envvar="PROMETHEUS_CA_FILE", show_envvar=True,
            help="Certificates to trust in place of the system's.",
        ),
        click.option(
            "--http-config", type=FILE, envvar="PROMETHEUS_HTTP_CONFIG", show_envvar=True,
            help="Prometheus' http_config with authorization, basic_auth, tls_config and "
            f"http_headers. {TOKEN}, {USER} and {PASSWORD} are read, too.",
        ),
    )  # fmt: skip

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def invoke(
            *arguments: Any,
            url: str | None,
            headers: tuple[str, ...],
            ca_file: Path | None,
            http_config: Path | None,
            **others: Any,
        ) -> Any:
            access = _access(url, headers, ca_file, http_config) if url else None
            return command(*arguments, access=access, **others)

        for option in reversed(options):
            invoke = option(invoke)
        return invoke

    return decorate


def _access(
    url: str, headers: Iterable[str], ca_file: Path | None, http_config: Path | None
) -> Any:
    # Imported here: commands that ask no server do not wait for httpx.
    from .access import Access, AccessError
    from .http_config import read_http_config

    given = (*filter(None, os.environ.get(HEADERS, "").split(",")), *headers)
    try:
        access = read_http_config(http_config, url) if http_config else Access(url)
    except AccessError as error:
        raise BadInputError(str(error)) from None
    token, user = os.environ.get(TOKEN), os.environ.get(USER)
    if token:
        access = replace(access, token=token, user=None)
    if user:
        password = os.environ.get(PASSWORD, "")
        access = replace(access, user=(user, password), token=token)  # both at once are refused
    if ca_file:
        access = replace(access, ca_file=ca_file)
    return replace(access, headers=(*access.headers, *map(_header, given)))


def _header(text: str) -> tuple[str, str]:
    name, equals, value = (part.strip() for part in text.partition("="))
    if not name or not equals:
        raise BadInputError(f"--header {text}: write NAME=VALUE, such as X-Scope-OrgID=shop")
    return name, value
