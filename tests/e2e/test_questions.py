"""The contract's three questions, on live data, against what the load says it did.

Raw counters must equal the tally exactly. Recorded rates are per second over 5 m; the load ran
entirely inside that window, so rate x 300 s is the increase, but for what Prometheus extrapolates:
at most one scrape interval at the end (https://prometheus.io/docs/prometheus/latest/querying/
functions/#rate), which is why they are compared within a few per cent.
"""

from __future__ import annotations

import re
import sqlite3
from bisect import bisect_left
from collections import Counter
from contextlib import closing

import pytest

from cqrs_alerts import promql, recording
from cqrs_alerts.config import Config
from cqrs_alerts.label_names import LE
from cqrs_alerts.naming import label_name, series_name
from cqrs_alerts.windows import RATE_WINDOW
from cqrs_telemetry import catalog
from orders.load.tally import quantile
from orders.projection import PROJECTIONS, StockProjection
from orders.queries import BusiestOrders, GetOrder, OrderHistory
from orders.read_model import view_path

pytestmark = pytest.mark.healthy

CONFIG = Config()
WINDOW_SECONDS = 300  # RATE_WINDOW
COMMAND_TYPE = label_name(catalog.COMMAND_TYPE, CONFIG.naming)
COMMAND_STATUS = label_name(catalog.COMMAND_STATUS, CONFIG.naming)
QUERY_TYPE = label_name(catalog.QUERY_TYPE, CONFIG.naming)
EVENT_TYPE = label_name(catalog.EVENT_TYPE, CONFIG.naming)
PROJECTION_NAME = label_name(catalog.PROJECTION_NAME, CONFIG.naming)
NAMES = {projection.name for projection in PROJECTIONS}
REBUILT = StockProjection.name


def raw(metric, part=""):
    """A metric's name in this Prometheus."""
    return series_name(metric, CONFIG.naming, part)


def totals(outcomes):
    """Number of answers by message type, whatever their outcome."""
    return {name: sum(counts.values()) for name, counts in outcomes.items()}


def bucket(value, bounds):
    """Index of the histogram bucket that a value falls into."""
    return bisect_left(bounds, value)


def seeds_quantile(q, metric, label):
    """The contract's own query: quantile over the rate of raw buckets."""
    rate = promql.rate(raw(metric, "bucket"), RATE_WINDOW)
    return promql.quantile(q, promql.sum_by([LE, label], rate))


def counted_quantile(demo, q, metric, label):
    """The same quantile over all observations: of the counters themselves, without a rate."""
    counted = promql.sum_by([LE, label], raw(metric, "bucket"))
    return demo.query_by(label, promql.quantile(q, counted))


def assert_as_counted(demo, rated, q, metric, label):
    """Assert that quantiles over rates differ from those over all no more than rates must.

    The counters of a type begin with its first scrape. What that found, ``rate`` knows nothing of,
    or extrapolates a part of it. So with the share s of all observations in the first scrape, the
    quantile over rates lies between the quantiles q (1 - s) and q + s over all.
    """
    counter = raw(metric, "count")
    total = demo.query_by(label, promql.sum_by([label], counter))
    first = demo.query_by(label, promql.sum_by([label], f"min_over_time({counter}[1h])"))
    for name, value in rated.items():
        share = first[name] / total[name]
        low = counted_quantile(demo, q * (1 - share), metric, label)[name]
        high = counted_quantile(demo, min(1, q + share), metric, label)[name]
        assert low * 0.999 <= value <= high * 1.001, f"{name}: {share:.0%} were in its first scrape"


def test_the_window_is_longer_than_the_load(tally):
    """The comparisons below hold while the whole run lies inside the rate window."""
    assert RATE_WINDOW == "5m"
    assert tally["written"]["wall"] - tally["started"]["wall"] < WINDOW_SECONDS - 60


