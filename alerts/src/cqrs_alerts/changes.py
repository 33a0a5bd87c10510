"""What differs between the rules that a folder holds and those that are about to be written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from .label_names import SEVERITY

_NUMBER = re.compile(r"(?<![\w.:\"])\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.])")
_DURATIONS = ("for", "keep_firing_for")
_NONE = "0s"

Rules = dict[str, dict[str, Any]]


def describe_changes(before: str, after: str) -> Iterator[str]:
    """A line for each rule that differs between two rule files.

    What cannot be read as a rule file has no rules.
    """
    old, new = _rules(before), _rules(after)
    yield from (f"added {name}" for name in new if name not in old)
    yield from (f"removed {name}" for name in old if name not in new)
    for name in (each for each in old if each in new):
        if differences := list(_differences(old[name], new[name])):
            yield f"changed {name}: {'; '.join(differences)}"


def read_or_nothing(path: Path) -> str:
    """The text of a file; empty when there is none, or when it cannot be read."""
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _rules(text: str) -> Rules:
    try:
        groups = yaml.safe_load(text)["groups"]
        return {_name(rule): rule for group in groups for rule in group["rules"]}
    except (yaml.YAMLError, TypeError, KeyError, AttributeError):
        return {}


def _name(rule: Mapping[str, Any]) -> str:
    """The name, with the labels that tell apart rules of one name."""
    labels = ", ".join(
        f"{label}={value}"
        for label, value in rule.get("labels", {}).items()
        if label != SEVERITY and "{" not in str(value)
    )
    name: str = rule.get("alert") or rule["record"]
    return f"{name} ({labels})" if labels else name


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    yield from _expression(old["expr"], new["expr"])
    for key in _DURATIONS:
        was, will = (rule.get(key, _NONE) for rule in (old, new))
        if was != will:
            yield f"{key} {was} → {will}"
    was, will = (rule.get("labels", {}).get(SEVERITY) for rule in (old, new))
    if was != will:
        yield f"{SEVERITY} {was} → {will}"
    if old.get("annotations") != new.get("annotations"):
        yield "annotations"


def _expression(old: str, new: str) -> Iterator[str]:
    """Numbers that changed, where nothing else did."""
    if old == new:
        return
    if _NUMBER.sub("#", old) != _NUMBER.sub("#", new):
        yield "expression"
        return
    pairs = zip(_NUMBER.findall(old), _NUMBER.findall(new), strict=True)
    yield ", ".join(dict.fromkeys(f"{was} → {will}" for was, will in pairs if was != will))
