"""A dashboard with every kind of panel that the preview draws, on made-up series.

But for the histogram with exemplars its expressions are made of ``vector`` and ``time`` alone.
"""

from __future__ import annotations

from itertools import count
from typing import Any

from shop import WORK

Json = dict[str, Any]

UID = "every-kind"
WEB = "https://wiki.example/"
PALETTE: Json = {"color": {"mode": "palette-classic"}}
MARKUP = "<b>bold</b>"  # Plotly would print it in bold
STEPS = [
    {"color": "green", "value": None},
    {"color": "orange", "value": 0.5},
    {"color": "red", "value": 0.8},
]


def _named(name: str, expression: str) -> str:
    return f'label_replace({expression}, "name", "{name}", "", "")'


_VALUES = {"alpha": 0.25, "beta": 0.6, MARKUP: 0.9}
SERIES = " or ".join(_named(name, f"vector({value})") for name, value in _VALUES.items())
WAVE = " or ".join(
    _named(name, f"vector({value}) + 0.1 * sin(vector(time() / 30))")
    for name, value in _VALUES.items()
)
STATE = " or ".join(
    _named(name, f"floor(vector(time() / 60 + {value})) % 2") for name, value in _VALUES.items()
)
BUCKETS = " or ".join(
    f'label_replace(vector({total}), "le", "{bound}", "", "")'
    for bound, total in (("5.0", 1), ("10.0", 4), ("100.0", 9), ("+Inf", 9.5))
)

WORK_BUCKETS = f"sum by (le) (rate({WORK}_bucket[10s]))"
LINKS = [
    {"title": "All of ${__field.labels.name}", "url": "/d/every-kind?${__url_time_range}"},
    {"title": "Wiki", "url": WEB + "${__field.labels.name}/${__value.raw}", "targetBlank": True},
    {"title": "Script", "url": "javascript:alert('${__value.raw}')"},
    {"title": "Traces", "url": "/explore?left=${__value.raw}"},
]


def _target(expression: str, **more: Any) -> Json:
    return {"expr": expression, "refId": "A", "legendFormat": "{{name}}", "range": True, **more}


def _panel(kind: str, title: str, *targets: Json, **more: Any) -> Json:
    defaults = {
        "unit": "percentunit",
        "min": 0,
        "max": 1,
        "thresholds": {"mode": "absolute", "steps": STEPS},
        **more.pop("defaults", {}),
    }
    overrides = more.pop("overrides", [])
    return {
        "type": kind,
        "title": title,
        "description": f"what {title} shows",
        "targets": list(targets),
        "fieldConfig": {"defaults": defaults, "overrides": overrides},
        "options": {},
        **more,
    }


def _custom(**custom: Any) -> Json:
    return {**PALETTE, "custom": {"fillOpacity": 30, **custom}}


_NAMED_TABLE = _target(SERIES, format="table", instant=True)
_NOW = _target(SERIES, instant=True)


def _override(matcher: str, what: str, **properties: Any) -> Json:
    return {
        "matcher": {"id": matcher, "options": what},
        "properties": [{"id": id_, "value": value} for id_, value in properties.items()],
    }


