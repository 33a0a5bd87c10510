"""Follows a series that is missing back through rules and raw metrics to where the chain breaks."""

from __future__ import annotations

from .. import recording, slo, slo_rules
from ..config import Config
from ..derived import labels_of_derived
from ..label_names import LE, NAME, SLO
from ..naming import Part, series_name, stored_parts
from ..promql import count_by, differs, equals, number, rate, select
from ..recording import ErrorRatio, Firsts, Mean, Quantile, Rate, Recording, Share
from ..windows import RATE_WINDOW
from .causes import FAULTS, Cause, Diagnosis, most_fundamental
from .loaded_rules import LoadedRules
from .metric_diagnosis import MetricExaminer
from .prometheus import Prometheus
from .selectors import Selector, selectors

_RECORDINGS = {each.name: each for each in recording.RECORDINGS}
_NO_TRAFFIC = Diagnosis(
    Cause.NO_TRAFFIC,
    f"the series are there, but nothing happened in the last {RATE_WINDOW}",
    f"send some traffic, or wait: rates cover {RATE_WINDOW}",
)
_WINDOWS_TO_COME = Diagnosis(
    Cause.NOT_RECORDED_YET,
    "long windows of objectives are recorded from short ones, and have no value yet",
    "wait for a few evaluation intervals",
)


