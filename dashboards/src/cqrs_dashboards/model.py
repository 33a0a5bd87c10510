"""Panels and dashboards as plain data, free of Grafana's JSON; ``grafana`` turns them into it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["timeseries", "stat", "heatmap", "table", "bargauge", "state-timeline"]
Stacking = Literal["none", "normal", "percent"]

COLUMNS = 24  # width of Grafana's grid


@dataclass(frozen=True)
class Target:
    """One query of a panel; ``legend`` is Grafana's legend format, such as ``{{job}}``.

    ``exemplars`` asks for those of the raw series in the expression; recorded series carry none.
    """

    expression: str
    legend: str
    exemplars: bool = False


@dataclass(frozen=True)
class Link:
    """Where a value leads; ``url`` may hold Grafana's macros, such as ``${__value.raw}``."""

    title: str
    url: str


@dataclass(frozen=True)
class Threshold:
    """The value, in the panel's unit, from which on ``color`` applies."""

    value: float
    color: str


@dataclass(frozen=True)
class Mapping:
    """Words and a colour for one value."""

    value: float
    text: str
    color: str


@dataclass(frozen=True)
class Line:
    """How the series look whose name matches the regular expression ``pattern``."""

    pattern: str
    color: str | None
    dashed: bool = False


@dataclass(frozen=True)
class Bar:
    """A bar of a bar gauge: those whose name matches ``pattern`` are called ``name``.

    ``color`` holds below the first threshold.
    """

    pattern: str
    name: str
    color: str
    thresholds: tuple[Threshold, ...]


@dataclass(frozen=True)
class Panel:
    """One panel. The description says what it shows, what is normal and what to do otherwise.

    ``unit`` is an id of Grafana's list of units. ``colors`` maps series names, as the legend prints
    them, to colours; ``color`` holds for all others, None for Grafana's palette.
    """

    title: str
    description: str
    kind: Kind
    unit: str
    targets: tuple[Target, ...]
    no_data: str
    width: int = 8
    height: int = 8
    minimum: float | None = 0
    maximum: float | None = None
    decimals: int | None = None
    stacking: Stacking = "none"
    color: str | None = None
    cell_unit: str = "short"  # of a heatmap, where ``unit`` is that of its axis
    colors: tuple[tuple[str, str], ...] = ()
    lines: tuple[Line, ...] = ()
    bars: tuple[Bar, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    lowest_first: bool = False  # in the legend, where the lowest series is the worst
    columns: tuple[tuple[str, str], ...] = ()  # of a table: label or "Value", and its heading
    mappings: tuple[Mapping, ...] = ()
    links: tuple[Link, ...] = ()


@dataclass(frozen=True)
class Text:
    """A line of Markdown, without a heading."""

    content: str
    width: int = COLUMNS
    height: int = 2


@dataclass(frozen=True)
class Row:
    """Panels under one heading, laid out from left to right; an empty title draws no heading."""

    title: str
    panels: tuple[Panel | Text, ...]
    collapsed: bool = False


@dataclass(frozen=True)
class Variable:
    """A template variable whose choices are the values of ``label`` on the series ``selector``."""

    name: str
    title: str
    description: str
    selector: str
    label: str


@dataclass(frozen=True)
class Annotation:
    """A mark on every chart where a query is not 0; the texts are Grafana's legend formats."""

    name: str
    expression: str
    title: str
    text: str
    color: str


@dataclass(frozen=True)
class Dashboard:
    """One dashboard; ``uid`` is its address in Grafana and the name of its file."""

    uid: str
    title: str
    description: str
    variables: tuple[Variable, ...]
    rows: tuple[Row, ...]
    annotations: tuple[Annotation, ...] = ()

    @property
    def panels(self) -> Iterator[Panel | Text]:
        """All panels, in reading order."""
        return (panel for row in self.rows for panel in row.panels)
