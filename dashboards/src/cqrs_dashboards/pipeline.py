"""Telemetry pipeline: whether what the other dashboards show can be believed."""

from __future__ import annotations

from cqrs_alerts import foreign_metrics as foreign
from cqrs_alerts import recording
from cqrs_alerts.config import Config
from cqrs_alerts.links import PIPELINE_UID
from cqrs_alerts.promql import Matcher, copy_labels, differs, label_list, rate, select
from cqrs_alerts.windows import RATE_WINDOW
from cqrs_telemetry import catalog

from . import colors, panels
from .annotations import dashboard_annotations
from .collector_panels import collector_row
from .model import Dashboard, Panel, Row, Target, Threshold
from .panels import COUNT, PER_MINUTE, SHARE
from .queries import Queries
from .telemetry_panels import reporting
from .variables import group_variables

INTRO = (
    "Whether the other dashboards can be trusted: where this chain breaks, downstream data is "
    "missing or stale, which can look healthy."
)
SILENT = "no telemetry"
NOT_SCRAPED = "no target of these services is scraped; they may push"
NO_RULE_METRICS = "no metrics of Prometheus itself; let it scrape itself"
_GROUP = "group"
_BUSY, _LATE = 0.5, 1.0  # share of the interval that evaluating a group takes


def dashboard(config: Config) -> Dashboard:
    """The dashboard for a configuration."""
    queries = Queries(config, ())
    return Dashboard(
        uid=PIPELINE_UID,
        title="CQRS / Telemetry pipeline",
        description="Scrapes, reporting processes, type names, rule evaluation",
        variables=group_variables(config, (recording.INSTANCES,)),
        rows=(
            _opening(queries),
            *([_scrapes(queries)] if config.dashboards.scraped else []),
            _processes(queries),
            *([collector_row(config)] if config.dashboards.collector else []),
            _types(queries),
            _rules(),
        ),
        annotations=dashboard_annotations(queries),
    )


def _opening(queries: Queries) -> Row:
    up = _of_targets(queries, foreign.UP)
    failures = f"sum({_rule_rate(foreign.RULE_FAILURES)})"
    bad = (Threshold(1.0, colors.CRITICAL),)
    any_at_all = (Threshold(1e-9, colors.WARNING),)
    targets = (
        panels.stat(
            "Targets up",
            "Targets of these services that Prometheus can scrape. Normal is the number of "
            "processes that you run. Where services push instead, there are none.",
            COUNT, f"sum({up})", NOT_SCRAPED, color=colors.NEUTRAL, decimals=0,
        ),
        panels.stat(
            "Targets down",
            "Targets of these services that do not answer. Normal is 0. Each is a process "
            "that is gone or unreachable: what it does is missing on all dashboards.",
            COUNT, f"count(({up}) == 0) or 0 * sum({up})", NOT_SCRAPED, thresholds=bad,
            decimals=0,
        ),
    )  # fmt: skip
    stats = (
        *(targets if queries.config.dashboards.scraped else ()),
        panels.stat(
            "Processes",
            "Processes that report telemetry now, over whichever road. Normal is the number "
            "that you deployed. Fewer than targets up: one answers without our metrics.",
            COUNT, queries.total(recording.INSTANCES), SILENT, color=colors.NEUTRAL,
            decimals=0,
        ),
        panels.stat(
            "Failing rules",
            "Rule evaluations of this bundle that fail, per minute. Normal is 0. When they "
            "fail, dashboards stand still and alerts are silent: see Prometheus' own page of "
            "rules for the message.",
            PER_MINUTE, queries.per_minute(failures), NO_RULE_METRICS, thresholds=any_at_all,
        ),
        panels.stat(
            "Telemetry faults now",
            "Errors inside the instrumentation, per minute, all sides. Normal is 0. Business "
            "code is not affected, but what it did is then missing.",
            PER_MINUTE, queries.per_minute(queries.total(recording.FAULT_RATE)), SILENT,
            thresholds=any_at_all,
        ),
        panels.stat(
            "Names folded now",
            f"Values per minute that were recorded as {catalog.OTHER_TYPE}, because a "
            "metric had too many types or attribute sets. Normal is 0. The row on type names says "
            "which attribute has too many.",
            PER_MINUTE, queries.per_minute(queries.total(recording.OVERFLOW_RATE)), SILENT,
            thresholds=any_at_all,
        ),
    )  # fmt: skip
    return panels.opening(INTRO, panels.spread(stats))


