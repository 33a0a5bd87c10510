"""All dashboards, in the order in which someone on call opens them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cqrs_alerts.config import Config
from cqrs_alerts.dashboard_settings import DashboardSettings

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


def dashboards(config: Config, names: tuple[str, ...] = NAMES) -> tuple[Dashboard, ...]:
    """The named dashboards, under the prefix of the configuration."""
    settings = config.dashboards
    made = (_DASHBOARDS[name](config) for name in NAMES if name in names)
    return tuple(
        replace(each, uid=settings.uid(each.uid), title=settings.title(each.title)) for each in made
    )


def render(dashboard: Dashboard, settings: DashboardSettings | None = None) -> dict[str, Any]:
    """A dashboard as the JSON model that Grafana imports."""
    settings = settings or DashboardSettings()
    tags = (settings.tag, *settings.tags)
    return grafana.render(dashboard, tags, settings.datasource_uid or None)


def render_all(config: Config, names: tuple[str, ...] = NAMES) -> list[dict[str, Any]]:
    """The named dashboards as JSON models, as the configuration's section on them says."""
    return [render(each, config.dashboards) for each in dashboards(config, names)]
