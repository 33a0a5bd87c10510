"""Conditions that compare with the service's own recent past.

The past ends before the trouble can have begun: ``for`` and the window of rates ago. A service
without a past (first deployed, long idle) fulfils none of them. Shares of the past are ratios of
sums, so that a busy hour counts for more than an idle one.
"""

from __future__ import annotations

from collections.abc import Callable

from cqrs_telemetry import catalog
from cqrs_telemetry.catalog import Attribute

from .alert_settings import AlertSettings, ExpectationAlert, StoppedAlert
from .conditions import Text, summed
from .config import Config
from .label_names import LE
from .naming import recorded_label
from .promql import (
    duration,
    duration_seconds,
    equals,
    label_list,
    number,
    quantile,
    ratio,
    select,
)
from .recording import (
    COMMAND_RATE,
    COMMAND_REJECTION_RATE,
    EVENTS_PRODUCED_RATE,
    INSTANCES,
    PROJECTION_LIVE_RATE,
    PROJECTION_RATE,
    RESULT_SIZE_BUCKETS,
    RESULT_SIZE_P95,
    Rate,
)
from .windows import RATE_WINDOW, RATE_WINDOW_SECONDS

_STEP = "1m"
# A long past is read every five minutes: the windows of its rates then tile the time.
_COARSE_STEP, _FINE_LIMIT = RATE_WINDOW, "1h"
_PER_WINDOW = number(RATE_WINDOW_SECONDS)


def stopped(rate: Rate, settings: Callable[[Config], StoppedAlert]) -> Text:
    """Nothing happens, where in half of the past or more something did, and often enough."""

    def expression(config: Config) -> str:
        chosen = settings(config)
        operations = summed(rate.name, (), config)
        busy = f"({operations} > 0)[{chosen.past}:{_STEP}] offset {_before(chosen)}"
        half = duration_seconds(chosen.past) / duration_seconds(_STEP) / 2
        return (
            f"{_count(operations, chosen.past, _before(chosen))} >= {chosen.minimum_operations}\n"
            f"and count_over_time({busy}) >= {number(half)}\n"
            f"and {INSTANCES.name}\n"
            f"unless {operations} > 0"
        )

    return expression


def rejections_surge(config: Config) -> str:
    """The share of commands that are rejected for one reason is many times that of the past."""
    chosen = config.alerts.command_rejections_surge
    before = _before(chosen)
    command, reason = (catalog.COMMAND_TYPE,), (catalog.COMMAND_TYPE, catalog.ERROR_TYPE)
    rejections = COMMAND_REJECTION_RATE.name
    on = f"on ({', '.join(_labels(command, config))})"
    rejected = summed(rejections, reason, config)
    commands = summed(COMMAND_RATE.name, command, config)
    past_rejected = summed(_over(rejections, chosen.past, before), reason, config)
    past_commands = summed(_over(COMMAND_RATE.name, chosen.past, before), command, config)
    share = f"{rejected} / {on} group_left () {commands}"
    past_share = f"{past_rejected} / {on} group_left () {past_commands}"
    return (
        f"{share} > {number(chosen.above_ratio)}\n"
        f"and {rejected} * {_PER_WINDOW} >= {chosen.minimum_operations}\n"
        f"and {on} {_count(commands, chosen.past, before)} >= {chosen.minimum_past_operations}\n"
        f"unless {share} <= {number(chosen.factor)} * {past_share}"
    )


def without_events(config: Config) -> str:
    """Commands succeed, of which the past makes expect events, and none is produced."""
    chosen = config.alerts.commands_without_events
    by = (catalog.COMMAND_TYPE,)
    status = equals(recorded_label(catalog.COMMAND_STATUS), catalog.SUCCESS)
    succeeded = select(COMMAND_RATE.name, [status])
    past_events, past_commands = (
        summed(_over(rate, chosen.past, _before(chosen)), by, config)
        for rate in (EVENTS_PRODUCED_RATE.name, succeeded)
    )
    return _expected(
        f"{summed(succeeded, by, config)} * ({ratio(past_events, past_commands)})",
        chosen,
        summed(EVENTS_PRODUCED_RATE.name, by, config),
    )


def not_progressing(config: Config) -> str:
    """Events are produced that a projection applied in the past, and it applies nothing.

    Per type of event, by the share that it applied: one that picks few events out of many is not
    measured by all of them. Only live events count for the past, so a rebuild distorts nothing.
    """
    chosen = config.alerts.projection_not_progressing
    before = _before(chosen)
    projection, event = (catalog.PROJECTION_NAME,), recorded_label(catalog.EVENT_TYPE)
    shared = label_list([*config.shared_labels, event])
    past_applied = summed(
        _over(PROJECTION_LIVE_RATE.name, chosen.past, before), PROJECTION_LIVE_RATE.by, config
    )
    past_produced = _over(EVENTS_PRODUCED_RATE.name, chosen.past, before)
    share = (
        f"clamp_max({past_applied}\n"
        f"  / on ({shared}) group_left () (sum by ({shared}) ({past_produced}) > 0), 1)"
    )
    produced = f"sum by ({shared}) ({EVENTS_PRODUCED_RATE.name})"
    status = equals(recorded_label(catalog.PROJECTION_STATUS), catalog.SUCCESS)
    return _expected(
        summed(f"\n  {share}\n  * on ({shared}) group_left () {produced}\n", projection, config),
        chosen,
        summed(select(PROJECTION_RATE.name, [status]), projection, config),
    )


def results_huge(config: Config) -> str:
    """Results are large, and many times as large as in the past or beyond the last bucket."""
    chosen = config.alerts.query_results_huge
    size = RESULT_SIZE_P95
    buckets = size.buckets.name
    past = quantile(
        size.q, f"sum_over_time({buckets}[{chosen.past}:{_COARSE_STEP}] offset {_before(chosen)})"
    )
    answers = summed(select(RESULT_SIZE_BUCKETS.name, [equals(LE, "+Inf")]), size.by, config)
    return (
        f"({size.name} > {number(chosen.above_items)} "
        f"and {size.name} > {number(chosen.factor)} * {past}\n"
        f"or {size.name} >= {number(size.metric.bounds[-1])})\n"
        f"and {answers} * {_PER_WINDOW} >= {chosen.minimum_operations}"
    )


def _expected(rate: str, chosen: ExpectationAlert, actual: str) -> str:
    return f"{rate} * {_PER_WINDOW} >= {chosen.minimum_events}\nunless {actual} > 0"


def _before(chosen: AlertSettings) -> str:
    """How long ago the past ended: before what now keeps the alert pending can have begun."""
    return duration(duration_seconds(chosen.for_) + RATE_WINDOW_SECONDS)


def _over(series: str, window: str, before: str) -> str:
    return f"sum_over_time({series}[{window}] offset {before})"


def _count(rate: str, window: str, before: str) -> str:
    """How many operations there were within a window of the past."""
    step = _STEP if duration_seconds(window) <= duration_seconds(_FINE_LIMIT) else _COARSE_STEP
    seconds = number(duration_seconds(step))
    return f"sum_over_time(({rate})[{window}:{step}] offset {before}) * {seconds}"


def _labels(by: tuple[Attribute, ...], config: Config) -> tuple[str, ...]:
    return (*config.service_labels, *(recorded_label(each) for each in by))
