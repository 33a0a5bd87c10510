"""Faults of what is around the shop, which the demo itself begins: servers load other files."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from . import trace_path
from .ports import HOST
from .running import Demo
from .startup import CONFIGURATION, generate_rules

SERIES_LIMIT = 50  # of a rule: below the number of histogram buckets, above that of all else
STORE_PATIENCE = "400ms"  # that Prometheus gives the store, at each rule
MEMORY_LIMIT = {"limit_mib": 2, "spike_limit_mib": 1}


def begin(demo: Demo, name: str) -> None:
    """Begin the fault of that name."""
    SURROUNDING_FAULTS[name](demo)


def _limit_rules(demo: Demo) -> None:
    assert demo.settings.config is not None  # noqa: S101 - a demo with a fault has one
    settings = yaml.safe_load(demo.settings.config.read_text()) or {}
    limited = {**(settings.get("rules") or {}), "limit": SERIES_LIMIT}
    changed = demo.settings.data / "cqrs.yaml"
    changed.write_text(yaml.safe_dump({**settings, "rules": limited}))
    generate_rules(demo, changed)
    demo.parts.send("prometheus", signal.SIGHUP)


def _read_remotely(demo: Demo) -> None:
    # It is connected to, and never answers.
    store = demo.held.enter_context(socket.create_server((HOST, 0)))
    _reload(
        demo,
        "prometheus",
        CONFIGURATION,
        remote_read=[
            {
                "url": f"http://{HOST}:{store.getsockname()[1]}/read",
                "read_recent": True,
                "remote_timeout": STORE_PATIENCE,
            }
        ],
    )


def _limit_memory(demo: Demo) -> None:
    path = demo.settings.data / trace_path.OVERLAY
    processors = yaml.safe_load(path.read_text())["processors"]
    _reload(
        demo,
        "collector",
        trace_path.OVERLAY,
        processors={**processors, "memory_limiter": MEMORY_LIMIT},
    )


def _reload(demo: Demo, part: str, file: str, **changes: Any) -> None:
    path: Path = demo.settings.data / file
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **changes}))
    demo.parts.send(part, signal.SIGHUP)


SURROUNDING_FAULTS: dict[str, Callable[[Demo], None]] = {
    "rule-limit": _limit_rules,
    "slow-remote-read": _read_remotely,
    "collector-memory": _limit_memory,
}
