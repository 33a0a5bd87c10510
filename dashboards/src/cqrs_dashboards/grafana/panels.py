"""Our panels as grafanalib's, with what it has no field for added as JSON."""

from __future__ import annotations

import zlib
from typing import Any

from .. import colors
from ..layout import Place
from ..model import Bar, Line, Panel, Target, Text, Threshold
from ..queries import NO_FAILURE
from .library import core

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_LAST = "Last *"  # what Grafana calls lastNotNull
_INSTANT = ("stat", "table", "bargauge")


def build_panel(panel: Panel | Text, at: Place) -> Any:
    """A panel at its place, as grafanalib's object."""
    if isinstance(panel, Text):
        place = {"id": panel_id("About"), "gridPos": grid_position(at)}
        return core.Text(title="", content=panel.content, **place)
    shared = {
        "title": panel.title,
        "id": panel_id(panel.title),
        "gridPos": grid_position(at),
        "description": panel.description,
        "dataSource": DATASOURCE,
        "targets": [
            _target(panel, target, chr(ord("A") + index))
            for index, target in enumerate(panel.targets)
        ],
    }
    return _BUILDERS[panel.kind](panel, shared)


def _target(panel: Panel, target: Target, letter: str) -> dict[str, Any]:
    built: dict[str, Any] = core.Target(
        expr=target.expression,
        legendFormat=target.legend,
        refId=letter,
        instant=panel.kind in _INSTANT,
        format=panel.kind if panel.kind in ("heatmap", "table") else "time_series",
        datasource=DATASOURCE,
    ).to_json_data()
    return {**built, "exemplar": True} if target.exemplars else built


def _timeseries(panel: Panel, shared: dict[str, Any]) -> Any:
    filled = panel.stacking != "none"
    return core.TimeSeries(
        **shared,
        unit=panel.unit,
        fillOpacity=60 if filled else 0,
        lineWidth=0 if filled else 1,
        showPoints="never",
        stacking={"mode": panel.stacking, "group": "A"},
        tooltipMode="multi",
        tooltipSort="desc",
        legendDisplayMode="table",
        legendCalcs=["lastNotNull", "max"],
        thresholdsStyleMode="dashed" if panel.thresholds else "off",
        overrides=[
            *(_named(name, color, filled) for name, color in panel.colors),
            *map(_line, panel.lines),
        ],
        # By name, so that a series keeps its colour from panel to panel.
        extraJson={
            "fieldConfig": {
                "defaults": {**_defaults(panel), "color": {"mode": "palette-classic-by-name"}}
            },
            # The worst first, so that it is seen without scrolling.
            "options": {"legend": {"sortBy": _LAST, "sortDesc": not panel.lowest_first}},
        },
    )


def _named(name: str, color: str, filled: bool) -> dict[str, Any]:
    # What stands for nothing is an area without height: a line lets it be seen.
    width = [{"id": "custom.lineWidth", "value": 1}] if filled and name == NO_FAILURE else []
    return _override("byName", name, _fixed(color), *width)


def _line(line: Line) -> dict[str, Any]:
    dashes = {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [6, 6]}}
    own = [*([_fixed(line.color)] if line.color else []), *([dashes] if line.dashed else [])]
    return _override("byRegexp", f"/{line.pattern}/", *own)


def _fixed(color: str) -> dict[str, Any]:
    return {"id": "color", "value": {"mode": "fixed", "fixedColor": color}}


def _override(matcher: str, names: str, *properties: dict[str, Any]) -> dict[str, Any]:
    return {"matcher": {"id": matcher, "options": names}, "properties": list(properties)}


def _stat(panel: Panel, shared: dict[str, Any]) -> Any:
    # An instant query: the last value of a range would show an hour-old number as the present one.
    defaults = {**_defaults(panel), "color": {"mode": "thresholds"}}
    return core.Stat(
        **shared,
        format=panel.unit,
        graphMode="none",
        reduceCalc="lastNotNull",
        textMode="value",
        extraJson={"fieldConfig": {"defaults": defaults}, "options": {"wideLayout": True}},
    )


