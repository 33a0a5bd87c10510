"""One fact, one place: where metric names may stand in the tree."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from cqrs_alerts.naming import STRATEGIES, series_name
from cqrs_telemetry.catalog import METRICS, Metric
from waits import LIMIT

ROOT = Path(__file__).parents[2]
ELSEWHERE = (":!**/generated/**", ":!docs", ":!tests", ":!*.md")


def places(name: str) -> list[str]:
    """Files outside generated ones, documentation and tests that hold a name, one per line."""
    found = subprocess.run(
        ["git", "grep", "-wF", "--name-only", "-e", name, "--", ".", *ELSEWHERE],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT,
    )
    assert found.returncode in (0, 1), found.stderr
    return found.stdout.split()


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_metric_is_named_in_the_catalogue_alone(metric: Metric) -> None:
    """A metric's name stands once in the code, and its Prometheus names are derived, not typed."""
    assert places(metric.name) == ["instrumentation/src/cqrs_telemetry/catalog.py"]
    catalog = (ROOT / places(metric.name)[0]).read_text()
    assert catalog.count(f'"{metric.name}"') == 1
    for part in ("", "bucket", "count", "sum"):
        assert places(series_name(metric, STRATEGIES[0], part)) == []