def _scrapes(queries: Queries) -> Row:
    groups, legend = queries.config.service_labels, queries.group_legend
    up, seconds, samples = (
        _of_targets(queries, name)
        for name in (foreign.UP, foreign.SCRAPE_DURATION, foreign.SCRAPE_SAMPLES)
    )
    share_up = panels.series(
        "Share of targets up",
        "Share of a service's targets that answer, by service. Normal is 100 %. A dip during a "
        "release is a rolling restart; one that stays is a process or a network that is gone.",
        SHARE, f"avg by ({', '.join(groups)}) ({up})", legend, NOT_SCRAPED,
    )  # fmt: skip
    return Row(
        "Are services scraped?",
        (
            share_up,
            panels.series(
                "Slowest scrape",
                "Time that the slowest target of a service takes to answer a scrape. Normal is "
                "milliseconds. Near the scrape timeout, samples get lost: a process is starved, or "
                "exports far too many series.",
                "s", f"max by ({', '.join(groups)}) ({seconds})", legend, NOT_SCRAPED,
            ),
            panels.series(
                "Samples per scrape",
                "Samples in the largest scrape of each service. Normal is a plateau that new types "
                "raise in steps. A steady climb is a type name or a label with ids in it; it ends "
                "in a full Prometheus.",
                COUNT, f"max by ({', '.join(groups)}) ({samples})", legend, NOT_SCRAPED,
            ),
        ),
    )  # fmt: skip


def _processes(queries: Queries) -> Row:
    named = differs(queries.label(catalog.ERROR_TYPE), "")
    by = (catalog.SIDE, catalog.ERROR_TYPE)
    faults = queries.incidents(recording.FAULT_RATE, queries.total(recording.FAULT_RATE), by, named)
    failing = panels.series(
        "Faults by side",
        "Errors inside the instrumentation, per minute, by side and exception. Normal is 'none' at "
        "0. The service's log has the first of each class with its stack; until it is mended that "
        "side undercounts.",
        PER_MINUTE, queries.per_minute(faults), queries.legend(*by), SILENT,
    )  # fmt: skip
    restarts = panels.series(
        "Restarts by service",
        "Processes that started anew within 5 minutes. Normal is 0, and the number of your "
        "processes during a release. Rates bridge a restart; what a process counted between its "
        "last scrape and its end is lost.",
        COUNT, queries.by_group(recording.RESTARTS), queries.group_legend, SILENT,
    )  # fmt: skip
    return Row("Do processes report?", (reporting(queries), restarts, failing))


def _types(queries: Queries) -> Row:
    folded = panels.series(
        "Folded by attribute",
        f"Values per minute recorded as {catalog.OTHER_TYPE}, by side and attribute. Normal is "
        "0. When it rises, a type name contains an id or a class is made at run time: fix that, "
        "or raise max_types or max_attribute_sets if all of them are real.",
        PER_MINUTE,
        queries.per_minute(
            queries.top(
                queries.by_each(recording.OVERFLOW_RATE, catalog.SIDE, catalog.ATTRIBUTE_KEY)
            )
        ),
        queries.legend(catalog.SIDE, catalog.ATTRIBUTE_KEY), SILENT,
    )  # fmt: skip
    rates = (
        ("commands", recording.COMMAND_RATE, catalog.COMMAND_TYPE, catalog.WRITE),
        ("queries", recording.QUERY_RATE, catalog.QUERY_TYPE, catalog.READ),
        ("projections", recording.PROJECTION_RATE, catalog.PROJECTION_NAME, catalog.PROJECTION),
    )
    known = Panel(
        "Names on the way",
        "Different names of commands, queries and projections that recorded series carry now. "
        "Normal is what your code base has. It is what dashboards and rules pay for: a climb "
        "without a release is a name with an id in it.",
        "timeseries", COUNT,
        tuple(
            Target(f"count({queries.by(rate_of, attribute)})", name)
            for name, rate_of, attribute, _ in rates
        ),
        SILENT, decimals=0,
        colors=tuple((name, colors.BY_SIDE[side]) for name, _, _, side in rates),
    )  # fmt: skip
    return Row("Are type names bounded?", panels.spread((folded, known)))


