"""Why a metric is missing that a service, a scrape or Prometheus itself should report."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from cqrs_telemetry.catalog import METRICS, Metric

from .. import foreign_metrics, recording
from ..config import Config
from ..label_names import NAME
from ..naming import series_name, stored_parts
from ..promql import label_list, select
from .causes import FAULTS, Cause, Diagnosis
from .other_names import OtherName, find_other_name
from .prometheus import Prometheus
from .silence import TEMPORARY, WATCHED, SilenceExaminer, diagnose_left_out

LOOK_BACK = "6h"  # for a metric that was there once
_RECEIVER = "web.enable-otlp-receiver"

_NOT_ITSELF = Diagnosis(
    Cause.NOT_SCRAPING_ITSELF,
    "Prometheus' own metrics are not there",
    "let Prometheus scrape itself: a job in prometheus.yml whose target is its own address; where "
    "another ruler evaluates the rules, disable rule_evaluation_failing and rule_evaluation_slow",
)
_NO_COLLECTOR = Diagnosis(
    Cause.NO_COLLECTOR,
    "no OpenTelemetry collector reports here",
    "nothing, if you use none; else let Prometheus scrape its own metrics, on port 8888",
)
_PUSHED = Diagnosis(
    Cause.NOT_IN_USE,
    "services push their metrics: dashboards.scraped in cqrs.yaml is false",
    "none; when services are scraped, set it to true",
)


class MetricExaminer:
    """Diagnoses of metrics on one server at one moment; what was learnt is kept."""

    def __init__(self, prometheus: Prometheus, config: Config) -> None:
        self._prometheus = prometheus
        self._config = config
        # Asked once: the causes of one examination do not contradict each other.
        self._targets = prometheus.query("up")
        self._silence = SilenceExaminer(prometheus, config)
        self._names: frozenset[str] | None = None
        self._metrics: dict[str, Metric] = {
            series_name(metric, config.naming, part): metric
            for metric in METRICS
            for part in stored_parts(metric, config.histograms)
        }

    def diagnose(self, name: str) -> Diagnosis | None:
        """Why a metric of the catalogue or of Prometheus is missing; None for any other."""
        if name in self._metrics:
            return self.diagnose_raw(self._metrics[name], name)
        if name in foreign_metrics.OF_PROMETHEUS:
            return _NOT_ITSELF
        if name.startswith(foreign_metrics.COLLECTOR):
            return _NO_COLLECTOR
        if name in foreign_metrics.OF_SCRAPES:
            if not self._config.dashboards.scraped:
                return _PUSHED
            return next(self._targets_down(), None)
        return None

    def diagnose_raw(self, metric: Metric, raw: str) -> Diagnosis:
        """Why a metric is missing under the name that the configuration's naming gives it."""
        if left_out := diagnose_left_out(metric, self._config):
            return left_out
        alive = series_name(recording.INSTANCES.metric, self._config.naming)
        reporting = self._prometheus.count(select(alive, self._config.selector))
        down = list(self._targets_down())
        if metric not in TEMPORARY and (stale := self._diagnose_age(metric, raw, alive, down)):
            return stale
        for name in () if reporting else (raw, alive):
            if self._prometheus.count(select(name)):
                return self._excluded(name)
        if other := find_other_name(metric, self._metric_names(), self._config):
            return self._other_naming(raw, other)
        if reporting:
            return self._silence.diagnose(metric)
        return next(
            iter(down),
            Diagnosis(
                Cause.NEVER_SEEN,
                f"no target reports metrics of cqrs-telemetry, such as {alive}",
                "check that the service uses cqrs-telemetry and sets up an OpenTelemetry SDK that "
                f"exports to this Prometheus{self._closed_receiver}",
            ),
        )

    def _excluded(self, name: str) -> Diagnosis:
        chosen = ", ".join(map(str, self._config.selector))
        return Diagnosis(
            Cause.SELECTOR_EXCLUDES,
            f"{name} has series, but none with {chosen}",
            "correct selector in cqrs.yaml, or the labels of the scrape job",
        )

    def _diagnose_age(
        self, metric: Metric, raw: str, alive: str, down: list[Diagnosis]
    ) -> Diagnosis | None:
        """Whether a metric was reported before; None for one that waits since a restart."""
        past = f"max_over_time(timestamp({select(raw, self._config.selector)})[{LOOK_BACK}:1m])"
        age = self._prometheus.value(f"time() - max({past})")
        if age is None:
            return None
        of_service = label_list(self._config.group_labels)
        gone = self._prometheus.count(f"{past} unless on ({of_service}) {select(alive)}")
        if not (gone or metric in WATCHED or self._silence.diagnose(metric).cause in FAULTS):
            return None
        why = f"{raw} was last reported {_spell(age)} ago"
        return Diagnosis(
            Cause.STALE,
            f"{why}; {down[0].why}" if down else why,
            down[0].mend if down else "start the service again, or find out why it is silent",
        )

    def _other_naming(self, raw: str, other: OtherName) -> Diagnosis:
        found = f"{raw} was never seen, but {other.name} is there"
        translate = (
            f"let the exporter translate by {self._config.naming} "
            "(translation_strategy in Prometheus and collector)"
        )
        if other.naming is None:
            rule = "a rule of its own (a namespace, or another unit)"
            return Diagnosis(
                Cause.OTHER_NAMING, f"{found}: the exporter names by {rule}", translate
            )
        why, settings, others = [], [], []
        if other.naming != self._config.naming:
            why.append(f"the exporter names by {other.naming}")
            settings.append(f"naming: {other.naming}")
            others.append(translate)
        if other.histograms and other.histograms != self._config.histograms:
            why.append(f"histograms arrive as {other.histograms} ones")
            settings.append(f"histograms: {other.histograms}")
            others.append(f"export {self._config.histograms} ones")
        return Diagnosis(
            Cause.OTHER_NAMING,
            f"{found}: {' and '.join(why)}",
            f"set {' and '.join(settings)} in cqrs.yaml, generate rules and dashboards again and "
            f"load both; or {' and '.join(others)}",
        )

    def _targets_down(self) -> Iterator[Diagnosis]:
        if not self._targets:
            yield Diagnosis(
                Cause.NO_TARGETS,
                "Prometheus scrapes no target",
                "add the service under scrape_configs in prometheus.yml, or let it push by OTLP"
                f"{self._closed_receiver}",
            )
        down = [dict(each.labels) for each in self._targets if each.value == 0]
        if down:
            names = ", ".join(sorted(f"{each['job']} ({each['instance']})" for each in down)[:3])
            yield Diagnosis(
                Cause.TARGETS_DOWN,
                f"{len(down)} of {len(self._targets)} targets are down: {names}",
                "start them, or mend their address in prometheus.yml",
            )

    @cached_property
    def _closed_receiver(self) -> str:
        """What senders of OTLP have to know: they get a 404 that nobody may read."""
        if self._prometheus.flags().get(_RECEIVER) != "false":
            return ""
        return f"; it takes OTLP only when it is started with --{_RECEIVER}, which it was not"

    def _metric_names(self) -> frozenset[str]:
        if self._names is None:
            self._names = frozenset(self._prometheus.label_values(NAME))
        return self._names


def _spell(seconds: float) -> str:
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
