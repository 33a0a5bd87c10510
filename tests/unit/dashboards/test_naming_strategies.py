"""A naming strategy and the kind of histograms change the rows on raw series, and nothing else."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from cqrs_alerts.config import Config
from cqrs_alerts.live.selectors import selectors
from cqrs_alerts.naming import (
    HISTOGRAMS,
    STRATEGIES,
    Histograms,
    Strategy,
    escapes,
    label_name,
    series_name,
    stored_parts,
)
from cqrs_alerts.promql import equals
from cqrs_alerts.promtool import check_rules
from cqrs_dashboards import instance_panels
from cqrs_dashboards.bundle import render_all
from cqrs_dashboards.questions import PanelQuestion, questions
from cqrs_telemetry.catalog import METRICS

Json = dict[str, Any]


every_kind = pytest.mark.parametrize(
    ("strategy", "histograms"), list(product(STRATEGIES, HISTOGRAMS))
)


def raw_panels(dashboards: list[Json]) -> Iterator[Json]:
    """Panels of the rows that tell instances apart."""
    for dashboard in dashboards:
        for row in dashboard["panels"]:
            yield from row.get("panels", []) if row["title"] == instance_panels.TITLE else ()


def without_raw_queries(dashboards: list[Json]) -> list[Json]:
    """The dashboards, but for the queries on raw series."""
    blank = copy.deepcopy(dashboards)
    for panel in raw_panels(blank):
        for target in panel["targets"]:
            target["expr"] = ""
    return blank


@every_kind
def test_only_raw_queries_differ(
    strategy: Strategy, histograms: Histograms, rendered: list[Json]
) -> None:
    """All else is the default's to the letter, and raw queries name what that exporter makes."""
    config = Config(naming=strategy, histograms=histograms)
    found = render_all(config)
    assert without_raw_queries(found) == without_raw_queries(rendered)
    names = {
        series_name(metric, strategy, part): {
            label_name(attribute, strategy) for attribute in metric.attributes
        }
        for metric in METRICS
        for part in stored_parts(metric, histograms)
    }
    asked = [
        selector
        for panel in raw_panels(found)
        for target in panel["targets"]
        for selector in selectors(target["expr"].replace("$__rate_interval", "5m"))
    ]
    assert len(asked) > len(STRATEGIES)
    for selector in asked:
        assert {m.label for m in selector.matchers} <= {*names[selector.name], "job"}
    assert any(len(selector.matchers) > 1 for selector in asked)


@every_kind
@pytest.mark.servers
def test_prometheus_reads_every_query(
    strategy: Strategy, histograms: Histograms, tmp_path: Path
) -> None:
    """Promtool takes each query of each panel, with dotted group labels and selectors, too."""
    dotted = not escapes(strategy)
    config = Config(
        naming=strategy,
        histograms=histograms,
        group_labels=("job", "k8s.namespace.name") if dotted else ("job",),
        selector=(equals("host.name" if dotted else "host_name", "a"),),
    )
    asked = {
        expression: None
        for dashboard in render_all(config)
        for question in questions(dashboard, config)
        if isinstance(question, PanelQuestion)
        for expression in question.expressions
    }
    assert any('"k8s.namespace.name"=~' in each for each in asked) == dotted
    rules = [{"record": f"panel:{n}", "expr": each} for n, each in enumerate(asked)]
    file = tmp_path / "panels.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}, width=10_000))
    assert check_rules([file]) == ""
