"""grafanalib, which is imported here alone, and its output as plain JSON."""

from __future__ import annotations

import json
from typing import Any

from grafanalib import core as _core
from grafanalib._gen import DashboardEncoder

# Type checkers see no constructors in an untyped package's attrs classes.
core: Any = _core


def encode(dashboard: Any) -> dict[str, Any]:
    """What grafanalib would write into a file."""
    encoded: dict[str, Any] = json.loads(json.dumps(dashboard, cls=DashboardEncoder))
    return encoded
