"""Series that are recorded from other recorded ones: states, rebuilds, objectives."""

from __future__ import annotations

from . import projection_state, rebuilds, slo, slo_rules
from .config import Config


def labels_of_derived(config: Config) -> dict[str, tuple[str, ...]]:
    """Labels of each series that is derived from recorded ones, by its name."""
    return {
        **{name: rebuilds.labels(config) for name in rebuilds.meanings()},
        **{name: projection_state.labels(name, config) for name in projection_state.meanings()},
        **{name: slo.labels(config) for name in slo_rules.names(config)},
    }
