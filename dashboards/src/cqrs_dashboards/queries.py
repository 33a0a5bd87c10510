"""PromQL of panels: recorded series, filtered by the dashboard's variables.

Functions take recordings of ``cqrs_alerts.recording`` and names from ``cqrs_alerts.slo``; no series
is named here. ``raw`` alone reads what services export, for the rows of instances.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from cqrs_alerts.config import Config
from cqrs_alerts.label_names import LE, SLO
from cqrs_alerts.naming import Part, label_name, recorded_label, series_name, stored_parts
from cqrs_alerts.promql import Matcher, equals, max_by, quantile, rate, ratio, select, sum_by
from cqrs_alerts.recording import RESULT_SIZE_BUCKETS, Rate, Recording
from cqrs_alerts.slo import TYPES
from cqrs_telemetry import catalog
from cqrs_telemetry.catalog import Attribute, Metric

MOST_SERIES = 10  # that one panel draws where types may be many
NO_FAILURE = "none"  # the label value that stands for the absence of failures


def variable_name(attribute: Attribute) -> str:
    """Name of the template variable that chooses an attribute's values."""
    return attribute.key.replace(".", "_")


def label_title(label: str) -> str:
    """What a variable or a column that shows a group label is called."""
    return label.replace("_", " ").capitalize()


