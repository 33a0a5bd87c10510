"""What grafanalib emitted, reduced and mended to the schema that Grafana 11 to 13 read."""

from __future__ import annotations

from typing import Any

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
_TARGET_KEYS = ("datasource", "exemplar", "expr", "format", "instant", "legendFormat", "refId")
_OLD_OPTIONS = {"bargauge": ("fieldOptions", "showThresholdLabels", "showThresholdMarkers")}
_VARIABLE_KEYS = (
    "allValue", "current", "datasource", "hide", "includeAll", "label", "multi", "name", "options",
    "query", "refresh", "regex", "sort", "type",
)  # fmt: skip
_DATASOURCE_VARIABLE_KEYS = tuple(
    key for key in _VARIABLE_KEYS if key not in ("allValue", "datasource", "sort")
)


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
    if panel["type"] in ("timeseries", "state-timeline"):
        kept["options"]["legend"]["showLegend"] = True
    for key in _OLD_OPTIONS.get(panel["type"], ()):
        del kept["options"][key]
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
