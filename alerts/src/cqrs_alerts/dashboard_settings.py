"""Settings of dashboards: how those of one installation are told from others in one Grafana."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationError
from pydantic.dataclasses import dataclass

from .links import DASHBOARD_UIDS
from .setting_types import CLOSED, Flag, Text

_LONGEST_UID = 40  # of Grafana
_OUR_TAG = "cqrs"


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _check_prefix(value: str) -> str:
    if value and not _slug(value):
        raise ValueError("needs a letter a-z or a digit")
    longest = max(len(f"{_slug(value)}-{uid}") for uid in DASHBOARD_UIDS)
    if value and longest > _LONGEST_UID:
        raise ValueError(
            f"is too long: a uid would have {longest} characters, Grafana takes {_LONGEST_UID}"
        )
    return value


def _check_path(value: str) -> str:
    if not value.startswith("/"):
        raise ValueError("write an absolute path, as Grafana sees it")
    return value.rstrip("/")


@dataclass(frozen=True, config=CLOSED)
class DashboardSettings:
    """Where dashboards go; two installations with different prefixes do not clash."""

    title_prefix: Annotated[
        str,
        AfterValidator(_check_prefix),
        Field(description="comes before each title and, as a slug, before each uid"),
    ] = ""
    datasource_uid: Annotated[
        str, Field(description="data source chosen at first; Grafana's default when empty")
    ] = ""
    folder: Annotated[
        str, Field(min_length=1, description="folder in Grafana; the prefix comes before it")
    ] = "CQRS"
    files: Annotated[
        str,
        AfterValidator(_check_path),
        Field(description="where Grafana finds the JSON files, in a folder named by the tag"),
    ] = "/var/lib/grafana/dashboards"
    scraped: Annotated[
        Flag,
        Field(description="false where services push: no panels about scrapes of services"),
    ] = True
    collector: Annotated[
        Flag, Field(description="true when an OpenTelemetry collector is in use: it gets a row")
    ] = False
    tags: Annotated[
        tuple[Text, ...], Field(description="tags of all dashboards besides their own")
    ] = ()

    @property
    def uid_prefix(self) -> str:
        """The title prefix in the letters that a uid may have."""
        slug = _slug(self.title_prefix)
        return f"{slug}-" if slug else ""

    @property
    def tag(self) -> str:
        """The tag by which the installation's dashboards find each other."""
        return f"{self.uid_prefix}{_OUR_TAG}"

    @property
    def folder_title(self) -> str:
        """The folder's name in Grafana."""
        return self.title(self.folder)

    @property
    def folder_uid(self) -> str:
        """The folder's address in Grafana."""
        return _slug(self.folder_title) or self.tag

    def title(self, title: str) -> str:
        """A title with the prefix."""
        return f"{self.title_prefix} {title}".strip()

    def uid(self, uid: str) -> str:
        """A dashboard's uid with the prefix."""
        return f"{self.uid_prefix}{uid}"


def override(
    settings: DashboardSettings, title_prefix: str | None, datasource_uid: str | None
) -> DashboardSettings:
    """The settings with other values where one is given.

    Raises:
        ValueError: A value is no good; the text begins with the setting's name.
    """
    try:
        return replace(
            settings,
            title_prefix=settings.title_prefix if title_prefix is None else title_prefix,
            datasource_uid=settings.datasource_uid if datasource_uid is None else datasource_uid,
        )
    except ValidationError as error:
        problem = error.errors()[0]
        message = problem["msg"].removeprefix("Value error, ")
        raise ValueError(f"{problem['loc'][0]} {problem['input']!r} {message}") from None
