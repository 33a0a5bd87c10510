"""Names in Prometheus, from the catalogue's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from cqrs_alerts.naming import (
    STRATEGIES,
    UNSUPPORTED_STRATEGIES,
    NamingError,
    label_name,
    series_name,
)
from cqrs_telemetry import catalog

NAMES = [
    (catalog.COMMAND_TOTAL, "", "cqrs_command_total"),
    (catalog.COMMAND_DURATION, "bucket", "cqrs_command_duration_milliseconds_bucket"),
    (catalog.COMMAND_ACTIVE, "", "cqrs_command_active"),
    (catalog.EVENTS_PRODUCED, "", "cqrs_events_produced_total"),
    (catalog.QUERY_RESULT_SIZE, "count", "cqrs_query_result_size_count"),
    (catalog.PROJECTION_LAG, "sum", "cqrs_projection_lag_milliseconds_sum"),
    (catalog.PROJECTION_CLOCK_SKEW, "", "cqrs_projection_clock_skew_total"),
]


@pytest.mark.parametrize(("metric", "part", "name"), NAMES, ids=[name for *_, name in NAMES])
def test_series_name(metric: catalog.Metric, part: Any, name: str) -> None:
    """Dots become underscores, the unit and ``total`` are appended once."""
    assert series_name(metric, STRATEGIES[0], part) == name


def test_label_name() -> None:
    """Dots become underscores."""
    assert label_name(catalog.COMMAND_TYPE, STRATEGIES[0]) == "command_type"


@pytest.mark.parametrize("strategy", UNSUPPORTED_STRATEGIES)
def test_other_strategies_are_refused(strategy: str) -> None:
    """A strategy of a later version is an error, not the default's names."""
    for translate in (series_name, label_name):
        subject = catalog.COMMAND_TOTAL if translate is series_name else catalog.SIDE
        with pytest.raises(NamingError, match=strategy):
            translate(cast("Any", subject), cast("Any", strategy))


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
