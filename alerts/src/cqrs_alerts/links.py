"""Where alerts point to: stable dashboard uids and runbook pages.

The only place that spells a dashboard's uid; dashboards are generated with the same constants, so
that ``dashboard_url`` of an alert always exists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the settings of dashboards need the uids below
    from .config import Config

OVERVIEW_UID = "cqrs-overview"
WRITE_PATH_UID = "cqrs-write-path"
READ_PATH_UID = "cqrs-read-path"
PROJECTIONS_UID = "cqrs-projections"
SLOS_UID = "cqrs-slos"
PIPELINE_UID = "cqrs-telemetry-pipeline"
DASHBOARD_UIDS = (
    OVERVIEW_UID, WRITE_PATH_UID, READ_PATH_UID, PROJECTIONS_UID, SLOS_UID, PIPELINE_UID,
)  # fmt: skip


def dashboard_url(uid: str, config: Config) -> str:
    """Address of a dashboard in Grafana."""
    return f"{config.dashboard_base_url}/d/{config.dashboards.uid(uid)}"


def runbook_page(alert_name: str) -> str:
    """File name of an alert's runbook."""
    return f"{alert_name}.md"


def runbook_url(alert_name: str, config: Config) -> str:
    """Address of an alert's runbook."""
    return f"{config.runbook_base_url}/{runbook_page(alert_name)}"
