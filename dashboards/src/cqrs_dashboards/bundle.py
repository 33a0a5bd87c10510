"""All dashboards, in the order in which someone on call opens them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from cqrs_alerts.config import Config

from . import grafana, overview, pipeline, projections, read_path, slos, write_path
from .model import Dashboard

_DASHBOARDS: dict[str, Callable[[Config], Dashboard]] = {
    "overview": overview.dashboard,
    "write-path": write_path.dashboard,
    "projections": projections.dashboard,
    "read-path": read_path.dashboard,
    "slos": slos.dashboard,
    "telemetry-pipeline": pipeline.dashboard,
}
NAMES = tuple(_DASHBOARDS)
_LONGEST_UID = 40  # of Grafana


@dataclass(frozen=True)
class Placement:
    """How the dashboards of one installation are told from others in the same Grafana.

    ``title_prefix`` comes before each title and, as a slug, before each uid; ``datasource_uid`` is
    the data source chosen at first, Grafana's default when None.
    """

    title_prefix: str = ""
    datasource_uid: str | None = None

    @property
    def uid_prefix(self) -> str:
        """The title prefix in the letters that a uid may have."""
        slug = re.sub(r"[^a-z0-9]+", "-", self.title_prefix.lower()).strip("-")
        return f"{slug}-" if slug else ""

    @property
    def tag(self) -> str:
        """The tag by which the installation's dashboards find each other."""
        return f"{self.uid_prefix}cqrs"


def dashboards(
    config: Config, names: tuple[str, ...] = NAMES, placement: Placement | None = None
) -> tuple[Dashboard, ...]:
    """The named dashboards.

    Raises:
        ValueError: The title prefix has no letter or digit, or is too long for Grafana's uids.
    """
    placement = placement or Placement()
    if placement.title_prefix and not placement.uid_prefix:
        raise ValueError(f"title prefix {placement.title_prefix!r} needs a letter a-z or a digit")
    return tuple(_place(_DASHBOARDS[name](config), placement) for name in NAMES if name in names)


def render(dashboard: Dashboard, placement: Placement | None = None) -> dict[str, Any]:
    """A dashboard as the JSON model that Grafana imports."""
    placement = placement or Placement()
    return grafana.render(dashboard, placement.tag, placement.datasource_uid)


def _place(dashboard: Dashboard, placement: Placement) -> Dashboard:
    uid = f"{placement.uid_prefix}{dashboard.uid}"
    if len(uid) > _LONGEST_UID:
        raise ValueError(
            f"title prefix {placement.title_prefix!r} is too long: the uid {uid!r} has {len(uid)} "
            f"characters, Grafana takes {_LONGEST_UID}"
        )
    return replace(dashboard, uid=uid, title=f"{placement.title_prefix} {dashboard.title}".strip())