_OPEN = [
    _panel(
        "timeseries", "Lines", _target(WAVE),
        defaults=_custom(
            thresholdsStyle={"mode": "dashed"}, fillOpacity=0, lineInterpolation="smooth"
        ),
        overrides=[
            _override("byRegexp", "alp.*", color={"mode": "fixed", "fixedColor": "purple"})
        ],
        options={"legend": {"displayMode": "table", "placement": "right", "calcs": ["mean"]}},
    ),
    _panel(
        "timeseries", "Bars", _target(WAVE),
        defaults={
            **_custom(drawStyle="bars", stacking={"mode": "normal", "group": "A"}), "max": None
        },
    ),
    _panel(
        "timeseries", "Two axes", _target(WAVE),
        defaults=_custom(thresholdsStyle={"mode": "area"}),
        overrides=[
            _override(
                "byName", "beta", unit="ms", max=None, **{"custom.axisPlacement": "right"}
            )
        ],
    ),
    _panel(
        "stat", "One stat", _target("vector(0.7)", instant=True),
        defaults={"color": {"mode": "thresholds"}},
    ),
    _panel(
        "stat", "Stats with sparklines", _target(WAVE), links=[{"title": "Runbook", "url": WEB}],
        options={"graphMode": "area", "colorMode": "background"},
    ),
    _panel("gauge", "Gauges", _NOW),
    _panel("stat", "Linked stats", _NOW, defaults={"links": LINKS}),
    _panel("timeseries", "Linked lines", _target(SERIES), defaults=_custom() | {"links": LINKS}),
    _panel(
        "timeseries", "Lines with exemplars",
        _target(f"histogram_quantile(0.9, {WORK_BUCKETS})", exemplar=True),
        defaults={"unit": "ms", "max": 1000},
    ),
    _panel(
        "heatmap", "Heatmap with exemplars",
        _target(WORK_BUCKETS, format="heatmap", legendFormat="{{le}}", exemplar=True),
        options={"yAxis": {"unit": "ms"}},
    ),
    _panel("bargauge", "Bar gauge", _NOW, options={"orientation": "horizontal"}),
    _panel("bargauge", "Bar gauge, upright", _NOW, options={"orientation": "vertical"}),
    _panel(
        "heatmap", "Heatmap", _target(BUCKETS, format="heatmap", legendFormat="{{le}}"),
        options={"yAxis": {"unit": "ms"}, "color": {"scheme": "Oranges"}},
    ),
    _panel(
        "table", "Table", _NAMED_TABLE,
        transformations=[{
            "id": "organize",
            "options": {
                "excludeByName": {"Time": True},
                "indexByName": {"name": 0, "Value": 1},
                "renameByName": {"name": "Name", "Value": "Share"},
            },
        }],
        options={"sortBy": [{"displayName": "Share", "desc": True}]},
        overrides=[
            _override("byName", "Share", **{"custom.cellOptions": {"type": "color-background"}})
        ],
    ),
    _panel(
        "state-timeline", "States", _target(STATE),
        defaults={"mappings": [{
            "type": "value",
            "options": {
                "0": {"text": "up", "color": "green"}, "1": {"text": "down", "color": "red"}
            },
        }]},
    ),
    _panel(
        "piechart", "Pie", _NOW, defaults=PALETTE,
        options={"displayLabels": ["name", "percent"], "legend": {"placement": "right"}},
    ),
    _panel("barchart", "Bar chart", _NAMED_TABLE, defaults=PALETTE),
    _panel("histogram", "Histogram", _target(WAVE), defaults=PALETTE),
    _panel(
        "timeseries", "Nothing there", _target("vector(1) > 2"),
        defaults={"noValue": "no such thing"},
    ),
    _panel("stat", "Wrong query", _target("sum(", instant=True)),
    _panel("nodeGraph", "Unknown kind", _NOW),
    _panel("timeseries", "Line at 0", _target(_named("none", "vector(0)")), defaults=_custom()),
]  # fmt: skip


def _grid(panels: list[Json], top: int) -> list[Json]:
    return [
        {**panel, "gridPos": {"x": index % 3 * 8, "y": top + index // 3 * 7, "w": 8, "h": 7}}
        for index, panel in enumerate(panels)
    ]


def dashboard() -> Json:
    """The dashboard as Grafana would import it."""
    ids = count(1)
    text = {
        "type": "text",
        "title": "Text about $size",
        "gridPos": {"x": 0, "y": 0, "w": 24, "h": 3},
        "options": {
            "mode": "markdown",
            "content": "**Strong** <i>raw</i> [link](javascript:1) $size",
        },
    }
    inside = _panel("stat", "Inside $size", _target("vector(${size:raw})", instant=True))
    (hidden,) = _grid([inside], 61)
    row = {
        "type": "row", "title": "Collapsed $size", "collapsed": True, "repeat": "size",
        "gridPos": {"x": 0, "y": 60, "w": 24, "h": 1},
        "panels": [hidden],
    }  # fmt: skip
    panels = [text, *_grid(_OPEN, 3), row]
    for panel in (*panels, hidden):
        panel["id"] = next(ids)
    return {
        "uid": UID,
        "title": "Every kind",
        "graphTooltip": 1,
        "tags": [],
        "time": {"from": "now-5m", "to": "now"},
        "annotations": {
            "list": [{
                "name": "Restart", "enable": True, "iconColor": "blue",
                "expr": _named("shop", "vector(time() % 60) >= bool 50"),
                "titleFormat": "{{name}} restarted", "textFormat": "of {{name}}",
                "tagKeys": "name, none",
            }, {
                "name": "Wrong", "enable": True, "iconColor": "red", "expr": "sum(",
            }, {
                "name": "Off", "enable": False, "expr": "vector(1)", "titleFormat": "never asked",
            }]
        },
        "templating": {
            "list": [{
                "name": "size", "type": "custom", "query": "small : 0.1,large : 0.9",
                "multi": True, "includeAll": True,
                "current": {"text": ["small"], "value": ["0.1"]},
            }]
        },
        "panels": panels,
        "schemaVersion": 42,
    }  # fmt: skip
