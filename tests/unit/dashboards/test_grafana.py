"""The adapter: schema version 42 and nothing older, for every dashboard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cqrs_alerts.config import Config
from cqrs_dashboards import grafana
from cqrs_dashboards.bundle import dashboards
from cqrs_dashboards.grafana import render
from cqrs_dashboards.model import Dashboard, Panel, Row, Target, Threshold
from cqrs_dashboards.questions import panels

Json = dict[str, Any]

# What grafanalib 0.7.1 adds and newer schemas do not know, or know in another place.
LEGACY_KEYS = {
    "__inputs", "cacheTimeout", "cards", "colorMode2", "columns", "dataFormat", "editable",
    "error", "fieldOptions", "fontSize", "gnetId", "heatmap", "height", "hideControls",
    "hideTimeOverride", "hideZeroBuckets", "highlightCards", "intervalFactor", "maxDataPoints",
    "metric", "minSpan", "nullPointMode", "reverseYBuckets", "rows", "seriesOverrides",
    "sharedCrosshair", "span", "step", "style", "tagValuesQuery", "tagsQuery", "target",
    "thresholdType", "timeFrom", "timeShift", "useTags", "xAxis", "yAxes", "yBucketBound",
}  # fmt: skip
LEGACY_TYPES = {"graph", "singlestat", "grafana-piechart-panel", "table-old", "worldmap"}


def walk(value: Any, path: str = "") -> Iterator[tuple[str, str, Any]]:
    """Every key below a value, with its path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield path, key, inner
            yield from walk(inner, f"{path}/{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from walk(inner, f"{path}[{index}]")


def test_no_legacy_key_survives(rendered: list[Json]) -> None:
    """No key that only older schemas know is left, at any depth; editable stays at the top."""
    found = [
        f"{path}/{key}"
        for dashboard in rendered
        for path, key, _ in walk(dashboard)
        if key in LEGACY_KEYS and (path, key) != ("", "editable")
    ]
    assert found == []


def test_null_is_only_the_lowest_threshold(rendered: list[Json]) -> None:
    """A null anywhere else is a default of grafanalib that Grafana would have to guess about."""
    nulls = {
        (path.rpartition("[")[0].rpartition("/")[2], key)
        for dashboard in rendered
        for path, key, value in walk(dashboard)
        if value is None
    }
    assert nulls == {("steps", "value")}


def test_schema_version(rendered: list[Json]) -> None:
    """The version is stamped, so that no migration of Grafana runs."""
    assert {dashboard["schemaVersion"] for dashboard in rendered} == {42}


def test_no_legacy_panel_type(rendered: list[Json]) -> None:
    """No panel is of a type that Grafana 12 no longer has."""
    types = {panel["type"] for dashboard in rendered for panel in dashboard["panels"]}
    assert types <= {
        "bargauge", "heatmap", "row", "stat", "state-timeline", "table", "text", "timeseries",
    }  # fmt: skip
    assert not types & LEGACY_TYPES


def test_thresholds_are_numbers_after_an_open_start(rendered: list[Json]) -> None:
    """Steps begin at null and rise; grafanalib's own are a string or "null"."""
    checked = 0
    for dashboard in rendered:
        for _, key, value in walk(dashboard):
            if key != "thresholds":
                continue
            values = [step["value"] for step in value["steps"]]
            assert values[0] is None
            assert all(isinstance(each, float) for each in values[1:])
            assert values[1:] == sorted(values[1:])
            checked += 1
    assert checked


def test_targets_have_distinct_reference_ids(rendered: list[Json]) -> None:
    """By itself grafanalib leaves them empty, and Grafana then mixes up the results."""
    for dashboard in rendered:
        for panel in panels(dashboard):
            ids = [target["refId"] for target in panel.get("targets", [])]
            assert ids == list("ABCDEFG"[: len(ids)]), panel["title"]


def test_every_data_source_is_the_variable(rendered: list[Json]) -> None:
    """Panels, targets and variables ask the chosen data source, by type and uid."""
    found = [
        value for dashboard in rendered for _, key, value in walk(dashboard) if key == "datasource"
    ]
    assert found
    assert all(each == {"type": "prometheus", "uid": "${datasource}"} for each in found)


def test_options_hold_what_grafanalib_forgets(rendered: list[Json]) -> None:
    """Heatmaps, stats and tables have their options in the present place."""
    kinds = {
        "bargauge": "reduceOptions", "heatmap": "yAxis", "stat": "reduceOptions",
        "state-timeline": "legend", "table": "sortBy", "timeseries": "legend",
    }  # fmt: skip
    for dashboard in rendered:
        for panel in panels(dashboard):
            if panel["type"] in kinds:
                assert panel["options"][kinds[panel["type"]]], panel["title"]


def test_collapsed_row_holds_its_panels() -> None:
    """A collapsed row carries its panels inside, an open one beside it."""
    panel = Panel("One", "What.", "stat", "short", (Target("vector(1)", ""),), "none", width=24)
    for collapsed in (True, False):
        row = Row("Row", (panel,), collapsed=collapsed)
        drawn = render(Dashboard("uid", "title", "text", (), (row,)), ["tag"], None)["panels"]
        assert [each["title"] for each in drawn] == ["Row", "One"][: 1 if collapsed else 2]
        assert [each["title"] for each in drawn[0]["panels"]] == (["One"] if collapsed else [])


def test_threshold_keeps_the_color_below_it() -> None:
    """A stat has its own colour up to the threshold and the threshold's from there."""
    panel = Panel(
        "One", "What.", "stat", "ms", (Target("vector(1)", ""),), "none",
        width=24, color="blue", thresholds=(Threshold(250.0, "red"),),
    )  # fmt: skip
    drawn = render(Dashboard("uid", "title", "text", (), (Row("", (panel,)),)), ["tag"], None)
    assert drawn["panels"][0]["fieldConfig"]["defaults"]["thresholds"]["steps"] == [
        {"color": "blue", "value": None},
        {"color": "red", "value": 250.0},
    ]


def test_data_source_can_be_chosen() -> None:
    """A data source's uid becomes the variable's first choice and stays a choice."""
    dashboard = dashboards(Config())[0]
    chosen = render(dashboard, ["tag"], "mimir")["templating"]["list"][0]
    assert chosen["current"] == {"text": "mimir", "value": "mimir"}
    assert render(dashboard, ["tag"], None)["templating"]["list"][0]["current"] == {}


def test_only_the_adapter_imports_grafanalib() -> None:
    """The library stays behind one module."""
    package = Path(grafana.__file__).parents[1]
    importing = [
        path.relative_to(package)
        for path in package.rglob("*.py")
        if re.search(r"^\s*(from|import) grafanalib", path.read_text(), re.MULTILINE)
    ]
    assert importing == [Path("grafana/library.py")]
