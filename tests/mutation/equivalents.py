"""Mutants that are no change of behaviour, each with its reason."""

from __future__ import annotations

from collections.abc import Iterable

_LARGEST = "sum to max"
_ONE_BUCKET = "a type has one bucket without a bound: the sum is of one series"
_ONE_SERIES = "the series is recorded by just these labels: the sum is of one series"
_ONE_STATUS = (
    "the series is recorded by these labels and the status, which is given: the sum is of one"
)
_ABOVE_ZERO = "rates are never negative: their sum is above 0 just when the largest of them is"
_TIMES_ZERO = "times 0: the series only tells which services there are"


def _each(rules: Iterable[str], *changes: str) -> tuple[tuple[str, str], ...]:
    return tuple((rule, change) for rule in rules for change in changes)


_REASONS: dict[str, tuple[tuple[str, str], ...]] = {
    _ONE_BUCKET: (
        *_each(
            (
                "CqrsCommandLatencyHigh",
                "CqrsQueryLatencyHigh",
                "CqrsQueryResultsHuge",
                "CqrsAggregateNeedsSnapshot",
                "CqrsProjectionApplyLatencyHigh",
                "CqrsProjectionLagHigh",
                "CqrsProjectionFallingBehind",
            ),
            _LARGEST,
        ),
        ("cqrs:projection_lag:mean5m", f"{_LARGEST} (2)"),
    ),
    _ONE_SERIES: (
        ("cqrs:projection_lag:mean5m", _LARGEST),
        ("CqrsProjectionNotProgressing", f"{_LARGEST} (2)"),
    ),
    _ONE_STATUS: (
        *_each(
            (
                "cqrs:command_total_errors:ratio_rate5m",
                "cqrs:query_total_errors:ratio_rate5m",
                "CqrsCommandsWithoutEvents",
                "CqrsCommandRejectionsSurge",
            ),
            _LARGEST,
        ),
        *_each(
            ("CqrsCommandRejectionsSurge",), *(f"{_LARGEST} ({number})" for number in (3, 5, 7))
        ),
        ("CqrsCommandsWithoutEvents", f"{_LARGEST} (3)"),
    ),
    _ABOVE_ZERO: (
        *_each(("CqrsCommandsStuck", "CqrsQueriesStuck"), _LARGEST),
        *_each(("CqrsCommandsStopped", "CqrsQueriesStopped"), f"{_LARGEST} (2)", f"{_LARGEST} (3)"),
        ("CqrsCommandsWithoutEvents", f"{_LARGEST} (4)"),
        ("CqrsProjectionNotProgressing", f"{_LARGEST} (5)"),
    ),
    _TIMES_ZERO: (
        *_each(
            (
                "cqrs:command_total_errors:ratio_rate5m",
                "cqrs:query_total_errors:ratio_rate5m",
                "cqrs:projection_total_errors:ratio_rate5m",
                "cqrs:slo_bad_events:increase5m command_availability write",
                "cqrs:slo_bad_events:increase5m query_availability read",
            ),
            f"{_LARGEST} (2)",
        ),
        *_each(
            (
                "cqrs:slo_objective:ratio command_availability write",
                "cqrs:slo_objective:ratio query_availability read",
            ),
            _LARGEST,
        ),
        *_each(
            (
                "cqrs:slo_objective:ratio command_latency write",
                "cqrs:slo_objective:ratio query_latency read",
                "cqrs:slo_objective:ratio projection_freshness projection",
            ),
            _LARGEST,
            'le="+Inf" to le!="+Inf"',
        ),
        ("cqrs:slo_objective:ratio projection_staleness projection", "count to sum"),
    ),
    "of each process only its presence is counted, not its number of series": (
        ("cqrs:instances:count", "count to sum (2)"),
    ),
}

EQUIVALENT: dict[tuple[str, str], str] = {
    entry: reason for reason, entries in _REASONS.items() for entry in entries
}
