"""Whether an OpenTelemetry collector passes on all that it is sent; where one is in use."""

from __future__ import annotations

from cqrs_alerts import foreign_conditions
from cqrs_alerts import foreign_metrics as foreign
from cqrs_alerts.config import Config
from cqrs_alerts.promql import select

from . import colors
from .model import Panel, Row, Target, Threshold
from .panels import PER_MINUTE, SHARE, series, spread
from .queries import NO_FAILURE, Queries

_SILENT = "no metrics of a collector; let Prometheus scrape its port 8888"
_BUSY, _FULL = 0.5, 0.9  # share of a sending queue


def collector_row(config: Config) -> Row:
    """What comes in, what is refused, what goes out, what is lost, and how much waits."""
    flows = (
        series(
            "Received",
            "Spans and metric points per second that the collector took in. Normal follows the "
            "traffic and the number of processes. When it falls while services are up, they cannot "
            "reach it.",
            "cps", foreign_conditions.accepted(config), _legend(foreign.RECEIVER), _SILENT,
        ),
        series(
            "Refused",
            "Spans and metric points per minute that the collector refused or could not read. "
            "Normal is 0. It refuses when its memory is short: senders try again for a while, then "
            "lose data. Give it memory, or add collectors.",
            PER_MINUTE, Queries.per_minute(foreign_conditions.refused(config)),
            _legend(foreign.RECEIVER), _SILENT,
        ),
        series(
            "Passed on",
            "Spans and metric points per second that the collector's exporters sent. Normal is all "
            "that is received, less the traces that sampling leaves out. Metrics that Prometheus "
            "scrapes count when they are handed to it.",
            "cps", foreign_conditions.sent(config), _legend(foreign.EXPORTER), _SILENT,
        ),
        series(
            "Lost",
            "Spans and metric points per minute that the collector gave up. Normal is 0. The "
            "backend is down or refuses, for longer than the queue and the retries last: see the "
            "collector's log for the answer that it gets.",
            PER_MINUTE, Queries.per_minute(_dropped(config)), _legend(foreign.EXPORTER), _SILENT,
        ),
    )  # fmt: skip
    size, capacity = (
        f"max by ({foreign.EXPORTER}) ({select(name, config.selector)})"
        for name in (foreign.COLLECTOR_QUEUE_SIZE, foreign.COLLECTOR_QUEUE_CAPACITY)
    )
    waiting = Panel(
        "Queue",
        "How full the queue of each exporter is. Normal is near 0 %. A climb means that the "
        "backend is slower than what comes in; at 100 % the newest data is lost.",
        "timeseries", SHARE, (Target(f"{size} / {capacity}", f"{{{{{foreign.EXPORTER}}}}}"),),
        _SILENT, maximum=1,
        thresholds=(Threshold(_BUSY, colors.WARNING), Threshold(_FULL, colors.CRITICAL)),
    )  # fmt: skip
    return Row("Does the collector pass everything on?", (*spread(flows), *spread((waiting,))))


def _dropped(config: Config) -> str:
    """One 0 named ``none`` while nothing was ever lost: the collector then has no such series."""
    nothing = f"0 * sum({foreign_conditions.sent(config)})"
    named = f'label_replace({nothing}, "{foreign.EXPORTER}", "{NO_FAILURE}", "", "")'
    return f"{foreign_conditions.dropped(config)} or on () {named}"


def _legend(component: str) -> str:
    return f"{{{{{component}}}}} {{{{{foreign.KIND}}}}}"