def test_commands_are_counted_exactly(demo, tally):
    """The command counter says of each type and outcome what the load was answered."""
    counted = {
        (metric[COMMAND_TYPE], metric[COMMAND_STATUS]): value
        for metric, value in demo.query(
            promql.sum_by([COMMAND_TYPE, COMMAND_STATUS], raw(catalog.COMMAND_TOTAL)) + " > 0"
        )
    }
    assert counted == {
        (name, outcome): count
        for name, counts in tally["commands"].items()
        for outcome, count in counts.items()
    }


def test_rejections_and_conflicts_are_told_apart(demo, tally):
    """The error type says why a command was rejected; the load provoked several reasons."""
    error_type = label_name(catalog.ERROR_TYPE, CONFIG.naming)
    failed = promql.select(raw(catalog.COMMAND_TOTAL), [promql.differs(error_type, "")])
    counted = {
        (metric[COMMAND_TYPE], metric[error_type]): value
        for metric, value in demo.query(promql.sum_by([COMMAND_TYPE, error_type], failed))
    }
    expected = {
        (name, error): count
        for name, counts in tally["errors"].items()
        for error, count in counts.items()
    }
    assert counted == expected
    reasons = {error for _, error in expected}
    assert {"OutOfStockError", "WrongStatusError", "IntegrityError"} <= reasons


def test_queries_are_counted_exactly(demo, tally):
    """The query counter says of each type how many the load asked."""
    expression = promql.sum_by([QUERY_TYPE], raw(catalog.QUERY_TOTAL))
    assert demo.query_by(QUERY_TYPE, expression) == totals(tally["queries"])


def test_events_are_counted_exactly(demo, tally):
    """The events counter says of each event type how many the answers named."""
    named = Counter()
    for events in tally["events"].values():
        named.update(events)
    expression = promql.sum_by([EVENT_TYPE], raw(catalog.EVENTS_PRODUCED))
    assert demo.query_by(EVENT_TYPE, expression) == named


def test_write_side_command_throughput(demo, tally):
    """Question 1, recorded and verbatim: command throughput by type, within a few per cent."""
    expected = totals(tally["commands"])
    verbatim = promql.sum_by([COMMAND_TYPE], promql.rate(raw(catalog.COMMAND_TOTAL), RATE_WINDOW))
    recorded = promql.sum_by([COMMAND_TYPE], recording.COMMAND_RATE.name)
    for expression in (verbatim, recorded):
        rates = demo.query_by(COMMAND_TYPE, expression)
        increases = {name: rate * WINDOW_SECONDS for name, rate in rates.items()}
        # abs: a series that starts above 0 (a first rejection) loses what came before its scrape.
        assert increases == pytest.approx(expected, rel=0.06, abs=3)


def test_read_side_p95(demo, tally):
    """Question 2, recorded, verbatim and counted: p95 by query type lies in the true one's bucket.

    The service tells in each answer how long its bus took; the p95 of those is the true one. The
    header is measured around the bus, so a value at the edge may fall into the next bucket. What
    the load sees includes HTTP and can only be more.
    """
    bounds = catalog.QUERY_DURATION.bounds
    counted = counted_quantile(demo, 0.95, catalog.QUERY_DURATION, QUERY_TYPE)
    recorded = demo.query_by(QUERY_TYPE, recording.QUERY_DURATION_P95.name)
    verbatim = demo.query_by(QUERY_TYPE, seeds_quantile(0.95, catalog.QUERY_DURATION, QUERY_TYPE))
    assert recorded.keys() == tally["queries"].keys()
    assert recorded == pytest.approx(verbatim, rel=0.05)
    assert_as_counted(demo, recorded, 0.95, catalog.QUERY_DURATION, QUERY_TYPE)
    timed = tally["server_ms"].keys() & recorded.keys()
    assert len(timed) >= 5  # all but the streamed one, whose headers precede its work
    for name in timed:
        true, seen = tally["server_ms"][name]["p95"], tally["client_ms"][name]["p95"]
        distance = bucket(true, bounds) - bucket(counted[name], bounds)
        assert distance in (0, 1), f"{name}: counted {counted[name]}, true {true}"
        assert bucket(seen, bounds) >= bucket(counted[name], bounds)


