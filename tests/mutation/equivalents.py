"""Mutants that are no change of behaviour, each with its reason."""

from __future__ import annotations

from collections.abc import Iterable

_LARGEST = "sum to max"
_ONE_BUCKET = "a type has one bucket without a bound: the sum is of one series"
_ONE_SERIES = "the series is recorded by just these labels: the sum is of one series"
_ONE_STATUS = (
    "the series is recorded by these labels and one that is given, a status or an exception: the "
    "sum is of one"
)
_ABOVE_ZERO = "rates are never negative: their sum is above 0 just when the largest of them is"
_TIMES_ZERO = "times 0: the series only tells which services there are"

_AVAILABILITY = ("command_availability write", "query_availability read")
_LATENCY = ("command_latency write", "query_latency read", "projection_freshness projection")
_OF_EVENTS, _OF_TIME = (*_AVAILABILITY, *_LATENCY), "projection_staleness projection"
_GROWTH = tuple(
    f"cqrs:slo_{which}:increase5m {each}"
    for which in ("events", "bad_events")
    for each in _OF_EVENTS
)


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
        *_each((f"cqrs:slo_bad_events:increase5m {each}" for each in _LATENCY), _LARGEST),
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
        *_each(("CqrsCommandTypeUnknown", "CqrsQueryTypeUnknown"), _LARGEST, f"{_LARGEST} (2)"),
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
            ),
            f"{_LARGEST} (2)",
        ),
        *_each(
            (
                *(f"cqrs:slo_objective:ratio {each}" for each in (*_OF_EVENTS, _OF_TIME)),
                *(f"cqrs:slo_bad_events:increase5m {each}" for each in _AVAILABILITY),
            ),
            "count to sum",
        ),
    ),
    "another operand has no value for a series that has no sample within five minutes": _each(
        _GROWTH, *(f"5m to 15m ({number})" for number in (5, 7, 11, 13)), "10s to 30s (8)"
    ),
    "a counter that was there does not begin later than its process": _each(
        _GROWTH, "5m to 15m (12)"
    ),
    "what a counter reached before it restarted is not its last sample": _each(
        _GROWTH, "10s to 30s (3)"
    ),
    "without bad events a service that has a sample has 0, by one operand or the other": _each(
        (f"cqrs:slo_bad_events:increase5m {each}" for each in _AVAILABILITY),
        "10s to 30s (13)",
    ),
    "restarts are whole numbers": _each(_GROWTH, "1 to 1.1"),
    "of each process only its presence is counted, not its number of series": (
        ("cqrs:instances:count", "count to sum (2)"),
    ),
}

EQUIVALENT: dict[tuple[str, str], str] = {
    entry: reason for reason, entries in _REASONS.items() for entry in entries
}
