"""Whatever translates names, and whatever histograms arrive: what is recorded is the same."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pytest
import yaml

from cqrs_alerts import recording, slo, slo_rules
from cqrs_alerts.config import Config
from cqrs_alerts.config_file import read_config
from cqrs_alerts.label_names import INSTANCE, LE
from cqrs_alerts.naming import (
    HISTOGRAMS,
    STRATEGIES,
    Histograms,
    Part,
    Strategy,
    escapes,
    label_name,
    series_name,
)
from cqrs_alerts.promql import equals, select
from cqrs_alerts.promtool import check_rules
from cqrs_alerts.recording import RECORDINGS
from cqrs_alerts.rule_files import ALERTS_FILE, recording_groups, render_rules
from cqrs_telemetry import catalog
from cqrs_telemetry.catalog import METRICS, Metric
from waits import LIMIT

pytestmark = pytest.mark.servers

Observations = Mapping[float, float]  # value: how often

SCHEMA, BUCKETS_PER_OCTAVE = 3, 8  # of exponential histograms
CUSTOM = -53  # of native ones with explicit bounds


def index(value: float) -> int:
    """The exponential bucket that a value falls into."""
    return math.ceil(math.log2(value) * BUCKETS_PER_OCTAVE)


def exponential(_: Metric, observed: Observations) -> str:
    """Promtool's notation of an exponential histogram."""
    counts = {index(value): often for value, often in observed.items() if value}
    first, last = min(counts), max(counts)
    buckets = " ".join(f"{counts.get(each, 0):g}" for each in range(first, last + 1))
    return (
        f"{{{{schema:{SCHEMA} {_totals(observed)} z_bucket:{observed.get(0, 0):g} "
        f"z_bucket_w:1e-128 offset:{first} buckets:[{buckets}]}}}}"
    )


def custom(metric: Metric, observed: Observations) -> str:
    """Promtool's notation of a native histogram with the catalogue's bounds."""
    limits = (-math.inf, *metric.bounds, math.inf)
    counts = [
        sum(often for value, often in observed.items() if low < value <= high)
        for low, high in pairwise(limits)
    ]
    return (
        f"{{{{schema:{CUSTOM} {_totals(observed)} "
        f"custom_values:[{' '.join(f'{bound:g}' for bound in metric.bounds)}] "
        f"buckets:[{' '.join(f'{count:g}' for count in counts)}]}}}}"
    )


def _totals(observed: Observations) -> str:
    total = sum(value * often for value, often in observed.items())
    return f"sum:{total:.12g} count:{sum(observed.values()):g}"


NATIVE: dict[str, Callable[[Metric, Observations], str]] = {
    "exponential": exponential,
    "custom bounds": custom,
}


@dataclass(frozen=True)
class Exporter:
    """Two instances that export each metric of the catalogue, a set of attributes per outcome.

    ``values`` makes promtool's notation of samples of what one interval adds, written ``{}``.
    """

    config: Config
    form: str  # of histograms: classic, or one of NATIVE
    target: Mapping[str, str]
    values: str

    def series(self, metrics: tuple[Metric, ...] = METRICS) -> Iterator[dict[str, str]]:
        """All series, in promtool's notation."""
        for number, metric in enumerate(metrics, 1):
            refused = any(catalog.REJECTED in each.values for each in metric.attributes)
            for variant, instance in product(range(3 if refused else 2), "ab"):
                labels = self._labels(metric, variant, instance)
                rate = 10.0 * number + variant
                if metric.kind != "histogram":
                    yield self._series(metric, "", labels, f"{rate:g}")
                    continue
                observed = {
                    0.0: 6 * rate,
                    7.0: 48.0,
                    30.0: 12.0 + variant,
                    metric.bounds[-1] * 3: 2,
                }
                yield from self.histogram(metric, labels, observed)

    def histogram(
        self, metric: Metric, labels: Mapping[str, str], observed: Observations
    ) -> Iterator[dict[str, str]]:
        """The series of one histogram."""
        if self.form in NATIVE:
            yield self._series(metric, "", labels, NATIVE[self.form](metric, observed))
            return
        total = sum(value * often for value, often in observed.items())
        yield self._series(metric, "sum", labels, f"{total:.12g}")
        yield self._series(metric, "count", labels, f"{sum(observed.values()):g}")
        for bound in (*metric.bounds, math.inf):
            count = sum(often for value, often in observed.items() if value <= bound)
            le = {LE: "+Inf" if bound == math.inf else str(bound)}
            yield self._series(metric, "bucket", {**labels, **le}, f"{count:g}")

    def _labels(self, metric: Metric, variant: int, instance: str) -> dict[str, str]:
        """A value of each attribute; failures alone have an error type."""
        own = {}
        for attribute in metric.attributes:
            value = attribute.values[:3][-variant] if attribute.values else "ABC"[variant]
            if attribute is catalog.ERROR_TYPE and not variant:
                continue
            if attribute is catalog.SIDE:
                value = metric.scope.removeprefix("cqrs.")
            own[label_name(attribute, self.config.naming)] = value
        return {**self.target, INSTANCE: instance, **own}

    def _series(
        self, metric: Metric, part: Part, labels: Mapping[str, str], step: str
    ) -> dict[str, str]:
        name = series_name(metric, self.config.naming, part)
        series = select(name, [equals(label, value) for label, value in labels.items()])
        values = f"{step}x40" if metric.kind in ("up_down_counter", "gauge") else self.values
        return {"series": series, "values": values.replace("{}", step)}


