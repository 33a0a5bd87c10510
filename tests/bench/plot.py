"""The growth of rules and dashboards as a picture: docs/benchmarks/scale.svg, from scale.json.

Plotly draws it in Chromium, as it does the preview's panels. ``python tests/bench/plot.py``.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import plotly.graph_objects as go
import plotly.io
from playwright.sync_api import sync_playwright
from plotly.subplots import make_subplots
from tables import FIGURES

from cqrs_dashboards.preview.chromium import find_chromium

INTERVAL = 60.0


def _total(sizes: list[dict[str, Any]], part: str, value: str) -> list[float | None]:
    return [sum(load[part][value] for load in one["dashboards"].values()) or None for one in sizes]


def draw(figures: list[dict[str, Any]]) -> go.Figure:
    """Samples of a full load of all dashboards, and the rules' share, by instances and by types."""
    picture = make_subplots(
        rows=2, cols=2, subplot_titles=(
            "Samples read by all dashboards, 50 types", "the same, 10 instances",
            "Rules' share of a minute, 50 types", "the same, 10 instances",
        ), vertical_spacing=0.16,
    )  # fmt: skip
    axes = (("instances", "types", 50), ("types", "instances", 10))
    for column, (axis, fixed, value) in enumerate(axes, 1):
        sizes = sorted((one for one in figures if one[fixed] == value), key=lambda one: one[axis])
        x = [one[axis] for one in sizes]
        samples = {
            "on recorded series": _total(sizes, "of_compared", "samples"),
            "the same queries on raw metrics": _total(sizes, "raw", "samples"),
            "the contract's three queries": [one["contract"]["samples"] or None for one in sizes],
        }
        colors = ("#1a7f37", "#cf222e", "#8250df")
        for (name, y), color in zip(samples.items(), colors, strict=True):
            picture.add_scatter(
                x=x, y=y, name=name, line_color=color, showlegend=column == 1, row=1, col=column
            )
        share = [
            sum(group["seconds"] for group in one["groups"].values()) / INTERVAL for one in sizes
        ]
        picture.add_scatter(
            x=x, y=share, name="all rule groups", line_color="#0969da", showlegend=column == 1,
            row=2, col=column,
        )  # fmt: skip
        for row in (1, 2):
            picture.update_xaxes(type="log", title=axis, tickvals=x, row=row, col=column)
    picture.update_yaxes(type="log", exponentformat="SI", dtick=1, row=1)
    picture.update_yaxes(tickformat=".1%", rangemode="tozero", row=2)
    legend = {"orientation": "h", "y": -0.12}
    return picture.update_layout(template="plotly_white", legend=legend, margin={"t": 50})


def main() -> None:
    """Draw it."""
    figure = draw(json.loads((FIGURES / "scale.json").read_text())["figures"])
    page_source = plotly.io.to_html(figure, include_plotlyjs=True, div_id="picture")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        page = browser.new_page()
        page.set_content(page_source, timeout=120_000)
        shown = "Plotly.toImage('picture', {format: 'svg', width: 1000, height: 700})"
        address = page.evaluate(shown)
        browser.close()
    (FIGURES / "scale.svg").write_text(unquote(address.partition(",")[2]) + "\n")


if __name__ == "__main__":
    main()
