"""A metric under another exporter's name is recognised, and its strategy named."""

from __future__ import annotations

import pytest

from cqrs_alerts.live.other_names import find_other_names
from cqrs_telemetry import catalog

EXPECTED = "cqrs_command_duration_milliseconds_bucket"


@pytest.mark.parametrize(
    ("name", "strategy"),
    [
        ("cqrs_command_duration_bucket", "UnderscoreEscapingWithoutSuffixes"),
        ("cqrs.command.duration_bucket", "NoTranslation"),
        ("cqrs.command.duration_milliseconds_bucket", "NoUTF8EscapingWithSuffixes"),
        ("shop_cqrs_command_duration_milliseconds_bucket", "a rule of its own"),
        ("cqrs_command_duration_seconds_bucket", "a rule of its own"),
    ],
)
def test_other_spellings_are_found(name: str, strategy: str) -> None:
    """Each translation strategy, a namespace and another unit lead to the strategy."""
    ((found, named),) = find_other_names(
        catalog.COMMAND_DURATION, "bucket", ["up", name, EXPECTED], EXPECTED
    )
    assert found == name
    assert named.startswith(strategy)


@pytest.mark.parametrize(
    "name",
    ["cqrs_command_total", "cqrs_command_duration_count", "cqrs_query_duration_bucket", EXPECTED],
)
def test_other_metrics_are_not(name: str) -> None:
    """Another metric, another part of the histogram and the expected name are no other naming."""
    assert find_other_names(catalog.COMMAND_DURATION, "bucket", [name], EXPECTED) == []


def test_a_counter_without_its_suffix() -> None:
    """A counter is found without the suffix that the default strategy adds."""
    found = find_other_names(
        catalog.EVENTS_PRODUCED, "", ["cqrs_events_produced"], "cqrs_events_produced_total"
    )
    assert found == [("cqrs_events_produced", "UnderscoreEscapingWithoutSuffixes")]
