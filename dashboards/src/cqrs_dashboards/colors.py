"""One colour for one meaning, on every dashboard; names of Grafana's palette."""

from __future__ import annotations

from cqrs_telemetry import catalog

GOOD = "green"
WARNING = "orange"
CRITICAL = "red"
NEUTRAL = "text"
RESTART = "light-blue"

BY_SIDE: dict[str, str] = {
    catalog.WRITE: "blue",
    catalog.READ: "purple",
    catalog.PROJECTION: "orange",
}
BY_STATUS: dict[str, str] = {
    catalog.SUCCESS: "semi-dark-green",
    catalog.REJECTED: "semi-dark-yellow",
    catalog.ERROR: "semi-dark-red",
    catalog.CANCELLED: "#8e8e8e",
}
# A heatmap has a scheme in place of a colour.
SCHEME_BY_SIDE: dict[str, str] = {
    catalog.WRITE: "Blues",
    catalog.READ: "Purples",
    catalog.PROJECTION: "Oranges",
}


def shades(side: str) -> tuple[str, str, str]:
    """A side's colour for the median, the 95th and the 99th percentile."""
    color = BY_SIDE[side]
    return f"super-light-{color}", f"light-{color}", f"dark-{color}"