def _rules() -> Row:
    took, interval, last = (
        _of_rules(name)
        for name in (
            foreign.RULE_GROUP_SECONDS,
            foreign.RULE_GROUP_INTERVAL_SECONDS,
            foreign.RULE_GROUP_LAST_EVALUATION,
        )
    )
    load = Panel(
        "Evaluation time",
        "Time that evaluating each group of rules takes, as a share of its interval. Normal is a "
        "few per cent. Towards 100 % evaluations are late and then skipped: fewer types, a longer "
        "interval, or more processors.",
        "timeseries", SHARE, (Target(_by_group(f"{took} / {interval}"), f"{{{{{_GROUP}}}}}"),),
        NO_RULE_METRICS, width=6,
        thresholds=(Threshold(_BUSY, colors.WARNING), Threshold(_LATE, colors.CRITICAL)),
    )  # fmt: skip
    others = (
        panels.series(
            "Age of results",
            "Seconds since each group of rules was last evaluated. Normal is a saw tooth below the "
            "interval. A line that climbs is a group that stands still: everything recorded by it "
            "is as old as the line is high.",
            "s", _by_group(f"time() - {last}"), f"{{{{{_GROUP}}}}}", NO_RULE_METRICS,
        ),
        panels.series(
            "Failed evaluations",
            "Evaluations of rules that failed, per minute, by group. Normal is 0. Prometheus' page "
            "of rules has the message; many-to-many matches and limits on samples are the usual "
            "ones.",
            PER_MINUTE, Queries.per_minute(_by_group(_rule_rate(foreign.RULE_FAILURES))),
            f"{{{{{_GROUP}}}}}", NO_RULE_METRICS,
        ),
        panels.series(
            "Skipped evaluations",
            "Evaluations per minute that were left out because the one before was still running. "
            "Normal is 0. More means holes in recorded series and alerts that come late: see the "
            "time that evaluation takes.",
            PER_MINUTE, Queries.per_minute(_by_group(_rule_rate(foreign.RULE_GROUP_MISSED))),
            f"{{{{{_GROUP}}}}}", NO_RULE_METRICS,
        ),
    )  # fmt: skip
    return Row("Are rules evaluated?", panels.spread((load, *others)))


def _of_targets(queries: Queries, name: str) -> str:
    """A series of each target of a service that reports, or did so before it went."""
    services = queries.series(recording.INSTANCES)
    seen = f"last_over_time({services}[{queries.config.alerts.telemetry_absent.seen_within}])"
    groups = label_list(queries.config.service_labels)
    targets = copy_labels(queries.config.group_names, select(name, queries.raw_groups()))
    return f"{targets} and on ({groups}) {seen}"


def _of_rules(name: str) -> str:
    return select(name, [Matcher(foreign.RULE_GROUP, "=~", foreign.OUR_RULE_GROUPS)])


def _rule_rate(name: str) -> str:
    return rate(_of_rules(name), RATE_WINDOW)


def _by_group(expression: str) -> str:
    """By the group's own name, without the path of its file that Prometheus puts before it."""
    named = f'label_replace({expression}, "{_GROUP}", "$1", "{foreign.RULE_GROUP}", ".*;(.*)")'
    return f"max by ({_GROUP}) ({named})"
