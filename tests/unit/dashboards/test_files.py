"""Dashboards are written whole, obsolete ones go, a user's own stay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cqrs_alerts.dashboard_settings import DashboardSettings
from cqrs_alerts.files import OutputError
from cqrs_dashboards.files import read_dashboards, remove_obsolete, write_dashboards


def dashboard(uid: str, tag: str = "cqrs") -> dict[str, Any]:
    """A dashboard with nothing on it."""
    return {"uid": uid, "title": uid, "tags": [tag], "panels": []}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Files are named by uid, readable JSON, and end with a newline."""
    (path,) = write_dashboards(tmp_path / "new", [dashboard("cqrs-ä")])
    assert path.name == "cqrs-ä.json"
    assert path.read_text(encoding="utf-8").endswith("}\n")
    assert "ä" in path.read_text(encoding="utf-8")
    assert read_dashboards(tmp_path / "new") == [dashboard("cqrs-ä")]


@pytest.mark.parametrize("uid", [{}, {"uid": None}, {"uid": ""}])
def test_a_dashboard_without_a_uid_is_named_by_its_file(
    tmp_path: Path, uid: dict[str, Any]
) -> None:
    """As it comes from an export for sharing; Grafana makes a uid, too."""
    (tmp_path / "mine.json").write_text(json.dumps({"title": "Mine", "panels": [], **uid}))
    (found,) = read_dashboards(tmp_path)
    assert found["uid"] == "mine"


def test_obsolete_dashboards_go(tmp_path: Path) -> None:
    """A dashboard that an earlier version wrote is deleted, the present ones stay."""
    old, new = write_dashboards(tmp_path, [dashboard("cqrs-old"), dashboard("cqrs-new")])
    assert remove_obsolete(tmp_path, [new], DashboardSettings()) == [old]
    assert list(tmp_path.iterdir()) == [new]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mine.json", json.dumps(dashboard("mine"))),
        ("cqrs-mine.json", json.dumps(dashboard("other-uid"))),
        ("cqrs-mine.json", json.dumps(dashboard("cqrs-mine", "team"))),
        ("cqrs-mine.json", "not JSON"),
        ("cqrs-mine.json", "[]"),
        ("cqrs-mine.yaml", ""),
        ("eu-cqrs-write-path.json", json.dumps(dashboard("eu-cqrs-write-path", "eu-cqrs"))),
    ],
)
def test_what_is_not_ours_stays(tmp_path: Path, name: str, text: str) -> None:
    """Files of the user, and those of an installation with another prefix, are not touched."""
    (tmp_path / name).write_text(text)
    assert remove_obsolete(tmp_path, [], DashboardSettings()) == []
    assert (tmp_path / name).read_text() == text


def test_unwritable_output_is_named(tmp_path: Path) -> None:
    """A path that cannot be a folder is an error that names it, and nothing is left behind."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        write_dashboards(tmp_path / "file", [dashboard("cqrs-x")])
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "has no dashboard"),
        ({"a.json": "nonsense"}, r"a\.json: is not JSON"),
        ({"a.json": "{}"}, r"a\.json: is not a Grafana dashboard"),
        ({"a.json": "[]"}, r"a\.json: is not a Grafana dashboard"),
    ],
)
def test_folders_without_dashboards_are_refused(
    tmp_path: Path, files: dict[str, str], message: str
) -> None:
    """Each way in which a folder is no good is named, with the file."""
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        read_dashboards(tmp_path)
