"""Dashboards on disk, one file each, named by uid."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cqrs_alerts.dashboard_settings import DashboardSettings
from cqrs_alerts.files import OutputError, write_files

Json = dict[str, Any]


def write_dashboards(folder: Path, dashboards: Iterable[Json]) -> list[Path]:
    """Write all dashboards or none; returns their paths.

    Raises:
        OutputError: The folder or a file in it cannot be written.
    """
    texts = {folder / f"{each['uid']}.json": _text(each) for each in dashboards}
    write_files(texts)
    return list(texts)


def remove_obsolete(folder: Path, kept: Iterable[Path], settings: DashboardSettings) -> list[Path]:
    """Delete dashboards that an earlier version wrote with this prefix; returns their paths.

    A user's own files stay: ours are tagged, and named by their uid.

    Raises:
        OutputError: A file cannot be deleted.
    """
    names = set(kept)
    obsolete = [
        path
        for path in sorted(folder.glob(f"{settings.uid_prefix}cqrs-*.json"))
        if path not in names and _is_ours(path, settings)
    ]
    for path in obsolete:
        try:
            path.unlink()
        except OSError as error:
            raise OutputError(f"{path}: cannot be deleted: {error.strerror}") from None
    return obsolete


def read_dashboards(folder: Path) -> list[Json]:
    """The dashboards in a folder, by file name.

    Raises:
        ValueError: The folder cannot be read, has no dashboard, or a file is not one.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".json")
    except OSError as error:
        raise ValueError(f"{folder}: cannot be read: {error.strerror}") from None
    found = [_read(path) for path in paths]
    if not found:
        raise ValueError(f"{folder}: has no dashboard; write them with cqrs-dashboards generate")
    return found


def _read(path: Path) -> Json:
    try:
        dashboard = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:  # neither JSON nor UTF-8
        raise ValueError(f"{path}: is not JSON: {error}") from None
    if not isinstance(dashboard, dict) or not isinstance(dashboard.get("panels"), list):
        raise ValueError(f"{path}: is not a Grafana dashboard: it has no panels")
    return {**dashboard, "uid": dashboard.get("uid") or path.stem}  # Grafana makes one, too


def _text(dashboard: Json) -> str:
    return json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"


def _is_ours(path: Path, settings: DashboardSettings) -> bool:
    try:
        dashboard = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return (
        isinstance(dashboard, dict)
        and dashboard.get("uid") == path.stem
        and settings.tag in dashboard.get("tags", ())
    )
