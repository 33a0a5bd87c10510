"""The rule files as text, the way Prometheus loads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml

from cqrs_telemetry import catalog

from . import alerting, exemptions, projection_state, rebuilds, recording_rules, slo_rules
from .config import Config
from .files import GENERATED_BY
from .groups import groups
from .inhibitions import inhibit_rules

RECORDING_FILE = "recording.yaml"
ALERTS_FILE = "alerts.yaml"

_HEADER = f"# {GENERATED_BY}; edit the configuration and generate again, not this file.\n"


class _Dumper(yaml.SafeDumper):
    """Keeps expressions of several lines as they are written, and writes labels out each time."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _represent_text)


def recording_groups(config: Config) -> list[dict[str, Any]]:
    """All recording rules: those of each scope's metrics with what follows, then objectives."""
    derived = {catalog.PROJECTION_SCOPE: [*rebuilds.units(), *projection_state.units(config)]}
    found = groups("cqrs.time.recording", exemptions.units(config), config)
    for scope, units in recording_rules.units_by_scope(config).items():
        found += groups(f"{scope}.recording", [*units, *derived.get(scope, ())], config)
        found += groups(f"{scope}.slo.recording", slo_rules.units(scope, config), config)
    return found


_GROUPS: dict[str, Callable[[Config], list[dict[str, Any]]]] = {
    RECORDING_FILE: recording_groups,
    ALERTS_FILE: alerting.rule_groups,
}


def rule_groups(config: Config) -> dict[str, list[dict[str, Any]]]:
    """Groups of each rule file by its name."""
    return {name: made(config) for name, made in _GROUPS.items()}


def render_rules(config: Config) -> dict[str, str]:
    """Text of each rule file by its name."""
    return {name: _render(made) for name, made in rule_groups(config).items()}


def render_inhibitions(config: Config) -> str:
    """What keeps alerts back, to be merged into Alertmanager's configuration."""
    return _HEADER + yaml.dump(
        {"inhibit_rules": inhibit_rules(config)}, Dumper=_Dumper, sort_keys=False, width=2**20
    )


def _render(made: list[dict[str, Any]]) -> str:
    body = yaml.dump(
        {"groups": made}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=2**20
    )
    return _HEADER + body
