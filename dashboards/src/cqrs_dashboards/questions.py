"""What a dashboard asks of Prometheus, variables and macros replaced as Grafana replaces them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cqrs_alerts.config import Config
from cqrs_alerts.promql import duration_seconds, number

Json = Mapping[str, Any]

_REFERENCE = re.compile(r"\$(\w+)|\$\{(\w+)(?:\.\w+)?(?::\w+)?\}|\[\[(\w+)(?::\w+)?\]\]")
_LABEL_VALUES = re.compile(
    r"label_values\((?:(?P<selector>.+),)?\s*(?P<label>[^,]+?)\s*\)", re.DOTALL
)
_ANYTHING = ".*"
_RANGE_SECONDS = 3600  # the dashboards' own default


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
    """Everything that a dashboard asks when it is opened with nothing chosen yet."""
    title = dashboard.get("title", "")
    variables = dashboard.get("templating", {}).get("list", [])
    values = {**_macros(config), **{each["name"]: _chosen(each) for each in variables}}
    for variable in variables:
        query = variable.get("query")
        text = query.get("query", "") if isinstance(query, dict) else query
        if variable.get("type") == "query" and (found := _LABEL_VALUES.fullmatch(text or "")):
            selector = found["selector"]
            yield VariableQuestion(
                title,
                variable.get("label") or variable["name"],
                found["label"],
                substitute(selector, values) if selector else None,
            )
    for panel in panels(dashboard):
        expressions = [target["expr"] for target in panel.get("targets", []) if target.get("expr")]
        if expressions:
            replaced = tuple(substitute(each, values) for each in expressions)
            yield PanelQuestion(title, panel.get("title", ""), replaced)


def substitute(text: str, values: Mapping[str, str]) -> str:
    """Replace references to variables and macros; what is not known stays as it is."""

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2] or found[3]
        return values.get(name, found[0])

    return _REFERENCE.sub(value, text)


def _macros(config: Config) -> dict[str, str]:
    scrape = duration_seconds(config.scrape_interval)
    seconds = {"__interval": scrape, "__rate_interval": 4 * scrape, "__range": _RANGE_SECONDS}
    return {
        **{name: f"{number(value)}s" for name, value in seconds.items()},
        **{f"{name}_s": number(value) for name, value in seconds.items()},
        **{f"{name}_ms": number(value * 1000) for name, value in seconds.items()},
    }


def _chosen(variable: Json) -> str:
    """What Grafana puts in place of a variable when the dashboard is opened."""
    value = (variable.get("current") or {}).get("value")
    values = value if isinstance(value, list) else [value] if value else []
    if values in ([], ["$__all"]):
        return str(variable.get("allValue") or _ANYTHING)
    # Grafana escapes for a regular expression, and once more for the PromQL string around it.
    escaped = [re.escape(each).replace("\\", "\\\\") for each in values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def panels(dashboard: Json) -> Iterator[Json]:
    """All panels, those inside collapsed rows too."""
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])
