"""Places on Grafana's grid: rows below each other, panels from left to right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .model import COLUMNS, Dashboard, Panel, Row, Text

HEADING_HEIGHT = 1


@dataclass(frozen=True)
class Place:
    """A rectangle, in units of the grid."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class PlacedRow:
    """A row with its places; ``heading`` is None where the row has no title."""

    row: Row
    heading: Place | None
    panels: tuple[tuple[Panel | Text, Place], ...]


def place(dashboard: Dashboard) -> Iterator[PlacedRow]:
    """All rows of a dashboard.

    Raises:
        ValueError: A line of panels is not exactly full, or its panels differ in height.
    """
    y = 0
    for row in dashboard.rows:
        heading = Place(0, y, COLUMNS, HEADING_HEIGHT) if row.title else None
        y += HEADING_HEIGHT if heading else 0
        panels = []
        x = height = 0
        for panel in row.panels:
            if x + panel.width > COLUMNS or (x and panel.height != height):
                raise ValueError(f"{dashboard.uid}: {_name(panel)} does not fit into its line")
            height = panel.height
            panels.append((panel, Place(x, y, panel.width, height)))
            x += panel.width
            if x == COLUMNS:
                x, y = 0, y + height
        if x:
            raise ValueError(f"{dashboard.uid}: row {row.title!r} leaves {COLUMNS - x} columns")
        yield PlacedRow(row, heading, tuple(panels))
        if row.collapsed and heading:
            y = heading.y + heading.height  # its panels take their place when it is opened


def _name(panel: Panel | Text) -> str:
    return "the text" if isinstance(panel, Text) else repr(panel.title)