def _heatmap(panel: Panel, shared: dict[str, Any]) -> Any:
    return core.Heatmap(
        **shared,
        extraJson={
            "fieldConfig": {
                "defaults": {
                    "unit": "short",
                    "noValue": panel.no_data,
                    "custom": {"hideFrom": {"legend": False, "tooltip": False, "viz": False}},
                },
                "overrides": [],
            },
            # A list in grafanalib, so this replaces it.
            "options": {
                "calculate": False,
                "cellGap": 1,
                "cellValues": {"unit": panel.cell_unit},
                "color": {
                    "mode": "scheme", "scheme": panel.color, "exponent": 0.5,
                    "fill": "dark-orange", "reverse": False, "steps": 64,
                },
                "exemplars": {"color": "rgba(255,0,255,0.7)"},
                "filterValues": {"le": 1e-9},
                "legend": {"show": True},
                "rowsFrame": {"layout": "auto"},
                "tooltip": {"mode": "single", "showColorScale": False, "yHistogram": True},
                "yAxis": {"axisPlacement": "left", "reverse": False, "unit": panel.unit},
            },
        },
    )  # fmt: skip


def _table(panel: Panel, shared: dict[str, Any]) -> Any:
    headings = dict(panel.columns)
    organize = {
        "id": "organize",
        "options": {
            "excludeByName": {"Time": True},
            "indexByName": {column: index for index, column in enumerate(headings)},
            "renameByName": headings,
        },
    }
    value = headings["Value"]
    filled = {"id": "custom.cellOptions", "value": {"type": "color-background"}}
    return core.Table(
        **shared,
        transformations=[organize],
        extraJson={
            "fieldConfig": {
                "defaults": {"custom": {"displayMode": None, "cellOptions": {"type": "auto"}}}
                | _defaults(panel),
                "overrides": [_override("byName", value, filled)] if panel.mappings else [],
            },
            "options": {
                "cellHeight": "sm",
                "sortBy": [{"displayName": value, "desc": True}],
            },
        },
    )


def _defaults(panel: Panel) -> dict[str, Any]:
    base = panel.color or (colors.GOOD if panel.thresholds else colors.NEUTRAL)
    return {
        "unit": panel.unit,
        "min": panel.minimum,
        "max": panel.maximum,
        "decimals": panel.decimals,
        "noValue": panel.no_data,
        "thresholds": _thresholds(base, panel.thresholds),
        "mappings": _mappings(panel) or None,
        "links": [
            {"title": each.title, "url": each.url, "targetBlank": True} for each in panel.links
        ]
        or None,
    }


def _thresholds(base: str, thresholds: tuple[Threshold, ...]) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": base, "value": None}]
    steps += [{"color": each.color, "value": each.value} for each in thresholds]
    return {"mode": "absolute", "steps": steps}


def _mappings(panel: Panel) -> list[dict[str, Any]]:
    results = {
        f"{each.value:g}": {"index": index, "text": each.text, "color": each.color}
        for index, each in enumerate(panel.mappings)
    }
    return [{"type": "value", "options": results}] if results else []


def _bar_gauge(panel: Panel, shared: dict[str, Any]) -> Any:
    return core.BarGauge(
        **shared,
        extraJson={
            "fieldConfig": {
                "defaults": {**_defaults(panel), "color": {"mode": "thresholds"}},
                "overrides": list(map(_bar, panel.bars)),
            },
            "options": {
                "displayMode": "lcd",
                "orientation": "horizontal",
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
                "minVizHeight": 16,
                "minVizWidth": 8,
                "namePlacement": "auto",
                "showUnfilled": True,
                "sizing": "auto",
                "valueMode": "color",
            },
        },
    )


def _bar(bar: Bar) -> dict[str, Any]:
    return _override(
        "byRegexp",
        f"/{bar.pattern}/",
        {"id": "displayName", "value": bar.name},
        {"id": "thresholds", "value": _thresholds(bar.color, bar.thresholds)},
    )


def _state_timeline(panel: Panel, shared: dict[str, Any]) -> Any:
    return core.StateTimeline(
        **shared,
        showValue="auto",
        tooltipMode="single",
        extraJson={"fieldConfig": {"defaults": _defaults(panel)}},
    )


_BUILDERS = {
    "timeseries": _timeseries,
    "stat": _stat,
    "heatmap": _heatmap,
    "table": _table,
    "bargauge": _bar_gauge,
    "state-timeline": _state_timeline,
}


def grid_position(at: Place) -> Any:
    """A place on Grafana's grid."""
    return core.GridPos(h=at.height, w=at.width, x=at.x, y=at.y)


def panel_id(title: str) -> int:
    """By title, not by position: links to a panel survive when another is added before it."""
    return zlib.crc32(title.encode()) & 0x7FFF_FFFF
