"""What the benchmark of rules and dashboards asks, and the limit of what it fabricates."""

from __future__ import annotations

from dataclasses import replace

import pytest
import questions
import scale
from fabricate import check_size, scraped


def test_panels_have_forms_on_raw_metrics() -> None:
    """The benchmark replaces every recorded series of the panels that it compares."""
    asked = [q.expression for q in questions.dashboard_questions()]
    compared = [e for e in asked if "cqrs:" in e and not questions.needs_history(e)]
    assert len(compared) > 100
    assert not [e for e in compared if "cqrs:" in questions.on_raw_metrics(e)]


def test_matchers_reach_the_raw_metrics() -> None:
    """A recorded series' matchers narrow the metrics that its rule asks."""
    recorded = 'cqrs:command_total:rate5m{job=~".+", command_status="error"}'
    assert 'cqrs_command_total{job=~".+", command_status="error"}[5m]' in questions.on_raw_metrics(
        recorded
    )


def test_a_database_that_would_fill_the_disk_is_refused() -> None:
    """Each size that the benchmark measures by default is within the limit, and ten times not."""
    sizes = [scale.parse_size(size) for size in scale.SIZES.split(",")]
    for size in sizes:
        check_size(size, len(scraped(size.types)))
    largest = max(sizes, key=lambda size: size.instances * size.types)
    with pytest.raises(ValueError, match=r"10000x50 is .* samples, more than 400 million"):
        check_size(replace(largest, instances=10 * largest.instances), len(scraped(largest.types)))
