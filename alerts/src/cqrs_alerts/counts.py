"""How much follows from a configuration."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from . import alerting, slo
from .config import Config
from .inhibitions import inhibit_rules
from .rule_files import recording_groups
from .runbooks import render_runbooks


def counts(config: Config) -> dict[str, int]:
    """How many there are of each, by their name in plural."""
    recorded = [rule for group in recording_groups(config) for rule in group["rules"]]
    return {
        "alerts": len(alerting.alerts(config)),
        "alerting rules": sum(len(group["rules"]) for group in alerting.rule_groups(config)),
        "recording rules": len(recorded),
        "objectives": sum(rule["record"] == slo.OBJECTIVE for rule in recorded),
        "runbooks": len(render_runbooks(config)),
        "inhibition rules": len(inhibit_rules(config)),
    }


def count_files(paths: Iterable[Path]) -> dict[str, int]:
    """How many groups and rules of each kind are in rule files, by their name in plural.

    Raises:
        ValueError: Names a file that is none.
    """
    groups = [group for path in paths for group in _groups(path)]
    rules = [rule for group in groups for rule in group.get("rules") or ()]
    alerts = [rule["alert"] for rule in rules if "alert" in rule]
    return {
        "groups": len(groups),
        "alerts": len(set(alerts)),
        "alerting rules": len(alerts),
        "recording rules": sum("record" in rule for rule in rules),
    }


def _groups(path: Path) -> list[dict[str, Any]]:
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: cannot be read as YAML: {error}") from None
    groups = content.get("groups") if isinstance(content, dict) else None
    if not isinstance(groups, list) or not all(isinstance(each, dict) for each in groups):
        raise ValueError(f"{path}: is not a rule file: it has no list of groups")
    return groups
