"""An independent judge: Grafana's own model of schema 42 reads our dashboards without loss."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]


def lost(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Paths of what is missing or different after a round trip."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            if key not in after and value is not None:
                yield f"{path}/{key}"
            elif key in after:
                yield from lost(value, after[key], f"{path}/{key}")
    elif isinstance(before, list) and isinstance(after, list):
        if len(before) != len(after):
            yield path
        for index, pair in enumerate(zip(before, after, strict=False)):
            yield from lost(*pair, f"{path}[{index}]")
    elif before != after:
        yield path


if sys.version_info >= (3, 11):  # the judge does not exist for 3.10
    with warnings.catch_warnings():
        # It prefers Grafana's version 2 of dashboards, which Grafana 11 cannot read.
        warnings.simplefilter("ignore", DeprecationWarning)
        from grafana_foundation_sdk.cog.encoder import JSONEncoder
        from grafana_foundation_sdk.cog.plugins import register_default_plugins
        from grafana_foundation_sdk.models.dashboard import Dashboard

    def test_round_trip_loses_nothing(rendered: list[Json]) -> None:
        """Every key and value comes back, so each is one that schema 42 knows."""
        register_default_plugins()
        for dashboard in rendered:
            read = Dashboard.from_json(json.loads(json.dumps(dashboard)))
            again = json.loads(JSONEncoder(sort_keys=True).encode(read))
            assert list(lost(dashboard, again)) == []

    def test_judge_notices_what_it_does_not_know(rendered: list[Json]) -> None:
        """A key of an older schema would be lost: the test above can fail."""
        register_default_plugins()
        old = json.loads(json.dumps(rendered[0]))
        old["panels"][1]["maxPerLine"] = 1
        again = json.loads(JSONEncoder().encode(Dashboard.from_json(old)))
        assert list(lost(old, again)) == ["/panels[1]/maxPerLine"]
