"""Labels that the rules themselves read or write; those of metrics follow from the catalogue."""

from __future__ import annotations

NAME = "__name__"  # holds the metric's name
LE = "le"
INSTANCE = "instance"

SEVERITY = "severity"
SIDE = "side"
SLO = "slo"
LONG_WINDOW = "long_window"
SHORT_WINDOW = "short_window"
STATE = "state"  # of a projection
PART = "__part__"  # of a window, within an expression

ALERT_LABELS = ("alertname", SEVERITY, SIDE, SLO, LONG_WINDOW, SHORT_WINDOW)
