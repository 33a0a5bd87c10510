"""Why a metric is missing, on a real server: a namespace for each situation."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric as Family

from cqrs_alerts.config import Config
from cqrs_alerts.live.causes import Cause
from cqrs_alerts.live.metric_diagnosis import MetricExaminer
from cqrs_alerts.live.prometheus import Prometheus
from cqrs_alerts.naming import series_name, stored_parts
from cqrs_alerts.promql import duration_seconds, equals
from cqrs_alerts.recording import ALIVE
from cqrs_alerts.windows import RATE_WINDOW
from cqrs_telemetry import catalog
from cqrs_telemetry.catalog import Metric

from .conftest import running_prometheus, serving

if TYPE_CHECKING:
    from .conftest import Server

pytestmark = pytest.mark.servers

BEFORE, NOW, GROWS, ZERO = "before", "now", "grows", "zero"
NAMING = Config().naming
REPORTS = (ALIVE, NOW)
COMMANDS = ((catalog.COMMAND_TOTAL, BEFORE), (catalog.COMMAND_TOTAL, GROWS))
EVENTS = ((catalog.EVENTS_PRODUCED, BEFORE), (catalog.EVENTS_PRODUCED, GROWS))
HANDLERS = ((catalog.PROJECTION_HANDLERS, BEFORE), (catalog.PROJECTION_HANDLERS, NOW))

Series = tuple[Metric, str]
# What each namespace reports; a metric that is missing there, the cause, and words of the reason.
SITUATIONS: dict[str, tuple[tuple[Series, ...], Metric, Cause, str]] = {
    "no query yet": (
        (REPORTS, *COMMANDS), catalog.QUERY_ACTIVE, Cause.NOT_INSTRUMENTED, "no query was exec",
    ),
    "no wait either": (
        (REPORTS, *COMMANDS), catalog.QUERY_WAIT, Cause.NOT_INSTRUMENTED, "no query was executed",
    ),
    "commands since a moment": (
        (REPORTS, (catalog.COMMAND_TOTAL, GROWS)), catalog.QUERY_TOTAL, Cause.NO_TRAFFIC, "no qu",
    ),
    "a query that is not answered yet": (
        (REPORTS, *COMMANDS, (catalog.QUERY_ACTIVE, NOW)),
        catalog.QUERY_TOTAL, Cause.NO_TRAFFIC, "no query was executed yet",
    ),
    "no events for long": (
        (
            REPORTS, (catalog.EVENTS_PRODUCED, BEFORE), (catalog.EVENTS_PRODUCED, NOW), *HANDLERS,
        ),
        catalog.PROJECTION_TOTAL, Cause.NO_TRAFFIC, "no event was applied yet",
    ),
    "projection since a moment": (
        (REPORTS, *EVENTS, (catalog.PROJECTION_HANDLERS, NOW)),
        catalog.PROJECTION_TOTAL, Cause.NO_TRAFFIC, "no event was applied yet",
    ),
    "projection that gets no events": (
        (REPORTS, *EVENTS, *HANDLERS),
        catalog.PROJECTION_LAG, Cause.NOT_APPLIED, "projections are running, but no event was ap",
    ),
    "projection that has ended": (
        (REPORTS, *EVENTS, (catalog.PROJECTION_HANDLERS, ZERO)),
        catalog.PROJECTION_LAG, Cause.NOT_APPLIED, "no projection is running",
    ),
    "projection without instrumentation": (
        (REPORTS, *EVENTS), catalog.PROJECTION_LAG, Cause.NOT_INSTRUMENTED, "no event was applied",
    ),
    "probe without an age": (
        (REPORTS, (catalog.PROJECTION_PENDING, NOW)),
        catalog.PROJECTION_STALENESS, Cause.NOT_IN_USE, "does not return the age",
    ),
    "probe that fails": (
        (REPORTS, (catalog.PROJECTION_PENDING, BEFORE)),
        catalog.PROJECTION_PENDING, Cause.STALE, "last reported",
    ),
    "no watch": ((REPORTS,), catalog.PROJECTION_PENDING, Cause.NOT_IN_USE, "no process watches"),
    "rebuild of unknown length": (
        (REPORTS, (catalog.PROJECTION_REBUILD_APPLIED, NOW)),
        catalog.PROJECTION_REBUILD_TARGET, Cause.NOT_IN_USE, "not given its number of events",
    ),
    "rebuild that has ended": (
        (REPORTS, (catalog.PROJECTION_REBUILDING, BEFORE)),
        catalog.PROJECTION_REBUILDING, Cause.NOT_IN_USE, "no rebuild is under way",
    ),
    "restarted and not used since": (
        (REPORTS, (catalog.QUERY_TOTAL, BEFORE)),
        catalog.QUERY_TOTAL, Cause.NO_TRAFFIC, "no query was executed yet",
    ),
    "gone": (((catalog.QUERY_TOTAL, BEFORE),), catalog.QUERY_TOTAL, Cause.STALE, "last reported"),
    "nothing": ((), catalog.QUERY_TOTAL, Cause.SELECTOR_EXCLUDES, 'none with ns="nothing"'),
}  # fmt: skip


class Page:
    """The series of all situations; some samples are of before a rate's window."""

    def collect(self) -> Iterator[Family]:
        """All of them, at the present time."""
        now = time.time()
        families: dict[str, Family] = {}
        for namespace, (reported, *_) in SITUATIONS.items():
            for metric, when in reported:
                name = series_name(metric, NAMING)
                family = families.setdefault(name, Family(name, "", "unknown"))
                family.add_sample(
                    name,
                    {"ns": namespace, "sample": when},
                    {GROWS: now, ZERO: 0}.get(when, 1),
                    now - duration_seconds(RATE_WINDOW) - 30 if when == BEFORE else None,
                )
        yield from families.values()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that has a rate of each counter."""
    registry = CollectorRegistry()
    registry.register(Page())
    folder = tmp_path_factory.mktemp("silence")
    with serving(registry) as port, running_prometheus(folder, {}, [port]) as server:
        for metric in (catalog.COMMAND_TOTAL, catalog.EVENTS_PRODUCED):
            name = series_name(metric, NAMING)
            server.wait_for(f"rate({name}[{RATE_WINDOW}]) > 0", f"{name} offset {RATE_WINDOW}")
        yield server


@pytest.mark.parametrize("namespace", SITUATIONS)
def test_why_a_metric_is_missing(server: Server, namespace: str) -> None:
    """Idle, unused, gone and never instrumented are told apart."""
    _, metric, cause, words = SITUATIONS[namespace]
    config = Config(group_labels=("ns",), selector=(equals("ns", namespace),))
    name = series_name(metric, NAMING, stored_parts(metric, config.histograms)[0])
    with Prometheus(server.url) as prometheus:
        found = MetricExaminer(prometheus, config).diagnose_raw(metric, name)
    assert (found.cause, words in found.why) == (cause, True), found


def test_series_of_other_services_are_no_fault(server: Server) -> None:
    """A service that the selector leaves out is watched; this one does not have to be."""
    config = Config(group_labels=("ns",), selector=(equals("ns", "no watch"),))
    pending = series_name(catalog.PROJECTION_PENDING, NAMING)
    server.wait_for(pending)
    with Prometheus(server.url) as prometheus:
        found = MetricExaminer(prometheus, config).diagnose_raw(catalog.PROJECTION_PENDING, pending)
    assert found.cause is Cause.NOT_IN_USE
