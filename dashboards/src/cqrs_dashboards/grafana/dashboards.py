"""Our dashboards as Grafana's: variables, annotations, links, rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..layout import place
from ..model import Annotation, Dashboard, Variable
from ..trace_links import TRACES_VARIABLE
from .library import core, encode
from .normalization import normalize
from .panels import DATASOURCE, build_panel, grid_position, panel_id

SCHEMA_VERSION = 42
ALL_VALUES = ".+"

_SHARED_CROSSHAIR = 1
_ON_DASHBOARD_LOAD, _ON_TIME_RANGE_CHANGE = 1, 2
_LABEL_VALUES = 1


def render(dashboard: Dashboard, tags: Sequence[str], datasource_uid: str | None) -> dict[str, Any]:
    """A dashboard as the JSON that Grafana imports; those with the same first tag are linked."""
    built = core.Dashboard(
        title=dashboard.title,
        uid=dashboard.uid,
        description=dashboard.description,
        tags=list(tags),
        editable=False,
        graphTooltip=_SHARED_CROSSHAIR,
        refresh="30s",
        timezone="browser",
        time=core.Time("now-1h", "now"),
        schemaVersion=SCHEMA_VERSION,
        templating=core.Templating(
            [
                _datasource("datasource", "Data source", "prometheus", datasource_uid),
                *map(_variable, dashboard.variables),
                _datasource(TRACES_VARIABLE, "Traces", "tempo", None),
            ]
        ),
        annotations=core.Annotations([_annotation(each) for each in dashboard.annotations]),
        links=[
            core.DashboardLink(
                title="CQRS", tags=[tags[0]], type="dashboards", keepTime=True, includeVars=True
            )
        ],
        panels=list(_panels(dashboard)),
    )
    encoded = normalize(encode(built))
    descriptions = {each.name: each.description for each in dashboard.variables}
    for variable in encoded["templating"]["list"]:
        if variable["name"] in descriptions:
            variable["description"] = descriptions[variable["name"]]  # grafanalib knows none
    return encoded


def _panels(dashboard: Dashboard) -> Iterator[Any]:
    for placed in place(dashboard):
        inner = [build_panel(panel, at) for panel, at in placed.panels]
        if placed.heading is None:
            yield from inner
            continue
        collapsed = placed.row.collapsed
        yield core.RowPanel(
            title=placed.row.title, id=panel_id(placed.row.title),
            gridPos=grid_position(placed.heading), collapsed=collapsed,
            panels=inner if collapsed else [],
        )  # fmt: skip
        if not collapsed:
            yield from inner


def _datasource(name: str, label: str, kind: str, uid: str | None) -> Any:
    return core.Template(
        name=name, label=label, type="datasource", query=kind,
        refresh=_ON_DASHBOARD_LOAD, regex="", default=uid,
    )  # fmt: skip


def _annotation(annotation: Annotation) -> dict[str, Any]:
    return {
        "name": annotation.name,
        "datasource": DATASOURCE,
        "enable": True,
        "hide": False,
        "iconColor": annotation.color,
        "expr": annotation.expression,
        "titleFormat": annotation.title,
        "textFormat": annotation.text,
        "tagKeys": "",
        "useValueForTime": False,
    }


def _variable(variable: Variable) -> Any:
    query = f"label_values({variable.selector}, {variable.label})"
    return core.Template(
        name=variable.name, label=variable.title, dataSource=DATASOURCE,
        query={"qryType": _LABEL_VALUES, "query": query, "refId": "StandardVariableQuery"},
        multi=True, includeAll=True, allValue=ALL_VALUES, regex="", refresh=_ON_TIME_RANGE_CHANGE,
    )  # fmt: skip
