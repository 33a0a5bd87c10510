"""Names in Prometheus, from the catalogue's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from cqrs_alerts.naming import (
    STRATEGIES,
    NamingError,
    label_name,
    recorded_label,
    series_name,
    stored_parts,
)
from cqrs_alerts.slo_rules import up_to
from cqrs_telemetry import catalog

# By strategy, in the order of STRATEGIES; what Prometheus itself makes of them is a contract test.
NAMES: list[tuple[catalog.Metric, Any, tuple[str, str, str, str]]] = [
    (catalog.COMMAND_TOTAL, "", (
        "cqrs_command_total", "cqrs_command_total", "cqrs.command_total", "cqrs.command.total",
    )),
    (catalog.COMMAND_DURATION, "bucket", (
        "cqrs_command_duration_milliseconds_bucket", "cqrs_command_duration_bucket",
        "cqrs.command.duration_milliseconds_bucket", "cqrs.command.duration_bucket",
    )),
    (catalog.COMMAND_ACTIVE, "", (
        "cqrs_command_active", "cqrs_command_active", "cqrs.command.active", "cqrs.command.active",
    )),
    (catalog.EVENTS_PRODUCED, "", (
        "cqrs_events_produced_total", "cqrs_events_produced",
        "cqrs.events.produced_total", "cqrs.events.produced",
    )),
    (catalog.QUERY_RESULT_SIZE, "count", (
        "cqrs_query_result_size_count", "cqrs_query_result_size_count",
        "cqrs.query.result_size_count", "cqrs.query.result_size_count",
    )),
    (catalog.PROJECTION_LAG, "sum", (
        "cqrs_projection_lag_milliseconds_sum", "cqrs_projection_lag_sum",
        "cqrs.projection.lag_milliseconds_sum", "cqrs.projection.lag_sum",
    )),
    (catalog.PROJECTION_CLOCK_SKEW, "", (
        "cqrs_projection_clock_skew_total", "cqrs_projection_clock_skew",
        "cqrs.projection.clock_skew_total", "cqrs.projection.clock_skew",
    )),
]  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "part", "names"), NAMES, ids=[metric.name for metric, *_ in NAMES]
)
def test_series_name(metric: catalog.Metric, part: Any, names: tuple[str, str, str, str]) -> None:
    """Dots and suffixes come and go with the strategy; ``total`` is never there twice."""
    assert tuple(series_name(metric, strategy, part) for strategy in STRATEGIES) == names


def test_label_name() -> None:
    """What an exporter calls a label depends on the strategy, what is recorded does not."""
    names = [label_name(catalog.COMMAND_TYPE, strategy) for strategy in STRATEGIES]
    assert names == ["command_type", "command_type", "command.type", "command.type"]
    assert recorded_label(catalog.COMMAND_TYPE) == "command_type"


def test_stored_parts() -> None:
    """A native histogram is one series; a counter is one anyway."""
    assert stored_parts(catalog.COMMAND_DURATION, "classic") == ("bucket", "sum", "count")
    assert stored_parts(catalog.COMMAND_DURATION, "native") == ("",)
    assert stored_parts(catalog.COMMAND_TOTAL, "classic") == ("",)


def test_unknown_strategy_is_refused() -> None:
    """A strategy that does not exist is an error, not the default's names."""
    strategy = cast("Any", "Lowercase")
    with pytest.raises(NamingError, match="'Lowercase' does not exist; use UnderscoreEscaping"):
        series_name(catalog.COMMAND_TOTAL, strategy)
    with pytest.raises(NamingError, match="'Lowercase'"):
        label_name(catalog.SIDE, strategy)


@pytest.mark.parametrize(
    ("bound", "pattern"),
    [
        (2.5, r"2\.5"),
        (500.0, "500([.]0)?"),
        (1_000_000.0, r"1000000([.]0)?|1e\+06"),
        (14_400_000.0, r"14400000([.]0)?|1\.44e\+07"),
    ],
)
def test_bucket_of_a_bound(bound: float, pattern: str) -> None:
    """A bound is found as OTLP, the Python exporter and Prometheus 3 spell it."""
    assert up_to(bound).value == pattern


def test_unknown_unit_names_the_metric() -> None:
    """A unit without a known suffix would give a name that no exporter uses."""
    metric = replace(catalog.COMMAND_DURATION, unit="fortnight")
    with pytest.raises(NamingError, match=r"cqrs\.command\.duration: unit 'fortnight'"):
        series_name(metric, STRATEGIES[0])


def test_gauge_of_unit_one_is_refused() -> None:
    """Exporters disagree about its suffix."""
    metric = replace(catalog.COMMAND_ACTIVE, kind="gauge", unit="1")
    with pytest.raises(NamingError, match=r"cqrs\.command\.active: a gauge of unit 1"):
        series_name(metric, STRATEGIES[0])
