"""Dashboards drawn in the browser without Grafana; needs the extra ``cqrs-dashboards[preview]``."""

from __future__ import annotations

try:
    import markdown_it  # noqa: F401 - asked for here, so that what is missing has one message
    import plotly  # noqa: F401 - as above
    import starlette  # noqa: F401 - as above
    import uvicorn  # noqa: F401 - as above
except ImportError as missing:
    raise ImportError(
        f"{missing.name} is not installed: pip install 'cqrs-dashboards[preview]'",
        name=missing.name,
    ) from missing

from .chromium import ChromiumError, take_screenshots
from .server import PortError, Preview

__all__ = ["ChromiumError", "PortError", "Preview", "take_screenshots"]
