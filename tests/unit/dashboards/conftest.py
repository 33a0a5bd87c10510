"""The generated dashboards as Grafana gets them."""

from __future__ import annotations

from typing import Any

import pytest

from cqrs_alerts.config import Config
from cqrs_dashboards.bundle import dashboards, render

Json = dict[str, Any]


@pytest.fixture(scope="session")
def rendered() -> list[Json]:
    """All dashboards of the default configuration, as JSON."""
    return [render(dashboard) for dashboard in dashboards(Config())]