def test_the_slow_query_is_the_slowest(demo):
    """The query that is slow by its SQL stands out; the median does not mind a busy machine.

    One waits for its caller's own write, and one lasts as long as its reader takes: left out.
    """
    median = demo.query_by(QUERY_TYPE, recording.QUERY_DURATION_P50.name)
    computed = median.keys() - {GetOrder.__name__, OrderHistory.__name__}
    assert max(computed, key=median.__getitem__) == BusiestOrders.__name__


def test_projection_lag_p99(demo, tally):
    """Question 3, recorded, verbatim and counted: p99 lag by projection, against the stores.

    The views hold when each event happened and, by SQLite's clock, when it was applied. The metric
    ends after the commit, a little later, so it may fall into the next bucket. A view that the demo
    has rebuilt holds the times of the replay instead, which is of no event's lag.
    """
    bounds = catalog.PROJECTION_LAG.bounds
    recorded = demo.query_by(PROJECTION_NAME, recording.PROJECTION_LAG_P99.name)
    verbatim = demo.query_by(
        PROJECTION_NAME, seeds_quantile(0.99, catalog.PROJECTION_LAG, PROJECTION_NAME)
    )
    assert recorded == pytest.approx(verbatim, rel=0.05)
    assert recorded.keys() == {projection.name for projection in PROJECTIONS}
    assert_as_counted(demo, recorded, 0.99, catalog.PROJECTION_LAG, PROJECTION_NAME)
    counted = counted_quantile(demo, 0.99, catalog.PROJECTION_LAG, PROJECTION_NAME)
    for name in recorded.keys() - {REBUILT}:
        p99 = counted[name]
        with closing(sqlite3.connect(view_path(demo.data, name))) as view:
            lags = [
                1_000 * lag
                for (lag,) in view.execute("SELECT projected_at - occurred_at FROM history")
            ]
        true = quantile(lags, 0.99)
        assert bucket(p99, bounds) - bucket(true, bounds) in (0, 1), f"{name}: {p99}, true {true}"


def test_every_event_is_projected_and_counted(demo, tally):
    """Stores and counters agree: each event was applied by one projection, once."""
    stored = _count(demo.data / "events.sqlite", "stored_events")
    applied = {name: _count(view_path(demo.data, name), "history") for name in NAMES}
    produced = sum(map(sum, map(dict.values, tally["events"].values())))
    assert stored == sum(applied.values()) == produced
    for name in NAMES - {REBUILT}:
        assert _handled(demo, name) == {catalog.LIVE: applied[name]}


def test_what_is_replayed_is_told_from_what_is_new(demo, tally):
    """The demo rebuilds a view: of each phase there are as many events as the projection says."""
    log = (demo.data / "logs/projection.log").read_text()
    (replayed,) = map(int, re.findall(rf"{REBUILT} is rebuilt; events replayed: (\d+)", log))
    applied = _count(view_path(demo.data, REBUILT), "history")
    handled = _handled(demo, REBUILT)
    assert handled[catalog.REPLAY] == replayed > 0
    # Live ones are all that came after it, and of those before it what had been applied by then.
    assert applied - replayed < handled[catalog.LIVE] <= applied
    count = raw(catalog.PROJECTION_LAG, "count")
    lags = demo.query_by(PROJECTION_NAME, promql.sum_by([PROJECTION_NAME], count))
    assert lags[REBUILT] == handled[catalog.LIVE]


def _count(path, table):
    with closing(sqlite3.connect(path)) as store:
        ((count,),) = store.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 - a name of ours
    return count


def _handled(demo, projection):
    """Events that a projection has handled, by phase."""
    phase = label_name(catalog.PROJECTION_PHASE, CONFIG.naming)
    events = promql.select(
        raw(catalog.PROJECTION_TOTAL), [promql.equals(PROJECTION_NAME, projection)]
    )
    return demo.query_by(phase, promql.sum_by([phase], events) + " > 0")
