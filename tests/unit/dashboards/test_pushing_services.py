"""The pipeline dashboard of services that push their metrics: Prometheus scrapes none of them."""

from __future__ import annotations

import json
from typing import Any

from cqrs_alerts import foreign_metrics as foreign
from cqrs_alerts.config import Config
from cqrs_alerts.dashboard_settings import DashboardSettings
from cqrs_dashboards.bundle import render_all

PIPELINE = ("telemetry-pipeline",)
OF_SCRAPES = (foreign.UP, foreign.SCRAPE_DURATION, foreign.SCRAPE_SAMPLES)


def pipeline(scraped: bool) -> dict[str, Any]:
    """The dashboard, with or without services that are scraped."""
    (rendered,) = render_all(Config(dashboards=DashboardSettings(scraped=scraped)), PIPELINE)
    return rendered


def test_nothing_is_asked_about_scrapes_of_those_who_push() -> None:
    """Panels that must be empty for them would make the doctor complain for ever."""
    for name in OF_SCRAPES:
        assert f"{name}{{" in json.dumps(pipeline(scraped=True))
        assert f"{name}{{" not in json.dumps(pipeline(scraped=False))


def test_the_rest_of_the_opening_fills_its_line() -> None:
    """Fewer values at the top are wider; nothing else goes with them."""
    scraped, pushed = ({each["title"] for each in pipeline(s)["panels"]} for s in (True, False))
    assert pushed < scraped
    assert scraped - pushed == {
        "Targets up", "Targets down", "Are services scraped?",
        "Share of targets up", "Slowest scrape", "Samples per scrape",
    }  # fmt: skip
