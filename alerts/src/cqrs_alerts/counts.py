"""How much follows from a configuration."""

from __future__ import annotations

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
