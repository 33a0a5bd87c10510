"""Mutants that are no change of behaviour, each with its reason."""

from __future__ import annotations

EQUIVALENT: dict[tuple[str, str], str] = {}
