"""The one adapter between our panels and Grafana: grafanalib builds, ``normalize`` mends.

grafanalib 0.7.1 emits schema version 12 with shapes from 2019 to 2022. Grafana 11 to 13 read
version 42 without a migration having to guess (docs/adr/0005-one-grafanalib-adapter.md).
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from typing import Any

from grafanalib import core as grafanalib_core
from grafanalib._gen import DashboardEncoder

from . import colors
from .layout import Place, place
from .model import Dashboard, Panel, Text, Variable

# Type checkers see no constructors in an untyped package's attrs classes.
core: Any = grafanalib_core

SCHEMA_VERSION = 42
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
ALL_VALUES = ".+"

_SHARED_CROSSHAIR = 1
_ON_DASHBOARD_LOAD, _ON_TIME_RANGE_CHANGE = 1, 2
_LABEL_VALUES = 1

# What is kept of grafanalib's output; whatever it adds besides is of an older schema.
_DASHBOARD_KEYS = (
    "annotations", "description", "editable", "graphTooltip", "links", "panels", "refresh",
    "schemaVersion", "tags", "templating", "time", "timezone", "title", "uid",
)  # fmt: skip
_PANEL_KEYS = (
    "datasource", "description", "fieldConfig", "gridPos", "id", "options", "targets", "title",
    "transformations", "type",
)  # fmt: skip
_ROW_KEYS = ("collapsed", "gridPos", "id", "panels", "title", "type")
_TEXT_KEYS = ("gridPos", "id", "options", "title", "type")
_TARGET_KEYS = ("datasource", "expr", "format", "instant", "legendFormat", "refId")
_VARIABLE_KEYS = (
    "allValue", "current", "datasource", "hide", "includeAll", "label", "multi", "name", "options",
    "query", "refresh", "regex", "sort", "type",
)  # fmt: skip
_DATASOURCE_VARIABLE_KEYS = tuple(
    key for key in _VARIABLE_KEYS if key not in ("allValue", "datasource", "sort")
)


def render(dashboard: Dashboard, tag: str, datasource_uid: str | None) -> dict[str, Any]:
    """A dashboard as the JSON that Grafana imports; those with the same ``tag`` are linked."""
    built = core.Dashboard(
        title=dashboard.title,
        uid=dashboard.uid,
        description=dashboard.description,
        tags=[tag],
        editable=False,
        graphTooltip=_SHARED_CROSSHAIR,
        refresh="30s",
        timezone="browser",
        time=core.Time("now-1h", "now"),
        schemaVersion=SCHEMA_VERSION,
        templating=core.Templating(
            [_datasource(datasource_uid), *map(_variable, dashboard.variables)]
        ),
        links=[
            core.DashboardLink(
                title="CQRS", tags=[tag], type="dashboards", keepTime=True, includeVars=True
            )
        ],
        panels=list(_panels(dashboard)),
    )
    encoded = normalize(json.loads(json.dumps(built, cls=DashboardEncoder)))
    for variable, source in zip(
        encoded["templating"]["list"][1:], dashboard.variables, strict=True
    ):
        variable["description"] = source.description  # grafanalib knows none
    return encoded


def normalize(dashboard: dict[str, Any]) -> dict[str, Any]:
    """What grafanalib emitted, reduced and mended to schema version 42."""
    return {
        **_keep(dashboard, _DASHBOARD_KEYS),
        "panels": [_normalize_panel(panel) for panel in dashboard["panels"]],
        "templating": {
            "list": [_normalize_variable(each) for each in dashboard["templating"]["list"]]
        },
        "timepicker": {},
    }


def _normalize_panel(panel: dict[str, Any]) -> dict[str, Any]:
    if panel["type"] == "row":
        inner = [_normalize_panel(each) for each in panel["panels"]]
        return {**_keep(panel, _ROW_KEYS), "panels": inner}
    if panel["type"] == "text":
        return _keep(panel, _TEXT_KEYS)
    kept = _keep(panel, _PANEL_KEYS)
    if not kept["transformations"]:
        del kept["transformations"]
    if panel["type"] == "timeseries":
        kept["options"]["legend"]["showLegend"] = True
    if not panel["fieldConfig"]["defaults"]["thresholds"]["steps"]:
        del panel["fieldConfig"]["defaults"]["thresholds"]
    return {
        **kept,
        "fieldConfig": _without_none(panel["fieldConfig"]),
        "targets": [_normalize_target(target) for target in panel["targets"]],
    }


def _normalize_target(target: dict[str, Any]) -> dict[str, Any]:
    return {**_keep(target, _TARGET_KEYS), "range": not target["instant"], "editorMode": "code"}


def _normalize_variable(variable: dict[str, Any]) -> dict[str, Any]:
    if variable["type"] == "datasource":
        kept = _keep(variable, _DATASOURCE_VARIABLE_KEYS)
        current = {key: variable["current"][key] for key in ("text", "value")}
        return {**kept, "current": current if current["value"] else {}}
    return {
        **_keep(variable, _VARIABLE_KEYS),
        "current": {"text": ["All"], "value": ["$__all"]},
        "definition": variable["query"]["query"],
    }


def _keep(found: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: found[key] for key in keys if found.get(key) is not None}


def _without_none(value: Any) -> Any:
    # In a threshold's step null has a meaning: from minus infinity.
    if isinstance(value, dict):
        return {
            key: _without_none(each)
            for key, each in value.items()
            if each is not None or (key == "value" and "color" in value)
        }
    return [_without_none(each) for each in value] if isinstance(value, list) else value


def _panels(dashboard: Dashboard) -> Iterator[Any]:
    for placed in place(dashboard):
        inner = [_panel(panel, at) for panel, at in placed.panels]
        if placed.heading is None:
            yield from inner
            continue
        collapsed = placed.row.collapsed
        yield core.RowPanel(
            title=placed.row.title, id=_panel_id(placed.row.title),
            gridPos=_grid_position(placed.heading), collapsed=collapsed,
            panels=inner if collapsed else [],
        )  # fmt: skip
        if not collapsed:
            yield from inner


def _panel(panel: Panel | Text, at: Place) -> Any:
    shared = {
        "title": panel.title, "id": _panel_id(panel.title), "gridPos": _grid_position(at),
    }  # fmt: skip
    if isinstance(panel, Text):
        return core.Text(content=panel.content, **shared)
    shared |= {
        "description": panel.description,
        "dataSource": DATASOURCE,
        "targets": [
            core.Target(
                expr=target.expression,
                legendFormat=target.legend,
                refId=chr(ord("A") + index),
                instant=panel.kind in ("stat", "table"),
                format=panel.kind if panel.kind in ("heatmap", "table") else "time_series",
                datasource=DATASOURCE,
            )
            for index, target in enumerate(panel.targets)
        ],
    }
    build = {"timeseries": _timeseries, "stat": _stat, "heatmap": _heatmap, "table": _table}
    return build[panel.kind](panel, shared)


def _timeseries(panel: Panel, shared: dict[str, Any]) -> Any:
    filled = panel.stacking != "none"
    return core.TimeSeries(
        **shared,
        unit=panel.unit,
        fillOpacity=60 if filled else 10,
        lineWidth=0 if filled else 1,
        showPoints="never",
        stacking={"mode": panel.stacking, "group": "A"},
        tooltipMode="multi",
        tooltipSort="desc",
        legendDisplayMode="table",
        legendCalcs=["lastNotNull", "max"],
        thresholdsStyleMode="dashed" if panel.thresholds else "off",
        overrides=[
            {
                "matcher": {"id": "byName", "options": name},
                "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": color}}],
            }
            for name, color in panel.colors
        ],
        extraJson={"fieldConfig": {"defaults": _defaults(panel)}},
    )


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
                "cellValues": {"unit": "ops"},
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
    return core.Table(
        **shared,
        transformations=[organize],
        extraJson={
            "fieldConfig": {
                "defaults": {"custom": {"displayMode": None, "cellOptions": {"type": "auto"}}}
                | _defaults(panel),
                "overrides": [],
            },
            "options": {
                "cellHeight": "sm",
                "sortBy": [{"displayName": value, "desc": True}],
            },
        },
    )


def _defaults(panel: Panel) -> dict[str, Any]:
    base = panel.color or (colors.GOOD if panel.thresholds else colors.NEUTRAL)
    steps: list[dict[str, Any]] = [{"color": base, "value": None}]
    steps += [{"color": each.color, "value": each.value} for each in panel.thresholds]
    return {
        "unit": panel.unit,
        "min": panel.minimum,
        "max": panel.maximum,
        "decimals": panel.decimals,
        "noValue": panel.no_data,
        "thresholds": {"mode": "absolute", "steps": steps},
    }


def _datasource(uid: str | None) -> Any:
    return core.Template(
        name="datasource", label="Data source", type="datasource", query="prometheus",
        refresh=_ON_DASHBOARD_LOAD, regex="", default=uid,
    )  # fmt: skip


def _variable(variable: Variable) -> Any:
    query = f"label_values({variable.selector}, {variable.label})"
    return core.Template(
        name=variable.name, label=variable.title, dataSource=DATASOURCE,
        query={"qryType": _LABEL_VALUES, "query": query, "refId": "StandardVariableQuery"},
        multi=True, includeAll=True, allValue=ALL_VALUES, regex="", refresh=_ON_TIME_RANGE_CHANGE,
    )  # fmt: skip


def _grid_position(at: Place) -> Any:
    return core.GridPos(h=at.height, w=at.width, x=at.x, y=at.y)


def _panel_id(title: str) -> int:
    # By title, not by position: links to a panel survive when another is added before it.
    return zlib.crc32(title.encode()) & 0x7FFF_FFFF
