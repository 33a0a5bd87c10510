"""When a read model is staler than promised, by the objective of each projection."""

from __future__ import annotations

import re

from cqrs_telemetry import catalog

from .config import Config
from .naming import recorded_label
from .promql import Matcher, equals, number, select
from .recording import STALENESS


def staleness_over(config: Config) -> str:
    """1 for each projection whose staleness is over its objective, 0 for the others."""
    promised = config.slos.projection_freshness
    name = recorded_label(catalog.PROJECTION_NAME)
    rest = "|".join(re.escape(own.type) for own in promised.types)
    everything = [Matcher(name, "!~", rest)] if rest else []
    limits = [(everything, promised.within_ms)]
    limits += [([equals(name, own.type)], own.within_ms) for own in promised.types]
    return " or ".join(
        f"{select(STALENESS.name, chosen)} > bool {number(within)}" for chosen, within in limits
    )
