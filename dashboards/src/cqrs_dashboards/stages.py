"""What the panels of a stage need to know of it: its recorded series and what its messages are."""

from __future__ import annotations

from dataclasses import dataclass

from cqrs_alerts import recording
from cqrs_alerts.recording import ErrorRatio, Level, Quantile, Rate
from cqrs_telemetry import catalog
from cqrs_telemetry.catalog import Attribute, Side


@dataclass(frozen=True)
class Distribution:
    """A histogram: bucket rates and the ready-made quantiles by type."""

    buckets: Rate
    quantiles: tuple[Quantile, Quantile, Quantile]

    @property
    def p95(self) -> Quantile:
        """The 95th percentile by type."""
        return self.quantiles[1]

    @property
    def p99(self) -> Quantile:
        """The 99th percentile by type."""
        return self.quantiles[2]


@dataclass(frozen=True)
class Stage:
    """A place where messages are handled.

    ``noun`` is what it handles, in the plural; ``kind`` what its type attribute is called in a
    sentence; ``rate_unit`` Grafana's id for messages per second.
    """

    side: Side
    noun: str
    kind: str
    rate_unit: str
    type: Attribute
    status: Attribute
    rate: Rate
    errors: Rate
    error_ratio: ErrorRatio
    duration: Distribution
    active: Level | None = None


COMMANDS = Stage(
    catalog.WRITE, "commands", "command type", "ops",
    catalog.COMMAND_TYPE, catalog.COMMAND_STATUS,
    recording.COMMAND_RATE, recording.COMMAND_ERROR_RATE, recording.COMMAND_ERROR_RATIO,
    Distribution(
        recording.COMMAND_DURATION_BUCKETS,
        (
            recording.COMMAND_DURATION_P50,
            recording.COMMAND_DURATION_P95,
            recording.COMMAND_DURATION_P99,
        ),
    ),
    recording.COMMAND_ACTIVE,
)  # fmt: skip
QUERIES = Stage(
    catalog.READ, "queries", "query type", "ops",
    catalog.QUERY_TYPE, catalog.QUERY_STATUS,
    recording.QUERY_RATE, recording.QUERY_ERROR_RATE, recording.QUERY_ERROR_RATIO,
    Distribution(
        recording.QUERY_DURATION_BUCKETS,
        (
            recording.QUERY_DURATION_P50,
            recording.QUERY_DURATION_P95,
            recording.QUERY_DURATION_P99,
        ),
    ),
    recording.QUERY_ACTIVE,
)  # fmt: skip
PROJECTIONS = Stage(
    catalog.PROJECTION, "events", "projection", "eps",
    catalog.PROJECTION_NAME, catalog.PROJECTION_STATUS,
    recording.PROJECTION_RATE, recording.PROJECTION_ERROR_RATE,
    recording.PROJECTION_ERROR_RATIO,
    Distribution(
        recording.PROJECTION_DURATION_BUCKETS,
        (
            recording.PROJECTION_DURATION_P50,
            recording.PROJECTION_DURATION_P95,
            recording.PROJECTION_DURATION_P99,
        ),
    ),
)  # fmt: skip
LAG = Distribution(
    recording.PROJECTION_LAG_BUCKETS,
    (recording.PROJECTION_LAG_P50, recording.PROJECTION_LAG_P95, recording.PROJECTION_LAG_P99),
)
RESULT_SIZE = Distribution(
    recording.RESULT_SIZE_BUCKETS,
    (recording.RESULT_SIZE_P50, recording.RESULT_SIZE_P95, recording.RESULT_SIZE_P99),
)
