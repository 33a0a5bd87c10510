"""Why a metric is missing that a service, a scrape or Prometheus itself should report."""

from __future__ import annotations

from collections.abc import Iterator

from cqrs_telemetry.catalog import METRICS, Metric

from .. import foreign_metrics, recording
from ..config import Config
from ..naming import STRATEGIES, Part, series_name
from .causes import Cause, Diagnosis
from .other_names import find_other_names
from .prometheus import Prometheus

LOOK_BACK = "6h"  # for a metric that was there once

_NOT_ITSELF = Diagnosis(
    Cause.NOT_SCRAPING_ITSELF,
    "Prometheus' own metrics are not there",
    "let Prometheus scrape itself: a job in prometheus.yml whose target is its own address",
)
_NO_COLLECTOR = Diagnosis(
    Cause.NO_COLLECTOR,
    "no OpenTelemetry collector reports here",
    "nothing, if you use none; else let Prometheus scrape its own metrics, on port 8888",
)


class MetricExaminer:
    """Diagnoses of metrics on one server at one moment; what was learnt is kept."""

    def __init__(self, prometheus: Prometheus, config: Config) -> None:
        self._prometheus = prometheus
        self._config = config
        self._names: frozenset[str] | None = None
        self._parts: dict[str, tuple[Metric, Part]] = {
            series_name(metric, config.naming, part): (metric, part)
            for metric in METRICS
            for part in _parts(metric)
        }

    def diagnose(self, name: str) -> Diagnosis | None:
        """Why a metric of the catalogue or of Prometheus is missing; None for any other."""
        if name in self._parts:
            return self.diagnose_raw(*self._parts[name], name)
        if name in foreign_metrics.OF_PROMETHEUS:
            return _NOT_ITSELF
        if name.startswith(foreign_metrics.COLLECTOR):
            return _NO_COLLECTOR
        if name in foreign_metrics.OF_SCRAPES:
            return next(self._targets_down(), None)
        return None

    def diagnose_raw(self, metric: Metric, part: Part, raw: str) -> Diagnosis:
        """Why a metric is missing under the name that the configuration's naming gives it."""
        if self._prometheus.count(raw):
            selector = ", ".join(map(str, self._config.selector))
            return Diagnosis(
                Cause.SELECTOR_EXCLUDES,
                f"{raw} has series, but none with {selector}",
                "mend selector in cqrs.yaml, or the labels of the scrape job",
            )
        age = self._prometheus.value(
            f"time() - max(max_over_time(timestamp({raw})[{LOOK_BACK}:1m]))"
        )
        down = list(self._targets_down())
        if age is not None:
            why = f"{raw} was last reported {_spell(age)} ago"
            return Diagnosis(
                Cause.STALE,
                f"{why}; {down[0].why}" if down else why,
                down[0].mend if down else "start the service again, or find out why it is silent",
            )
        others = find_other_names(metric, part, self._metric_names(), raw)
        if others:
            return self._other_naming(raw, others[0])
        alive = series_name(recording.INSTANCES.metric, self._config.naming)
        if self._prometheus.count(alive):
            return Diagnosis(
                Cause.NO_TRAFFIC,
                f"the service reports, but no {raw}: nothing of that kind was handled yet",
                "send some traffic; what never happens here can stay empty",
            )
        return next(
            iter(down),
            Diagnosis(
                Cause.NEVER_SEEN,
                f"no target reports metrics of cqrs-telemetry, such as {alive}",
                "check that the service uses cqrs-telemetry and sets up an OpenTelemetry SDK that "
                "exports to this Prometheus",
            ),
        )

    def _other_naming(self, raw: str, found: tuple[str, str]) -> Diagnosis:
        name, strategy = found
        if strategy in STRATEGIES:
            mend = f"set naming: {strategy} in cqrs.yaml and generate the rules again"
        else:
            mend = (
                f"let the exporter translate by {self._config.naming} "
                "(translation_strategy in Prometheus and collector)"
            )
        return Diagnosis(
            Cause.OTHER_NAMING,
            f"{raw} was never seen, but {name} is there: the exporter names by {strategy}",
            mend,
        )

    def _targets_down(self) -> Iterator[Diagnosis]:
        targets = self._prometheus.query("up")
        if not targets:
            yield Diagnosis(
                Cause.NO_TARGETS,
                "Prometheus scrapes no target",
                "add the service under scrape_configs in prometheus.yml, or let it push by OTLP",
            )
        down = [dict(each.labels) for each in targets if each.value == 0]
        if down:
            names = ", ".join(sorted(f"{each['job']} ({each['instance']})" for each in down)[:3])
            yield Diagnosis(
                Cause.TARGETS_DOWN,
                f"{len(down)} of {len(targets)} targets are down: {names}",
                "start them, or mend their address in prometheus.yml",
            )

    def _metric_names(self) -> frozenset[str]:
        if self._names is None:
            self._names = frozenset(self._prometheus.label_values("__name__"))
        return self._names


def _parts(metric: Metric) -> tuple[Part, ...]:
    return ("bucket", "count", "sum") if metric.kind == "histogram" else ("",)


def _spell(seconds: float) -> str:
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
