"""Read path: queries arrive, are executed, and return results."""

from __future__ import annotations

from cqrs_alerts import recording
from cqrs_alerts.config import Config
from cqrs_alerts.links import READ_PATH_UID
from cqrs_telemetry import catalog

from . import colors, failure_panels, panels, telemetry_panels, trace_links, wait_panels
from .annotations import dashboard_annotations
from .instance_panels import instances_row
from .model import Dashboard, Panel, Row, Target
from .queries import MOST_SERIES, Queries
from .stages import QUERIES, RESULT_SIZE
from .thresholds import milliseconds, share
from .variables import group_variables, type_variable

INTRO = (
    "Queries arrive, handlers read the views, results go out: rows are in that order. When answers "
    "are fast but old, open Projections."
)
SILENT = "no queries"


def dashboard(config: Config) -> Dashboard:
    """The dashboard for a configuration."""
    queries = Queries(config, (catalog.QUERY_TYPE,))
    return Dashboard(
        uid=READ_PATH_UID,
        title="CQRS / Read path",
        description="Queries: throughput, latency, result sizes, failures",
        variables=(
            *group_variables(config, (recording.QUERY_RATE,)),
            type_variable(queries, recording.QUERY_RATE, catalog.QUERY_TYPE, "Query type"),
        ),
        rows=(
            _opening(queries),
            Row("Queries arrive", panels.triple(queries, QUERIES, _throughput(queries))),
            _execution(queries),
            _results(queries),
            wait_panels.own_writes(queries),
            _failures(queries),
            telemetry_panels.telemetry_row(queries, QUERIES),
            instances_row(queries, QUERIES),
        ),
        annotations=dashboard_annotations(queries),
    )


def _opening(queries: Queries) -> Row:
    alerts = queries.config.alerts
    return panels.opening(
        INTRO,
        (
            panels.rate_now(queries, QUERIES, "per second"),
            panels.error_share_now(queries, QUERIES, share(alerts.query_errors_high)),
            panels.latency_now(
                queries, QUERIES, "Latency p95", "Time to execute a query",
                milliseconds(alerts.query_latency_high),
            ),
            panels.stat(
                "Result size p95",
                "Items in a result at the 95th percentile over the last 5 minutes. Normal is a "
                "page's size. When it grows from week to week, a query has no limit.",
                panels.COUNT, queries.present_quantile(0.95, recording.RESULT_SIZE_BUCKETS),
                "no results", color=colors.BY_SIDE[catalog.READ],
            ),
            panels.stat(
                "Empty results",
                "Share of results without a single item over the last 5 minutes. Normal is the "
                "steady share of searches that find nothing. A jump often is the first sign of a "
                "projection that stopped, or of a view that was emptied.",
                panels.SHARE, queries.empty_share(), "no results",
                color=colors.BY_SIDE[catalog.READ],
            ),
            panels.in_flight_now(queries, QUERIES),
        ),
    )  # fmt: skip


def _throughput(queries: Queries) -> Panel:
    return panels.series(
        "Throughput by query type",
        f"Queries per second by type, all outcomes, the {MOST_SERIES} busiest. Normal is a mix "
        "that follows the time of day. One type rising alone is a client that polls or a cache "
        "that no longer works.",
        "ops", queries.top(queries.by(recording.QUERY_RATE, catalog.QUERY_TYPE)),
        queries.legend(catalog.QUERY_TYPE), SILENT,
    )  # fmt: skip


def _execution(queries: Queries) -> Row:
    slowest = Panel(
        "Latency p95 by query type",
        f"95th percentile of the time to execute a query, by type, the {MOST_SERIES} slowest; with "
        "several jobs chosen, the slowest of them. Normal is below the red line, where the alert "
        "fires. One slow type lacks an index or a limit; all of them share a slow store.",
        "timeseries", panels.MILLISECONDS,
        (
            Target(
                queries.worst(QUERIES.duration.p95, catalog.QUERY_TYPE),
                queries.legend(catalog.QUERY_TYPE),
            ),
        ),
        SILENT, thresholds=milliseconds(queries.config.alerts.query_latency_high),
        links=(trace_links.slower_spans(queries, catalog.READ, catalog.QUERY_TYPE),),
    )  # fmt: skip
    distribution = panels.heatmap(
        queries, QUERIES, QUERIES.duration.buckets, "Latency distribution",
        "Queries per second in each band of latency. Normal is one dark band low down. Two bands "
        "are cache hits and misses; one that climbs with the size of the data is a missing index.",
        panels.MILLISECONDS,
    )  # fmt: skip
    return Row("Handlers read", (slowest, distribution, panels.in_flight(queries, QUERIES)))


def _results(queries: Queries) -> Row:
    sizes = panels.percentiles(
        queries, QUERIES, RESULT_SIZE, "Result size percentiles",
        "Items in a result: median, 95th and 99th percentile over 5 minutes. Normal is flat. A p99 "
        "that creeps up is a result without a limit; it takes memory and latency with it.",
        panels.COUNT,
    )  # fmt: skip
    distribution = panels.heatmap(
        queries, QUERIES, recording.RESULT_SIZE_BUCKETS, "Result size distribution",
        "Results per second in each band of size; the lowest band is empty results. Normal are "
        "bands at 0, 1 and a page's size. Anything above a page is worth a look at the query.",
        panels.COUNT,
    )  # fmt: skip
    empty = panels.series(
        "Empty results by query type",
        f"Share of results without a single item, by query type, the {MOST_SERIES} highest. Normal "
        "is 0 for lists that are never empty and steady for searches. A jump to 100 % is an empty "
        "view: look at the projection that feeds it.",
        panels.SHARE, queries.top(queries.empty_share(catalog.QUERY_TYPE)),
        queries.legend(catalog.QUERY_TYPE), "no results",
    )  # fmt: skip
    largest = panels.series(
        "Largest results by query type",
        f"99th percentile of the items in a result, by query type, the {MOST_SERIES} largest; with "
        "several jobs chosen, the largest of them. Normal is below a page's size. A type that "
        "grows from week to week needs a limit or pages.",
        panels.COUNT, queries.worst(RESULT_SIZE.p99, catalog.QUERY_TYPE),
        queries.legend(catalog.QUERY_TYPE), "no results",
    )  # fmt: skip
    return Row("Results go out", panels.spread((sizes, distribution, empty, largest)))


def _failures(queries: Queries) -> Row:
    errors = share(queries.config.alerts.query_errors_high)
    return Row(
        "Failures",
        panels.low(
            (
                failure_panels.error_ratio_by_type(queries, QUERIES, errors),
                failure_panels.errors_by_exception(queries, QUERIES),
                failure_panels.failing_types(queries, QUERIES, catalog.QUERY_TYPE),
                *panels.spread(
                    (
                        panels.outcome_mix(queries, QUERIES),
                        failure_panels.rejections_by_reason(
                            queries, QUERIES, recording.QUERY_REJECTION_RATE
                        ),
                    )
                ),
            )
        ),
    )
