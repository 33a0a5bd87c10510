"""Groups that rules are loaded in: small enough for every ruler, what is read before who reads it.

Within a group rules are evaluated one after the other, and see what those before them recorded at
the same instant. Groups are evaluated at moments of their own, so that a rule which reads from
another group sees what that one recorded up to an interval ago.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from .config import Config
from .promql import duration_seconds

# The default of Mimir and Cortex, ruler.max-rules-per-rule-group:
# https://grafana.com/docs/mimir/latest/configure/configuration-parameters/#limits
MOST_RULES = 20

Rule = dict[str, Any]
Unit = Sequence[Rule]  # rules that have to see the same instant


def groups(name: str, units: Iterable[Unit], config: Config) -> list[dict[str, Any]]:
    """Groups of a name, numbered from the second on.

    Units that read each other stay together where they fit; else a group reads from those before.
    """
    packed: list[list[Rule]] = []
    parts: list[Unit]
    for family in _families([unit for unit in units if unit]):
        whole = [rule for unit in family for rule in unit]
        parts = [whole]
        if len(whole) > MOST_RULES:
            packed.append([])  # as much of it as possible in one
            parts = [rules for unit in family for rules in _slices(unit)]
        for rules in parts:
            if not packed or len(packed[-1]) + len(rules) > MOST_RULES:
                packed.append([])
            packed[-1] += rules
    return [
        {
            "name": name if number == 1 else f"{name}.{number}",
            **_settings(config),
            "rules": rules,
        }
        for number, rules in enumerate(packed, start=1)
    ]


def _settings(config: Config) -> dict[str, Any]:
    chosen = config.rules
    delayed = duration_seconds(chosen.query_offset) > 0
    return {
        **({"query_offset": chosen.query_offset} if delayed else {}),
        **({"limit": chosen.limit} if chosen.limit else {}),
    }


def _slices(rules: Sequence[Rule]) -> Iterator[Sequence[Rule]]:
    for start in range(0, len(rules), MOST_RULES):
        yield rules[start : start + MOST_RULES]


def _families(units: Sequence[Unit]) -> Iterator[list[Unit]]:
    """Units that read each other, directly or by way of others, in their order."""
    family = list(range(len(units)))  # of each unit, by the first one in it
    writes = [{rule.get("record") for rule in unit} for unit in units]
    for reader, unit in enumerate(units):
        read = {name for rule in unit for name in re.findall(r"cqrs:[\w:]+", rule["expr"])}
        for writer in range(len(units)):
            if read & writes[writer]:
                joined = {family[reader], family[writer]}
                family = [min(joined) if each in joined else each for each in family]
    for first in dict.fromkeys(family):
        yield [unit for unit, of in zip(units, family, strict=True) if of == first]