def of_job(job: str, **settings: Any) -> Config:
    """A configuration for the targets of one job."""
    return Config(selector=(equals("job", job),), **settings)


def run(promtool: Path, folder: Path, configs: list[Config], *tests: Mapping[str, Any]) -> None:
    """Promtool's unit tests over the recording rules of several configurations.

    What the others have in common with the first is evaluated once, and last.
    """
    first = recording_groups(configs[0])
    common = [rule for group in first for rule in group["rules"]]
    others = [
        {
            "name": f"{number} {group['name']}",
            "rules": [rule for rule in group["rules"] if rule not in common],
        }
        for number, config in enumerate(configs[1:])
        for group in recording_groups(config)
    ]
    groups = [*others, *first]
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}, width=10_000))
    document = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": "1m",
        "group_eval_order": [group["name"] for group in groups],
        "fuzzy_compare": True,
        "tests": [{"interval": "1m", **test} for test in tests],
    }
    (folder / "test.yaml").write_text(yaml.safe_dump(document, width=10_000))
    done = subprocess.run(
        [promtool, "test", "rules", folder / "test.yaml"],
        capture_output=True, text=True, check=False, timeout=LIMIT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def share_of_equals(name: str) -> str:
    """A half when each series of one job has its like, of the same value, in the other."""
    one, other = (select(name, [equals("job", job)]) for job in ("one", "other"))
    difference = f"abs({one} - ignoring (job) {other})"
    tolerance = f"(1e-9 + 1e-9 * abs({one}))"
    return f"count({difference} <= ignoring (job) {tolerance}) / count({name})"


KINDS = [
    (strategy, form)
    for strategy, form in product(STRATEGIES, ("classic", *NATIVE))
    if (strategy, form) != (STRATEGIES[0], "classic")
]


@pytest.mark.parametrize(("strategy", "form"), KINDS)
def test_recorded_outcome_is_the_same(
    strategy: Strategy, form: str, promtool: Path, tmp_path: Path
) -> None:
    """Every recorded series has the labels and values that it has by default: all the time.

    The service restarts after ten minutes, and two scrapes of it fail later on. Where labels keep
    their dots, so does a group label. Objectives count the starts of native histograms by estimate:
    theirs are compared where there is none.
    """
    one = of_job("one", group_labels=("job", "k8s_namespace_name"))
    namespace = "k8s_namespace_name" if escapes(strategy) else "k8s.namespace.name"
    other = of_job(
        "other",
        group_labels=("job", namespace),
        naming=strategy,
        histograms="classic" if form == "classic" else "native",
    )
    restarts, steady = "{}+{}x10 {}+{}x7 _x2 {}+{}x20", "{}x6 {}+{}x30"
    names = {restarts: [each.name for each in RECORDINGS], steady: list[str]()}
    names[restarts if form == "classic" else steady] += slo_rules.names(one)
    tests = []
    for values, compared in names.items():
        exporters = [
            Exporter(one, "classic", {"job": "one", "k8s_namespace_name": "sales"}, values),
            Exporter(other, form, {"job": "other", namespace: "sales"}, values),
        ]
        checks = [
            {
                "expr": share_of_equals(name),
                "eval_time": time,
                "exp_samples": [{"labels": "{}", "value": 0.5}],
            }
            for name in compared
            for time in ("9m", "13m", "22m", "35m")
        ]
        series = [series for each in exporters for series in each.series()]
        tests.append({"input_series": series, "promql_expr_test": checks})
    run(promtool, tmp_path, [one, other], *tests)


def test_another_outcome_is_noticed(promtool: Path, tmp_path: Path) -> None:
    """The comparison itself works: one observation more is a difference."""
    one, other = of_job("one"), of_job("other", histograms="native")
    series: list[dict[str, str]] = []
    for config, form, often in ((one, "classic", 48), (other, "exponential", 49)):
        exporter = Exporter(config, form, {"job": config.selector[0].value}, "{}+{}x20")
        labels = {**exporter.target, INSTANCE: "a"}
        series += exporter.histogram(catalog.QUERY_DURATION, labels, {7.0: often, 30.0: 12.0})
    check = {
        "expr": share_of_equals(recording.QUERY_DURATION_BUCKETS.name),
        "eval_time": "15m",
        "exp_samples": [{"labels": "{}", "value": 0.5}],
    }
    with pytest.raises(AssertionError, match="exp:"):
        run(promtool, tmp_path, [one, other], {"input_series": series, "promql_expr_test": [check]})


@pytest.mark.parametrize("form", NATIVE)
def test_idle(form: str, promtool: Path, tmp_path: Path) -> None:
    """A native histogram that nothing is added to has buckets of rate 0, not NaN, as ever."""
    config = Config(histograms="native")
    exporter = Exporter(config, form, {"job": "shop"}, "{}x40")
    bounds = len(catalog.QUERY_DURATION.bounds) + 1
    checks = [
        {
            "expr": f"count({recording.QUERY_DURATION_BUCKETS.name} == 0)",
            "eval_time": "15m",
            "exp_samples": [{"labels": "{}", "value": bounds * 3}],  # of the types A to C
        },
        {"expr": f"{recording.QUERY_DURATION_P95.name} >= 0", "eval_time": "15m"},
    ]
    series = [*exporter.series((catalog.QUERY_DURATION,))]
    run(promtool, tmp_path, [config], {"input_series": series, "promql_expr_test": checks})


def test_values_close_to_a_bound(promtool: Path, tmp_path: Path) -> None:
    """What docs/naming.md says of exponential ones: the bucket around a bound is shared, alone."""
    config = Config(histograms="native")
    exporter = Exporter(config, "exponential", {"job": "shop"}, "{}+{}x20")
    close, far = 510.0, 30.0
    width = 2 ** (1 / BUCKETS_PER_OCTAVE)
    low = width ** (index(close) - 1)
    assert low < 500 < close
    buckets = recording.QUERY_DURATION_BUCKETS.name
    below = math.log(500 / low) / math.log(width)
    labels = {"job": "shop", INSTANCE: "a", "query_type": "FindOrders"}
    series = [*exporter.histogram(catalog.QUERY_DURATION, labels, {close: 60, far: 60})]
    expected = {"250.0": 1.0, "500.0": 1 + below, "1000.0": 2.0, "+Inf": 2.0}
    checks = [
        {
            "expr": f"round(sum({select(buckets, [equals(LE, le)])}), 0.0001)",
            "eval_time": "15m",
            "exp_samples": [{"labels": "{}", "value": round(value, 4)}],
        }
        for le, value in expected.items()
    ]
    run(promtool, tmp_path, [config], {"input_series": series, "promql_expr_test": checks})


def test_an_objective_beyond_a_million(promtool: Path, tmp_path: Path) -> None:
    """A bound that Prometheus 3 spells 3.6e+06 keeps its objective, whoever spelt it."""
    file = tmp_path / "cqrs.yaml"
    file.write_text("slos: {projection_freshness: {within_ms: 3600000}}")
    config = read_config(file)
    labels = {
        "job": "shop",
        INSTANCE: "a",
        "projection_name": "orders",
        "event_type": "OrderPlaced",
    }
    checks = []
    series = []
    for job, spelling in (("a", "3600000"), ("b", "3600000.0"), ("c", "3.6e+06")):
        exporter = Exporter(config, "classic", {}, "{}+{}x20")
        found = exporter.histogram(
            catalog.PROJECTION_LAG, {**labels, "job": job}, {7.0: 45.0, 4_000_000.0: 15.0}
        )
        series += [
            {**each, "series": each["series"].replace('"3600000.0"', f'"{spelling}"')}
            for each in found
        ]
        matchers = [equals("job", job), equals("slo", "projection_freshness")]
        checks.append(
            {
                "expr": f"sum({select(slo.bad_events('5m'), matchers)})",
                "eval_time": "15m",
                "exp_samples": [{"labels": "{}", "value": 75}],
            }
        )
    run(promtool, tmp_path, [config], {"input_series": series, "promql_expr_test": checks})


@pytest.mark.parametrize(("strategy", "histograms"), list(product(STRATEGIES, HISTOGRAMS)))
def test_alerts_are_the_same(
    strategy: Strategy, histograms: Histograms, promtool: Path, tmp_path: Path
) -> None:
    """Alerts are the default's to the letter; Prometheus accepts the recording rules."""
    config = Config(naming=strategy, histograms=histograms)
    rules = render_rules(config)
    assert rules[ALERTS_FILE] == render_rules(Config())[ALERTS_FILE]
    assert promtool
    for name, text in rules.items():
        (tmp_path / name).write_text(text)
    assert check_rules(tmp_path / name for name in rules) == ""
