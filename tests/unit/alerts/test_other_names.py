"""A metric under another exporter's name is recognised, and the settings that fit are named."""

from __future__ import annotations

from itertools import product

import pytest

from cqrs_alerts.config import Config
from cqrs_alerts.live.other_names import OtherName, find_other_name
from cqrs_alerts.naming import (
    HISTOGRAMS,
    STRATEGIES,
    Histograms,
    Strategy,
    series_name,
    stored_parts,
)
from cqrs_telemetry import catalog
from cqrs_telemetry.catalog import METRICS

CONFIG = Config()
SPELLINGS = list(product(STRATEGIES, HISTOGRAMS))


def names(naming: Strategy, histograms: Histograms) -> set[str]:
    """All series of a service, and one that is none of its."""
    return {"up"} | {
        series_name(metric, naming, part)
        for metric in METRICS
        for part in stored_parts(metric, histograms)
    }


@pytest.mark.parametrize(("naming", "histograms"), SPELLINGS)
@pytest.mark.parametrize("configured", SPELLINGS)
def test_the_settings_of_the_exporter_are_found(
    naming: Strategy, histograms: Histograms, configured: tuple[Strategy, Histograms]
) -> None:
    """Whatever is configured: the whole of the names tells, where a metric of its own does not.

    A metric that is spelt as configured is not asked about.
    """
    present = names(naming, histograms)
    config = Config(naming=configured[0], histograms=configured[1])
    expected = names(*configured)
    for metric in METRICS:
        own = {series_name(metric, naming, part) for part in stored_parts(metric, histograms)}
        if own & expected:
            continue
        found = find_other_name(metric, present, config)
        assert found == OtherName(min(own), naming, histograms)


def test_what_nothing_tells_is_left_as_configured() -> None:
    """Without a histogram, none is told to be of another kind; without a suffix, the first fits."""
    config = Config(histograms="native")
    found = find_other_name(catalog.COMMAND_ACTIVE, {"cqrs.command.active"}, config)
    assert found == OtherName("cqrs.command.active", "NoUTF8EscapingWithSuffixes", "native")


@pytest.mark.parametrize("metric", METRICS)
def test_the_expected_name_is_no_other_name(metric: catalog.Metric) -> None:
    """A server lists names for as long as it keeps samples: this metric was there long ago."""
    for naming, histograms in SPELLINGS:
        present = {series_name(metric, naming, part) for part in stored_parts(metric, histograms)}
        config = Config(naming=naming, histograms=histograms)
        assert find_other_name(metric, present, config) is None


@pytest.mark.parametrize(
    "name",
    [
        "shop_cqrs_command_duration_milliseconds_bucket",
        "shop.cqrs.command.duration_bucket",
        "shop_cqrs.command.duration",
        "cqrs_command_duration_seconds_bucket",
    ],
)
def test_a_rule_of_its_own(name: str) -> None:
    """A namespace and another unit are found, and no strategy is claimed for them."""
    assert find_other_name(catalog.COMMAND_DURATION, {name}, CONFIG) == OtherName(name)


@pytest.mark.parametrize(
    "name",
    [
        "cqrs_command_total",
        "cqrs_query_duration_bucket",
        "cqrs_command_durations_bucket",
        "cqrs_command_duration_milliseconds_bucket",
    ],
)
def test_other_metrics_are_not(name: str) -> None:
    """Another metric and the expected name are no other naming."""
    assert find_other_name(catalog.COMMAND_DURATION, {name}, CONFIG) is None
