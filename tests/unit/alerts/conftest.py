"""Series as a service exports them, and promtool to evaluate the rules over them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from cqrs_alerts.config import Config
from cqrs_alerts.naming import Part, label_name, series_name
from cqrs_alerts.promql import duration_seconds, equals, select
from cqrs_alerts.rule_files import render_rules
from cqrs_telemetry import catalog
from cqrs_telemetry.catalog import Attribute, Metric

Labels = Mapping[Attribute, str]
InputSeries = list[dict[str, str]]
Evaluate = Callable[[Config, Sequence[Mapping[str, Any]]], None]

_SIDES = {
    catalog.WRITE_SCOPE: catalog.WRITE,
    catalog.READ_SCOPE: catalog.READ,
    catalog.PROJECTION_SCOPE: catalog.PROJECTION,
}
INSTANCES = ("a", "b")


@dataclass(frozen=True)
class Service:
    """What a service of two instances exports; every number is per minute and both together.

    ``values`` turns what one sample adds into promtool's notation of samples.
    """

    config: Config
    group: Mapping[str, str]

    @property
    def interval(self) -> str:
        """Time between two samples."""
        return self.config.scrape_interval

    def counter(
        self, metric: Metric, labels: Labels, per_minute: float, values: str = "0+{}x400"
    ) -> InputSeries:
        """A counter that climbs evenly."""
        return list(self._series(metric, "", labels, {}, per_minute, values))

    def histogram(
        self,
        metric: Metric,
        labels: Labels,
        per_minute: Mapping[float, float],
        values: str = "0+{}x400",
    ) -> InputSeries:
        """A histogram of ``{observed value: how often}``."""
        return [
            series
            for bound in (*metric.bounds, float("inf"))
            for series in self._series(
                metric,
                "bucket",
                labels,
                {"le": "+Inf" if bound == float("inf") else str(bound)},
                sum(often for value, often in per_minute.items() if value <= bound),
                values,
            )
        ]

    def level(self, metric: Metric, labels: Labels, each: int) -> InputSeries:
        """A level that both instances hold."""
        return list(self._series(metric, "", labels, {}, 0, f"{each}x400"))

    def _series(
        self,
        metric: Metric,
        part: Part,
        labels: Labels,
        more: Mapping[str, str],
        per_minute: float,
        values: str,
    ) -> Iterator[dict[str, str]]:
        own = {label_name(key, self.config.naming): value for key, value in labels.items()}
        side = _SIDES.get(metric.scope)
        if side:
            own[label_name(catalog.SIDE, self.config.naming)] = side
        step = per_minute / len(INSTANCES) * duration_seconds(self.interval) / 60
        for instance in INSTANCES:
            every = {**self.group, "instance": instance, **own, **more}
            name = series_name(metric, self.config.naming, part)
            series = select(name, [equals(label, value) for label, value in every.items()])
            yield {"series": series, "values": values.replace("{}", f"{step:g}")}


@pytest.fixture
def evaluate(promtool: Path, tmp_path: Path) -> Evaluate:
    """Run promtool's unit tests over the rules of a configuration."""

    def run(config: Config, tests: Sequence[Mapping[str, Any]]) -> None:
        rules = render_rules(config)
        for name, text in rules.items():
            (tmp_path / name).write_text(text)
        unit_test = {
            "rule_files": list(rules),
            "evaluation_interval": config.scrape_interval,
            "fuzzy_compare": True,
            "tests": [{"interval": config.scrape_interval, **test} for test in tests],
        }
        file = tmp_path / "test.yaml"
        file.write_text(yaml.safe_dump(unit_test, sort_keys=False, width=1000))
        done = subprocess.run(
            [promtool, "test", "rules", file], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    return run
