"""What a dashboard asks of Prometheus, variables and macros replaced as Grafana replaces them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cqrs_alerts.config import Config
from cqrs_alerts.promql import duration_seconds, number

from .interpolation import ALL, Choice, interpolate

Json = Mapping[str, Any]

_LABEL_VALUES = re.compile(
    r"label_values\((?:(?P<selector>.+),)?\s*(?P<label>[^,]+?)\s*\)", re.DOTALL
)
_ANYTHING = ".*"
_RANGE_SECONDS = 3600  # the dashboards' own default
_PROMETHEUS = "prometheus"


@dataclass(frozen=True)
class PanelQuestion:
    """A panel's queries, ready to be asked."""

    dashboard: str
    panel: str
    expressions: tuple[str, ...]


@dataclass(frozen=True)
class VariableQuestion:
    """A template variable: the values of ``label``, of all series when there is no selector."""

    dashboard: str
    variable: str
    label: str
    selector: str | None


Question = PanelQuestion | VariableQuestion


def questions(dashboard: Json, config: Config) -> Iterator[Question]:
    """Everything that a dashboard asks of Prometheus when it is opened with nothing chosen yet.

    What it asks of other data sources is left out, and so are hidden queries.
    """
    title = dashboard.get("title", "")
    variables = (dashboard.get("templating") or {}).get("list", [])
    choices = {**_macros(config), **{each["name"]: _choice(each, config) for each in variables}}
    sources = {each["name"]: each.get("query") for each in variables if _is_source(each)}
    for variable in variables:
        query = variable.get("query")
        text = query.get("query", "") if isinstance(query, dict) else query
        of_prometheus = _asks_prometheus(variable.get("datasource"), sources)
        asks = variable.get("type") == "query" and of_prometheus
        if asks and (found := _LABEL_VALUES.fullmatch(text or "")):
            selector = found["selector"]
            yield VariableQuestion(
                title,
                variable.get("label") or variable["name"],
                found["label"],
                interpolate(selector, choices) if selector else None,
            )
    for panel in panels(dashboard):
        expressions = [
            interpolate(target["expr"], choices)
            for target in panel.get("targets") or []
            if target.get("expr")
            and not target.get("hide")
            and _asks_prometheus(target.get("datasource") or panel.get("datasource"), sources)
        ]
        if expressions:
            yield PanelQuestion(title, panel.get("title", ""), tuple(expressions))


def _is_source(variable: Json) -> bool:
    return bool(variable.get("type") == "datasource")


def _asks_prometheus(source: Any, sources: Mapping[str, Any]) -> bool:
    """Whether a query goes to Prometheus: by what its data source says of itself, if it does."""
    if isinstance(source, str):  # before Grafana 8 a name, or a variable
        source = {"uid": source}
    if not isinstance(source, dict):
        return True
    named = re.fullmatch(r"\$\{?(\w+)\}?", str(source.get("uid") or ""))
    kind = sources.get(named[1]) if named else None
    # Some vendors' plugins for it have longer names.
    return _PROMETHEUS in (kind or source.get("type") or _PROMETHEUS)


def _macros(config: Config) -> dict[str, Choice]:
    scrape = duration_seconds(config.scrape_interval)
    seconds = {"__interval": scrape, "__rate_interval": 4 * scrape, "__range": _RANGE_SECONDS}
    texts = {
        **{name: f"{number(value)}s" for name, value in seconds.items()},
        **{f"{name}_s": number(value) for name, value in seconds.items()},
        **{f"{name}_ms": number(value * 1000) for name, value in seconds.items()},
    }
    return {name: Choice([text]) for name, text in texts.items()}


def _choice(variable: Json, config: Config) -> Choice:
    """What Grafana puts in place of a variable when the dashboard is opened."""
    current = (variable.get("current") or {}).get("value")
    values = [str(each) for each in (current if isinstance(current, list) else [current]) if each]
    multi = bool(variable.get("multi") or variable.get("includeAll"))
    all_value = variable.get("allValue") or _ANYTHING
    if variable.get("type") == "interval":
        # Grafana computes the automatic one from the range and the width of the panel.
        offered = str(variable.get("query") or config.scrape_interval).split(",")
        known = [each for each in values if not each.startswith("$__auto")]
        return Choice(known or [offered[0].strip()])
    if not values and isinstance(query := variable.get("query"), str) and _has_own_values(variable):
        values = [query]
    return Choice(values or [ALL], multi, (), all_value)


def _has_own_values(variable: Json) -> bool:
    return variable.get("type") in ("constant", "textbox")


def panels(dashboard: Json) -> Iterator[Json]:
    """All panels, those inside collapsed rows too."""
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])
