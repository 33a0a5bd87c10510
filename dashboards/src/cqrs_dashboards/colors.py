"""One colour for one meaning, on every dashboard; names of Grafana's palette."""

from __future__ import annotations

from cqrs_alerts import projection_state as states
from cqrs_telemetry import catalog

GOOD = "green"
WARNING = "orange"
CRITICAL = "red"
NEUTRAL = "text"
INVISIBLE = "transparent"
RESTART = "light-blue"
REBUILD = "super-light-blue"
UNKNOWN = "#8e8e8e"

# From light to dark: the median, the 95th and the 99th percentile of a side. None of them is the
# colour of a state.
SHADES: dict[str, tuple[str, str, str]] = {
    catalog.WRITE: ("light-blue", "blue", "dark-blue"),
    catalog.READ: ("light-purple", "purple", "dark-purple"),
    catalog.PROJECTION: ("#7ADFDB", "#1FB5B0", "#0B7F7B"),
}
BY_SIDE: dict[str, str] = {side: medium for side, (_, medium, _) in SHADES.items()}
BY_STATUS: dict[str, str] = {
    catalog.SUCCESS: "semi-dark-green",
    catalog.REJECTED: "semi-dark-yellow",
    catalog.ERROR: "semi-dark-red",
    catalog.CANCELLED: UNKNOWN,
}
# The redder, the less will it mend itself.
BY_STATE: dict[str, str] = {
    states.OK.name: GOOD,
    states.CATCHING_UP.name: "yellow",
    states.LAGGING.name: WARNING,
    states.STALLED.name: "light-red",
    states.FAILED.name: CRITICAL,
    states.STOPPED.name: "dark-red",
    states.REBUILDING_STATE.name: REBUILD,
    states.UNKNOWN.name: UNKNOWN,
}
BY_WAIT: dict[str, str] = {
    catalog.SEEN: BY_STATUS[catalog.SUCCESS],
    catalog.TIMED_OUT: BY_STATUS[catalog.ERROR],
}
# A heatmap has a scheme in place of a colour.
SCHEME_BY_SIDE: dict[str, str] = {
    catalog.WRITE: "Blues",
    catalog.READ: "Purples",
    catalog.PROJECTION: "GnBu",
}
