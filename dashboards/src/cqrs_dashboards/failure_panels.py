"""Panels of what fails or is refused, built from a stage."""

from __future__ import annotations

from cqrs_alerts.recording import Rate
from cqrs_telemetry import catalog

from .model import Panel, Target, Threshold
from .panels import NOTHING, PER_MINUTE, SHARE, silent
from .queries import MOST_SERIES, Queries
from .stages import PROJECTIONS, Stage


def error_ratio_by_type(queries: Queries, stage: Stage, thresholds: tuple[Threshold, ...]) -> Panel:
    """Share of errors of each type."""
    worst = "" if stage is PROJECTIONS else "; with several jobs chosen, the worst of them"
    return Panel(
        f"Error share by {stage.kind}",
        f"Share of errors by {stage.kind}, the {MOST_SERIES} highest{worst}. Normal is 0 %. One "
        f"{stage.kind} alone points at its handler, all together at what they share: the store, "
        "the network, a deployment.",
        "timeseries", SHARE,
        (Target(queries.worst(stage.error_ratio, stage.type), queries.legend(stage.type)),),
        silent(stage), thresholds=thresholds,
    )  # fmt: skip


def errors_by_exception(queries: Queries, stage: Stage) -> Panel:
    """Errors per minute by exception."""
    return Panel(
        "Errors by exception",
        f"Errors per minute by exception class (error.type), the {MOST_SERIES} most frequent. "
        "Normal is 'none' at 0. A class that is new since a deployment is the first suspect; "
        "timeouts and connection errors point at the store.",
        "timeseries", PER_MINUTE,
        (
            Target(
                queries.per_minute(
                    queries.incidents(
                        stage.errors, queries.total(stage.rate), (catalog.ERROR_TYPE,)
                    )
                ),
                queries.legend(catalog.ERROR_TYPE),
            ),
        ),
        silent(stage), stacking="normal", colors=NOTHING,
    )  # fmt: skip


def failing_types(queries: Queries, stage: Stage, *by: catalog.Attribute) -> Panel:
    """Table of what fails now, and with which exception."""
    attributes = (*by, catalog.ERROR_TYPE)
    headings = {
        catalog.ERROR_TYPE: "Exception", catalog.EVENT_TYPE: "Event",
        stage.type: stage.kind.capitalize(),
    }  # fmt: skip
    columns = queries.columns({each: headings[each] for each in attributes})
    found = queries.incidents(stage.errors, queries.total(stage.rate), attributes)
    return Panel(
        f"What fails, by {stage.kind}",
        f"Errors per minute over the last 5 minutes, by {stage.kind} and exception, the "
        f"{MOST_SERIES} most frequent; what the domain rejects is none of them. Normal is 'none'. "
        "Anything else is worth a trace: search for the type and the exception.",
        "table", PER_MINUTE, (Target(queries.per_minute(found), ""),),
        silent(stage), columns=(*columns, ("Value", "Per minute")),
    )  # fmt: skip


def rejections_by_reason(queries: Queries, stage: Stage, rejections: Rate) -> Panel:
    """Rejections per minute by reason."""
    return Panel(
        "Rejections by reason",
        f"Rejections per minute by the exception class that says why (error.type), the "
        f"{MOST_SERIES} most frequent; 'none' at 0 says that nothing is refused. Normal is a "
        "steady mix. A surge of conflicts is contention; of a business rule, a question to its "
        "owner.",
        "timeseries", PER_MINUTE,
        (
            Target(
                queries.per_minute(
                    queries.incidents(
                        rejections, queries.total(stage.rate), (catalog.ERROR_TYPE,)
                    )
                ),
                queries.legend(catalog.ERROR_TYPE),
            ),
        ),
        silent(stage), stacking="normal", colors=NOTHING,
    )  # fmt: skip
