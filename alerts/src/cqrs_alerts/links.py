"""Where alerts point to: stable dashboard uids and runbook pages.

The only place that spells a dashboard's uid; dashboards are generated with the same constants, so
that ``dashboard_url`` of an alert always exists.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cqrs_telemetry import catalog

from .label_names import SLO
from .naming import recorded_label

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


# What else than services a dashboard's variables choose, by its label.
CHOICES = {
    WRITE_PATH_UID: recorded_label(catalog.COMMAND_TYPE),
    READ_PATH_UID: recorded_label(catalog.QUERY_TYPE),
    PROJECTIONS_UID: recorded_label(catalog.PROJECTION_NAME),
    SLOS_UID: SLO,
}


def dashboard_url(uid: str, config: Config) -> str:
    """Address of a dashboard in Grafana."""
    return f"{config.dashboard_base_url}/d/{config.dashboards.uid(uid)}"


def choosing_labels(uid: str, labels: Sequence[str], config: Config) -> tuple[str, ...]:
    """Those of an alert's labels by which its dashboard is narrowed to what it is about.

    A projection and its watcher may be two jobs: by the watcher's alone, half of the dashboard
    would be empty.
    """
    services = config.shared_labels if uid == PROJECTIONS_UID else config.service_labels
    return tuple(label for label in (*services, CHOICES.get(uid, "")) if label in labels)


def alert_dashboard_url(uid: str, labels: Sequence[str], past: str, config: Config) -> str:
    """Template of the address at which a dashboard shows what an alert is about, and its past."""
    return f"{dashboard_url(uid, config)}?from=now-{past}&to=now" + "".join(
        f"&var-{label}={{{{ $labels.{label} | urlquery }}}}"
        for label in choosing_labels(uid, labels, config)
    )


def runbook_page(alert_name: str) -> str:
    """File name of an alert's runbook."""
    return f"{alert_name}.md"


def runbook_url(alert_name: str, config: Config) -> str:
    """Address of an alert's runbook."""
    return f"{config.runbook_base_url}/{runbook_page(alert_name)}"
