"""Series as a service exports them, and promtool to evaluate the rules over them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import pytest
import yaml

from cqrs_alerts.config import Config
from cqrs_alerts.naming import Part, label_name, series_name
from cqrs_alerts.promql import duration_seconds, equals, select
from cqrs_alerts.rule_files import render_rules, rule_groups
from cqrs_telemetry import catalog
from cqrs_telemetry.catalog import Attribute, Metric
from waits import LIMIT

Labels = Mapping[Attribute, str]
InputSeries = list[dict[str, str]]


class Evaluate(Protocol):
    """Promtool over the rules of a configuration, or over what one alert needs of them."""

    def __call__(
        self,
        config: Config,
        tests: Sequence[Mapping[str, Any]],
        rules: Mapping[str, str] | None = None,
        interval: str | None = None,
    ) -> None:
        """Run the tests over all rules, or those given.

        They are evaluated at each ``interval``, or as often as the configuration scrapes.
        """


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
        count, total = sum(per_minute.values()), sum(v * n for v, n in per_minute.items())
        return [
            *self._series(metric, "count", labels, {}, count, values),
            *self._series(metric, "sum", labels, {}, total, values),
        ] + [
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
            yield {"series": series, "values": values.replace("{}", f"{step:.12g}")}


@cache
def rendered(config: Config) -> Mapping[str, str]:
    """All rule files of a configuration."""
    return render_rules(config)


def needed_rules(config: Config, *names: str) -> dict[str, str]:
    """The rules of these alerts or series and all that record what they read.

    The rest only takes time.
    """
    every = [rule for rules in _rules(config).values() for _, rule in rules]
    needed = set(names)
    while True:
        found = {
            name
            for rule in every
            if rule.get("record", rule.get("alert")) in needed
            for name in re.findall(r"cqrs:[a-z0-9_:]+", rule["expr"])
        }
        if found <= needed:
            break
        needed |= found
    return chosen_rules(
        config, {rule_name(r) for r in every if r.get("record", r.get("alert")) in needed}
    )


def chosen_rules(config: Config, names: Container[str]) -> dict[str, str]:
    """The rules whose ``rule_name`` is among these, each in its file and group."""
    files = dict[str, str]()
    for file, rules in _rules(config).items():
        groups = dict[str, list[Mapping[str, Any]]]()
        for group, rule in rules:
            if rule_name(rule) in names:
                groups.setdefault(group, []).append(rule)
        chosen = [{"name": group, "rules": rules} for group, rules in groups.items()]
        files[file] = json.dumps({"groups": chosen})  # which is YAML, and written in no time
    return files


@cache
def _rules(config: Config) -> dict[str, list[tuple[str, Mapping[str, Any]]]]:
    """Each file's rules with their groups."""
    return {
        file: [(group["name"], rule) for group in groups for rule in group["rules"]]
        for file, groups in rule_groups(config).items()
    }


def rule_name(rule: Mapping[str, Any]) -> str:
    """An alert's name; of recorded series the labels that a rule adds as well."""
    if "alert" in rule:
        return str(rule["alert"])
    return " ".join([rule["record"], *rule.get("labels", {}).values()])


def write_unit_test(
    folder: Path, rules: Mapping[str, str], tests: Sequence[Mapping[str, Any]], interval: str
) -> Path:
    """Promtool's file of unit tests, beside the rule files that it names."""
    for name, text in rules.items():
        (folder / name).write_text(text)
    unit_test = {
        "rule_files": list(rules),
        "evaluation_interval": interval,
        # What records first, as files and groups have it; promtool's own order is random.
        "group_eval_order": [name for text in rules.values() for name in _group_names(text)],
        "fuzzy_compare": True,
        "tests": [{"interval": interval, **test} for test in tests],
    }
    file = folder / "test.yaml"
    file.write_text(json.dumps(unit_test))
    return file


@cache
def _group_names(rules: str) -> tuple[str, ...]:
    """Names of a rule file's groups, in order."""
    return tuple(group["name"] for group in yaml.safe_load(rules)["groups"])


@pytest.fixture
def evaluate(promtool: Path, tmp_path: Path) -> Evaluate:
    """Run promtool's unit tests over the rules of a configuration."""

    def run(
        config: Config,
        tests: Sequence[Mapping[str, Any]],
        rules: Mapping[str, str] | None = None,
        interval: str | None = None,
    ) -> None:
        chosen = rendered(config) if rules is None else rules
        file = write_unit_test(tmp_path, chosen, tests, interval or config.scrape_interval)
        done = subprocess.run(
            [promtool, "test", "rules", file],
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    return run
