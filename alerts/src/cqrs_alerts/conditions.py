"""What alerts are made of: conditions, descriptions and searches, each a function of the settings.

A condition reads recorded series only, so it holds for every way of exporting. Those on ratios and
quantiles have a floor of traffic: one failure in two calls at night says nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from cqrs_telemetry import NoHandlerError, catalog
from cqrs_telemetry.catalog import Attribute

from .alert_settings import LatencyAlert, RatioAlert, ReplayAlert
from .config import Config
from .label_names import LE
from .naming import recorded_label
from .promql import duration_seconds, equals, number, select, sum_by
from .recording import (
    CLOCK_SKEW_RATE,
    INSTANCES,
    PROJECTION_RATE,
    ErrorRatio,
    Firsts,
    Quantile,
    Rate,
    Recording,
    Share,
)
from .traceql import spans
from .windows import RATE_WINDOW

Text = Callable[[Config], str]

PERCENT = "{{{{ $value | humanizePercentage }}}}"
MILLISECONDS = '{{{{ printf "%.0f" $value }}}} ms'
COUNT = '{{{{ printf "%.0f" $value }}}}'
PER_SECOND = '{{{{ printf "%.3g" $value }}}} times a second'


def rate_window(_config: Config) -> str:
    """A condition on rates holds once their window is full of what is wrong, or before."""
    return RATE_WINDOW


def at_once(_config: Config) -> str:
    """A condition on what was last sampled holds with the next sample."""
    return "0s"


def ratio_above(share: ErrorRatio | Share, settings: Callable[[Config], RatioAlert]) -> Text:
    """The share of operations that end badly exceeds its threshold."""

    def expression(config: Config) -> str:
        threshold = settings(config)
        return with_traffic(
            f"{share.name} > {number(threshold.above_ratio)}",
            summed(share.rate.name, share.by, config),
            threshold.minimum_operations,
        )

    return expression


def quantile_above(
    quantile: Quantile, settings: Callable[[Config], LatencyAlert | ReplayAlert]
) -> Text:
    """A quantile exceeds its threshold, over enough observations in the same histogram."""

    def expression(config: Config) -> str:
        threshold = settings(config)
        observations = select(quantile.buckets.name, [equals(LE, "+Inf")])
        return with_traffic(
            f"{quantile.name} > {number(threshold.limit)}",
            summed(observations, quantile.by, config),
            threshold.minimum_operations,
        )

    return expression


def clock_skewed(config: Config) -> str:
    """Too large a share of a projection's events bears a time in the future."""
    threshold = config.alerts.projection_clock_skew
    events = summed(PROJECTION_RATE.name, CLOCK_SKEW_RATE.by, config)
    return with_traffic(
        f"{CLOCK_SKEW_RATE.name} / {events} > {number(threshold.above_ratio)}",
        events,
        threshold.minimum_operations,
    )


def absent(config: Config) -> str:
    """A service that reported within the last hours does not now.

    The lookback is what knows the services; it is also what ends the alert for one that was
    removed on purpose.
    """
    seen = f"last_over_time({INSTANCES.name}[{config.alerts.telemetry_absent.seen_within}])"
    return f"{seen}\nunless {INSTANCES.name}"


def any_of(rate: Rate) -> Text:
    """It happens at all; the value is how often within the window."""
    return lambda _: f"{_in_window(rate.name)} > 0"


def any_even_first(first: Firsts) -> Text:
    """It happens at all, be it for the first time ever; the value as in ``any_of``."""
    return lambda _: f"{_in_window(first.of.name)} > 0\nor {_new(first.name)} > 0"


def without_handler(first: Firsts, message: Attribute) -> Text:
    """Messages of a type arrive that no handler is registered for, be it for the first time."""

    def expression(config: Config) -> str:
        refused = [equals(recorded_label(catalog.ERROR_TYPE), NoHandlerError.__name__)]
        rate, new = select(first.of.name, refused), _new(select(first.name, refused))
        return (
            f"{_in_window(summed(rate, (message,), config))} > 0\n"
            f"or {summed(new, (message,), config)} > 0"
        )

    return expression


def _in_window(rate: str) -> str:
    return f"{rate} * {number(duration_seconds(RATE_WINDOW))}"


def _new(first: str) -> str:
    """As long as the window of rates, so that the first event counts as long as the second."""
    return f"max_over_time({first}[{RATE_WINDOW}])"


def description(recording: Recording, words: str) -> Text:
    """``words`` with the series' labels, and the labels that tell which service.

    ``{command_type}`` in ``words`` becomes the label's value when Prometheus expands the template.
    """

    def describe(config: Config) -> str:
        own = {
            recorded_label(attribute): label_value(recorded_label(attribute))
            for attribute in recording.by
        }
        where = ", ".join(f"{label} {label_value(label)}" for label in config.service_labels)
        return f"{words.format(**own)} ({where})."

    return describe


def current(recording: Recording) -> Text:
    """A recorded series as it is."""
    return lambda _: recording.name


def highest(recording: Recording) -> Text:
    """The ten highest values of a recorded series."""
    return lambda _: f"topk(10, {recording.name})"


def busiest(rate: Rate, *by: Attribute) -> Text:
    """The ten highest sums of a rate by ``by`` and service."""
    return lambda config: f"topk(10, {summed(rate.name, by or rate.by, config)} > 0)"


def failed_spans(side: catalog.Side) -> Text:
    """A TraceQL search for failures of a side."""
    return lambda _: spans(side, "status = error")


def slow_spans(side: catalog.Side, limit: Callable[[Config], float]) -> Text:
    """A TraceQL search for operations of a side that take longer than ``limit`` milliseconds."""
    return lambda config: spans(side, f"duration > {number(limit(config))}ms")


def late_spans(limit: Callable[[Config], float]) -> Text:
    """A TraceQL search for events that reached a read model later than ``limit`` milliseconds."""
    lag = catalog.SPAN_PROJECTION_LAG.key
    return lambda config: spans(catalog.PROJECTION, f"span.{lag} > {number(limit(config))}")


def rejected_spans() -> Text:
    """A TraceQL search for commands that the domain rejected."""
    status = f'span.{catalog.SPAN_COMMAND_STATUS.key} = "{catalog.REJECTED}"'
    return lambda _: spans(catalog.WRITE, status)


def eventless_spans() -> Text:
    """A TraceQL search for commands that ended without an event.

    Not for those that tell of no number at all: Tempo refuses ``= nil`` before 2.9.
    """
    return lambda _: spans(catalog.WRITE, f"span.{catalog.SPAN_EVENTS_COUNT.key} = 0")


def large_spans(limit: Callable[[Config], float]) -> Text:
    """A TraceQL search for queries that return more than ``limit`` items."""
    items = catalog.SPAN_RESULT_COUNT.key
    return lambda config: spans(catalog.READ, f"span.{items} > {number(limit(config))}")


def with_traffic(condition: str, rate: str, minimum: int) -> str:
    """``condition``, where ``rate`` makes for enough operations in the window."""
    return f"{condition}\nand {_in_window(rate)} >= {minimum}"


def summed(expression: str, by: tuple[Attribute, ...], config: Config) -> str:
    """An expression summed to the group labels and ``by``."""
    own = (recorded_label(attribute) for attribute in by)
    return sum_by((*config.service_labels, *own), expression)


def label_value(label: str) -> str:
    """What a template writes for a label's value."""
    return f"{{{{ $labels.{label} }}}}"