class Examiner:
    """Diagnoses of one server at one moment; what was learnt is kept."""

    def __init__(self, prometheus: Prometheus, config: Config) -> None:
        self._prometheus = prometheus
        self._config = config
        self.rules = prometheus.rules()
        self._loaded = LoadedRules(self.rules, config)
        self._metrics = MetricExaminer(prometheus, config)
        self._objectives = frozenset(slo_rules.names(config))
        self._derived = frozenset(labels_of_derived(config))
        self._recorded = _RECORDINGS.keys() | self._derived
        self._buckets: dict[str, set[float]] = {}
        self._diagnoses: dict[Selector, Diagnosis | None] = {}

    def explain(self, expression: str) -> Diagnosis:
        """Why an expression has no value."""
        read = selectors(expression)
        found = [each for each in map(self.diagnose, read) if each]
        if len(found) == len(read) or any(each.cause is not Cause.NO_FAILURES for each in found):
            return most_fundamental(found)
        for selector in read:
            if self._prometheus.value(f"sum({selector})"):
                return Diagnosis(
                    Cause.UNEXPLAINED,
                    "every series of the query is there, but combined they give nothing",
                    "compare the labels on both sides of the query's operators",
                )
        return _NO_TRAFFIC

    def hidden(self, expression: str) -> Diagnosis | None:
        """What is broken behind an expression that has a value, such as a 0 in its place."""
        found = []
        for name in {each.name for each in selectors(expression)} & self._recorded:
            diagnosis = self._loaded.diagnose(name)
            # Rules may be evaluated elsewhere: what has series needs no loaded rule here.
            if diagnosis and not (
                diagnosis.cause is Cause.RULES_NOT_LOADED and self._prometheus.count(name)
            ):
                found.append(diagnosis)
            elif (other := self.diagnose(Selector(name, ()))) and other.cause in FAULTS:
                found.append(other)
        return most_fundamental(found) if found else None

    def diagnose_alert(self, name: str) -> Diagnosis | None:
        """Why an alert cannot fire; None when it is evaluated."""
        return self._loaded.diagnose_alert(name)

    def diagnose(self, selector: Selector) -> Diagnosis | None:
        """Why a selector finds nothing; None when it finds something."""
        if selector not in self._diagnoses:
            self._diagnoses[selector] = self._diagnose(selector)
        return self._diagnoses[selector]

    def _diagnose(self, selector: Selector) -> Diagnosis | None:
        if self._prometheus.count(str(selector)):
            return self._diagnose_buckets(selector.name)
        if not selector.name:
            # A variable's selector that names several series by a regular expression.
            named = [each for each in selector.matchers if each.label == NAME]
            names = [name for each in named for name in each.value.split("|")]
            rest = tuple(each for each in selector.matchers if each.label != NAME)
            found = [self.diagnose(Selector(name, rest)) for name in names]
            return most_fundamental([each for each in found if each] or [_NO_TRAFFIC])
        if self._prometheus.count(select(selector.name)):
            return self._diagnose_matchers(selector)
        if selector.name in self._objectives:
            return self._loaded.diagnose(selector.name) or self._diagnose_objectives(selector)
        if selector.name in self._derived:
            return self._loaded.diagnose(selector.name) or self._diagnose_projections()
        known = _RECORDINGS.get(selector.name)
        if known is None:
            return self._metrics.diagnose(selector.name) or self._diagnose_unknown(selector.name)
        return self._loaded.diagnose(known.name) or self._diagnose_input(known)

    def _diagnose_matchers(self, selector: Selector) -> Diagnosis:
        for matcher in selector.matchers:
            present = select(selector.name, [differs(matcher.label, "")])
            if self._prometheus.count(present):
                continue
            if matcher.label in self._config.service_labels:
                recorded = selector.name in self._recorded
                # Without the series' name, so that all panels share one diagnosis.
                return (recorded and self._loaded.diagnose(selector.name)) or Diagnosis(
                    Cause.LABEL_MISSING,
                    f"the recorded series do not have the label {matcher.label}",
                    f"give the targets the label {matcher.label}; or remove it from group_labels "
                    "in cqrs.yaml, generate rules and dashboards again and load both",
                )
            return Diagnosis(
                Cause.LABEL_MISSING,
                f"no series of {selector.name} has the label {matcher.label}",
                "generate rules and dashboards again with one cqrs.yaml, and load both",
            )
        if selector.name in self._objectives and self._named_objectives(selector):
            # One objective has no events: it may be the only one whose input is missing.
            return self._diagnose_objectives(selector)
        chosen = ", ".join(map(str, selector.matchers))
        return Diagnosis(
            Cause.VALUE_MISSING,
            f"{selector.name} has series, but none with {chosen}",
            "nothing of that kind has happened yet, or the values are spelt differently",
        )

    def _diagnose_objectives(self, selector: Selector) -> Diagnosis:
        """The objective that is selected has events when its input has; without one, when any."""
        chosen = self._named_objectives(selector) or slo.slis(self._config)
        read = (each.recording.name for each in chosen)
        found = [self.diagnose(Selector(name, ())) for name in read]
        missing = [each for each in found if each]
        if missing and all(found):
            return most_fundamental(missing)
        of_slo = [each for each in selector.matchers if each.label == SLO]
        counted = self._prometheus.count(f"{select(slo.events(RATE_WINDOW), of_slo)} > 0")
        return _WINDOWS_TO_COME if counted else _NO_TRAFFIC

    def _named_objectives(self, selector: Selector) -> list[slo.Sli]:
        every = slo.slis(self._config)
        return [each for each in every if equals(SLO, each.name) in selector.matchers]

    def _diagnose_projections(self) -> Diagnosis:
        """States are of projections that are watched, or tell of themselves."""
        read = (recording.PENDING, recording.HANDLERS)
        found = [self.diagnose(Selector(each.name, ())) for each in read]
        missing = [each for each in found if each]
        return most_fundamental(missing) if all(found) else _NO_TRAFFIC

    def _diagnose_input(self, known: Recording) -> Diagnosis:
        if isinstance(known, Quantile | Mean):
            return self.diagnose(Selector(known.buckets.name, ())) or _NO_TRAFFIC
        if isinstance(known, Firsts):
            return self.diagnose(Selector(known.of.name, ())) or _NO_TRAFFIC
        if isinstance(known, ErrorRatio | Share):
            return self.diagnose(Selector(known.rate.name, ())) or _NO_TRAFFIC
        part: Part = known.part if isinstance(known, Rate) else ""
        if part not in stored_parts(known.metric, self._config.histograms):
            part = ""
        raw = series_name(known.metric, self._config.naming, part)
        chosen = select(raw, self._config.selector)
        if not self._prometheus.count(chosen):
            return self._metrics.diagnose_raw(known.metric, raw)
        if isinstance(known, Rate):
            if not self._prometheus.count(rate(chosen, RATE_WINDOW)):
                return Diagnosis(
                    Cause.ONE_SAMPLE,
                    f"{raw} has been scraped once; a rate needs two samples",
                    "wait for the next scrape and evaluation",
                )
            if known.outcome:
                return Diagnosis(
                    Cause.NO_FAILURES,
                    f"{raw} has counted no {known.outcome.plural} yet",
                    "nothing to mend",
                )
        return Diagnosis(
            Cause.NOT_RECORDED_YET,
            f"{raw} is there and its rule is loaded, but has not recorded it yet",
            "wait for one evaluation interval",
        )

    def _diagnose_buckets(self, name: str) -> Diagnosis | None:
        """Why a recorded histogram that is there is of no use; None when it is."""
        known = _RECORDINGS.get(name)
        buckets = known.buckets if isinstance(known, Quantile) else known
        if not isinstance(buckets, Rate) or buckets.part != "bucket":
            return None
        if buckets.name not in self._buckets:
            found = self._prometheus.query(count_by([LE], buckets.name))
            self._buckets[buckets.name] = {float(dict(each.labels)[LE]) for each in found}
        ends = self._buckets[buckets.name]
        missing = [each for each in buckets.metric.bounds if each not in ends]
        if not ends or not missing:
            return None
        some = ", ".join(map(number, missing[:3]))
        return Diagnosis(
            Cause.OTHER_BUCKETS,
            f"{buckets.metric.name} has no bucket that ends at {some}: "
            + (
                "it is exported with other bounds"
                if len(ends) > 1
                else "it is an exponential histogram that was scraped as text"
            ),
            "let the service export the bounds that cqrs-telemetry advises, without a view of its "
            "own; or let native histograms arrive and set histograms: native (docs/naming.md)",
        )

    def _diagnose_unknown(self, name: str) -> Diagnosis:
        if self.rules and any(rule.name == name for rule in self.rules):
            return self._loaded.diagnose(name) or _NO_TRAFFIC
        return Diagnosis(
            Cause.NEVER_SEEN,
            f"{name} is neither a series of cqrs-alerts nor reported by a target",
            "generate the dashboards again; mend the name if the panel is your own",
        )
