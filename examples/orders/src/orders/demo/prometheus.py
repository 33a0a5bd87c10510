"""The demo's Prometheus: where it is, how it is configured, what it answers."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import yaml

from cqrs_alerts.rule_files import ALERTS_FILE, RECORDING_FILE

from ..telemetry import SERVICE

# Short, so that the first rates exist seconds after the start: rate() needs two scrapes.
SCRAPE_INTERVAL = "2s"


class ServerMissingError(Exception):
    """A server that is needed is not on this machine."""


def find_server(name: str) -> Path | None:
    """Find a server on PATH, which ``make`` begins with the repository's ``.tools/bin``."""
    found = shutil.which(name)
    return Path(found) if found else None


def require_server(name: str) -> Path:
    """Find a server that is needed.

    Raises:
        ServerMissingError: It is not on PATH.
    """
    program = find_server(name)
    if program is None:
        raise ServerMissingError(
            f"{name} was not found on PATH; install it, or run `make tools` and add .tools/bin to "
            "PATH"
        )
    return program


def configuration(
    rules: Path,
    targets: Sequence[str],
    itself: str,
    alertmanager: str | None = None,
    *,
    collector: str | None = None,
    interval: str = SCRAPE_INTERVAL,
) -> str:
    """``prometheus.yml``: the shop's processes as one job, and each server as another."""
    servers = {"prometheus": itself, **({"otel-collector": collector} if collector else {})}
    alerting = {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]}
    document: dict[str, Any] = {
        "global": {
            "scrape_interval": interval,
            "scrape_timeout": interval,
            "evaluation_interval": interval,
            "external_labels": {"prometheus": "demo"},  # on what it sends, not on what it keeps
        },
        **({"alerting": alerting} if alertmanager else {}),
        "rule_files": [str(rules.absolute() / name) for name in (RECORDING_FILE, ALERTS_FILE)],
        "scrape_configs": [
            {"job_name": SERVICE, "static_configs": [{"targets": list(targets)}]},
            *(
                {"job_name": name, "static_configs": [{"targets": [address]}]}
                for name, address in servers.items()
            ),
        ],
    }
    return yaml.safe_dump(document, sort_keys=False)


def count_series(url: str, selector: str) -> int:
    """How many series Prometheus has now; 0 also while it does not answer."""
    try:
        answer = httpx.get(f"{url}/api/v1/query", params={"query": f"count({selector})"})
        result = answer.json()["data"]["result"]
    except (httpx.TransportError, ValueError, KeyError):
        return 0
    return int(result[0]["value"][1]) if result else 0
