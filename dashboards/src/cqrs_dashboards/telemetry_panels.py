"""Whether a path's numbers can be believed."""

from __future__ import annotations

from cqrs_alerts import recording
from cqrs_alerts.promql import differs, equals
from cqrs_telemetry import catalog

from . import colors
from .model import Panel, Row, Target
from .panels import COUNT, NOTHING, PER_MINUTE, low, series, spread
from .queries import Queries
from .stages import Stage

_SILENT = "no telemetry"


TITLE = "Can these numbers be believed?"


def telemetry_row(queries: Queries, stage: Stage, *more: Panel) -> Row:
    """Whether the numbers above can be believed."""
    side = equals(queries.label(catalog.SIDE), stage.side)
    # The service reports 0 faults without an exception's name from its start.
    named = differs(queries.label(catalog.ERROR_TYPE), "")
    faults = queries.incidents(
        recording.FAULT_RATE,
        queries.total(recording.FAULT_RATE, side),
        (catalog.ERROR_TYPE,),
        side,
        named,
    )
    failing = Panel(
        "Telemetry faults",
        "Errors inside the instrumentation of this path, per minute, by exception; business code "
        "is not affected, but what it did is then missing above. Normal is 'none' at 0. "
        "The service's log has the first of each class with its stack.",
        "timeseries", PER_MINUTE,
        (Target(queries.per_minute(faults), queries.legend(catalog.ERROR_TYPE)),), _SILENT,
        colors=NOTHING,
    )  # fmt: skip
    folded = series(
        "Type names folded",
        f"Values per minute recorded as {catalog.OTHER_TYPE}, by attribute, because a metric "
        "had too many types or attribute sets. Normal is 0. When it rises, a type name contains an "
        "id or a class is made at run time; fix that, or raise max_types or max_attribute_sets if "
        "all of them are real.",
        PER_MINUTE,
        queries.per_minute(queries.by(recording.OVERFLOW_RATE, catalog.ATTRIBUTE_KEY, side)),
        queries.legend(catalog.ATTRIBUTE_KEY), _SILENT,
    )  # fmt: skip
    drawn = (reporting(queries, stage), failing, folded, *more)
    return Row(TITLE, low(spread(drawn)))


def reporting(queries: Queries, stage: Stage | None = None) -> Panel:
    """Processes that report, in the colour of a stage; by service without one."""
    title = "Reporting processes"
    description = (
        "Processes that report telemetry now. Normal is the number that you deployed, also without "
        "traffic. Fewer means that a process is gone, or that its metrics do not arrive: what it "
        "does is missing from every chart."
    )
    if stage is None:
        target = Target(queries.by_group(recording.INSTANCES), queries.group_legend)
        return Panel(title, description, "timeseries", COUNT, (target,), _SILENT, decimals=0)
    return Panel(
        title, description, "timeseries", COUNT,
        (Target(queries.total(recording.INSTANCES), "processes"),), _SILENT,
        decimals=0, colors=(("processes", colors.BY_SIDE[stage.side]),),
    )  # fmt: skip