@dataclass(frozen=True)
class Queries:
    """Query builder of one dashboard.

    ``types`` are the attributes that its variables choose; ``objectives``: one chooses those, too.
    """

    config: Config
    types: tuple[Attribute, ...]
    objectives: bool = False

    @staticmethod
    def label(attribute: Attribute) -> str:
        """The label that carries an attribute on recorded series."""
        return recorded_label(attribute)

    def raw_label(self, attribute: Attribute) -> str:
        """The label that carries an attribute on what services export."""
        return label_name(attribute, self.config.naming)

    def labels(self, attributes: Iterable[Attribute]) -> tuple[str, ...]:
        """Labels by which panels tell apart what has these attributes.

        Projections of two services may have the same name, and are two.
        """
        found: list[str] = []
        for attribute in attributes:
            found.append(self.label(attribute))
            if attribute == catalog.PROJECTION_NAME:
                found += self.config.service_labels
        return tuple(found)

    def legend(self, *attributes: Attribute) -> str:
        """Legend format that prints the attributes' values."""
        return " · ".join(f"{{{{{label}}}}}" for label in self.labels(attributes))

    def columns(self, headings: Mapping[Attribute, str]) -> tuple[tuple[str, str], ...]:
        """Columns of a table that tells apart what has these attributes."""
        titles = {self.label(attribute): title for attribute, title in headings.items()}
        return tuple(
            (label, titles.get(label) or label_title(label)) for label in self.labels(headings)
        )

    def groups(self) -> tuple[Matcher, ...]:
        """The services that the variables choose."""
        return tuple(Matcher(label, "=~", f"${label}") for label in self.config.service_labels)

    def raw_groups(self) -> tuple[Matcher, ...]:
        """The same services, by the labels that their targets have."""
        names = self.config.group_names
        return tuple(Matcher(label, "=~", f"${variable}") for label, variable in names)

    def _types(
        self, attributes: Iterable[Attribute], label: Callable[[Attribute], str]
    ) -> tuple[Matcher, ...]:
        return tuple(
            Matcher(label(attribute), "=~", f"${variable_name(attribute)}")
            for attribute in self.types
            if attribute in attributes
        )

    def series(self, recording: Recording, *matchers: Matcher) -> str:
        """Selector of a recorded series within what the variables choose."""
        chosen = (*self.groups(), *self._types(recording.by, self.label))
        return select(recording.name, (*chosen, *matchers))

    def derived(self, name: str) -> str:
        """Selector of a series of projections that is derived from recorded ones."""
        return select(name, (*self.groups(), *self._types((catalog.PROJECTION_NAME,), self.label)))

    def raw(self, metric: Metric, *matchers: Matcher, part: Part = "") -> str:
        """Selector of what services export, per instance; dear where there are many of them."""
        chosen = (*self.raw_groups(), *self._types(metric.attributes, self.raw_label))
        stored: Part = part if part in stored_parts(metric, self.config.histograms) else ""
        return select(
            series_name(metric, self.config.naming, stored),
            (*self.config.selector, *chosen, *matchers),
        )

    def raw_rate(self, rate_of: Rate, *matchers: Matcher) -> str:
        """Rate of a raw counter or histogram over a window that fits the panel's width."""
        return rate(self.raw(rate_of.metric, *matchers, part=rate_of.part), "$__rate_interval")

    @property
    def chosen_objectives(self) -> Matcher:
        """The objectives that the variable chooses."""
        return Matcher(SLO, "=~", f"${SLO}")

    def objective(self, name: str, *matchers: Matcher) -> str:
        """Selector of a series of ``cqrs_alerts.slo`` within what the variables choose."""
        chosen = [self.chosen_objectives] if self.objectives else []
        return select(name, (*self.groups(), *chosen, *matchers))

    def worst_objective(self, keep: Literal["min", "max"], expression: str) -> str:
        """The lowest or highest value of each objective over the chosen services."""
        return f"{keep} by ({', '.join((SLO, *map(self.label, TYPES)))}) ({expression})"

    def by_objective(self, expression: str) -> str:
        """Sum by objective over the chosen services."""
        return sum_by((SLO, *map(self.label, TYPES)), expression)

    @property
    def objective_legend(self) -> str:
        """Legend format that prints the objective, and the type where it has its own."""
        return " ".join(f"{{{{{label}}}}}" for label in (SLO, *map(self.label, TYPES)))

    def total(self, recording: Recording, *matchers: Matcher) -> str:
        """Sum over everything."""
        return f"sum({self.series(recording, *matchers)})"

    def by_group(self, recording: Recording) -> str:
        """Sum by service."""
        return sum_by(self.config.service_labels, self.series(recording))

    @property
    def group_legend(self) -> str:
        """Legend format that prints the service."""
        return " · ".join(f"{{{{{label}}}}}" for label in self.config.service_labels)

    def by_each(self, recording: Recording, *attributes: Attribute) -> str:
        """Sum that keeps several attributes."""
        return sum_by(self.labels(attributes), self.series(recording))

    def by(self, recording: Recording, attribute: Attribute, *matchers: Matcher) -> str:
        """Sum that keeps one attribute."""
        return sum_by(self.labels([attribute]), self.series(recording, *matchers))

    def zero_based(
        self, recording: Recording, base: Recording, by: Iterable[Attribute], *matchers: Matcher
    ) -> str:
        """A series that may not exist before the first incident: 0 while ``base`` exists.

        The zero is derived from ``base``, so that a service which went silent shows no data.
        """
        labels = self.labels(by)
        chosen, whole = self.series(recording, *matchers), self.series(base)
        return f"{_sum(labels, chosen)} or 0 * {_sum(labels, whole)}"

    def part(self, recording: Recording, attribute: Attribute, value: str, *by: Attribute) -> str:
        """What has one value of an attribute; 0 where only other values occur."""
        return self.zero_based(recording, recording, by, equals(self.label(attribute), value))

    def share(self, recording: Recording, attribute: Attribute, value: str, *by: Attribute) -> str:
        """Share of one value of an attribute in the whole; absent without traffic."""
        whole = _sum(self.labels(by), self.series(recording))
        return ratio(self.part(recording, attribute, value, *by), whole)

    def incidents(
        self, recording: Recording, base: str, by: tuple[Attribute, ...], *matchers: Matcher
    ) -> str:
        """Largest incidents by their labels, or one 0 named ``none`` while ``base`` exists.

        ``base`` is an expression without labels.
        """
        found = self.top(sum_by(self.labels(by), self.series(recording, *matchers)))
        return self.or_nothing(found, base, by)

    def or_nothing(self, found: str, base: str, by: tuple[Attribute, ...]) -> str:
        """What was found, or one 0 named ``none`` while ``base`` exists."""
        nothing = f"0 * {base}"
        for label in self.labels(by):
            nothing = f'label_replace({nothing}, "{label}", "{NO_FAILURE}", "", "")'
        return f"{found} or on () {nothing}"

    def quantile(self, q: float, buckets: Rate, *by: Attribute) -> str:
        """Quantile over everything that the variables choose; NaN without traffic."""
        labels = (*self.labels(by), LE)
        return quantile(q, sum_by(labels, self.series(buckets)))

    def present_quantile(self, q: float, buckets: Rate) -> str:
        """As ``quantile``, but absent without traffic, so that a stat shows its no-data text."""
        return f"{self.quantile(q, buckets)} >= 0"

    def heat(self, buckets: Rate) -> str:
        """Bucket rates for a heatmap."""
        return sum_by([LE], self.series(buckets))

    def empty_share(self, *by: Attribute) -> str:
        """Share of results without an item: the bucket that ends at 0 in all of them."""
        labels = self.labels(by)
        # Prometheus 2 keeps the bound as the exporter spells it: 0.0 or 0.
        empty = Matcher(LE, "=~", f"{RESULT_SIZE_BUCKETS.metric.bounds[0]:g}([.]0)?")
        everything = equals(LE, "+Inf")
        empty_rate, rate = (
            _sum(labels, self.series(RESULT_SIZE_BUCKETS, each)) for each in (empty, everything)
        )
        return ratio(empty_rate, rate)

    def worst(self, recording: Recording, *by: Attribute) -> str:
        """Largest of a ready-made quantile or ratio, by attributes, over the chosen groups."""
        return self.top(self._highest(self.series(recording), by))

    def highest(self, name: str, *by: Attribute) -> str:
        """Largest value of a derived series, by attributes, over the chosen groups."""
        return self._highest(self.derived(name), by)

    def _highest(self, expression: str, by: Iterable[Attribute]) -> str:
        return max_by(self.labels(by), expression)

    @staticmethod
    def per_minute(rate: str) -> str:
        """A rate of what should be rare, in a unit in which it is not a row of zeros."""
        return f"60 * ({rate})"

    @staticmethod
    def top(expression: str) -> str:
        """The largest series, so that thousands of types cannot slow the browser down."""
        return f"topk({MOST_SERIES}, {expression})"


def _sum(labels: Iterable[str], expression: str) -> str:
    labels = tuple(labels)
    return sum_by(labels, expression) if labels else f"sum({expression})"
