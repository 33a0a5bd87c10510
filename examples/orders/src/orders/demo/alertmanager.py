"""The demo's Alertmanager: how it is configured, what it says of alerts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


def configuration(receiver_url: str, inhibitions: Path) -> str:
    """``alertmanager.yml``: each alert by itself to the receiver, unless another implies it."""
    document: dict[str, Any] = {
        "route": {
            "receiver": "recorder",
            "group_by": ["..."],
            # Long enough for the alert that silences another to arrive with it.
            "group_wait": "6s",
            "group_interval": "6s",
            "repeat_interval": "1h",
        },
        "receivers": [
            {
                "name": "recorder",
                "webhook_configs": [{"url": receiver_url, "send_resolved": True}],
            }
        ],
        "inhibit_rules": _inhibit_rules(inhibitions),
    }
    return yaml.safe_dump(document, sort_keys=False)


def _inhibit_rules(path: Path) -> list[Any]:
    if not path.exists():
        return []
    rules: list[Any] = yaml.safe_load(path.read_text())["inhibit_rules"]
    return rules
