"""Every recorded series, evaluated by promtool; the expected values are computed by hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from cqrs_alerts import recording
from cqrs_alerts.config import Config
from cqrs_alerts.naming import recorded_label, series_name
from cqrs_alerts.promql import Matcher, duration_seconds, equals, select
from cqrs_alerts.recording import (
    RECORDINGS,
    ErrorRatio,
    Fact,
    Firsts,
    Instances,
    InstanceSeries,
    Level,
    Mean,
    Quantile,
    Rate,
    Recording,
    Restarts,
    Share,
)
from cqrs_telemetry import catalog

from .conftest import Evaluate, InputSeries, Service, chosen_rules

pytestmark = pytest.mark.servers

CONFIG = Config()
OTHER = Config(group_labels=("cluster", "job"), scrape_interval="15s")
GROUPS = {CONFIG: {"job": "shop"}, OTHER: {"cluster": "north", "job": "shop"}}

Expected = dict[str, float]  # labels besides the group's, as text: value

# Durations: 48 a minute take 7 ms and 12 take 30 ms, that is 0.8 and 0.2 a second.
TIMES = {7.0: 48.0, 30.0: 12.0}


def observations(own: str, bounds: tuple[float, ...], cumulative: dict[float, float]) -> Expected:
    """Bucket rates: ``cumulative`` says from which bound on which rate holds."""
    steps = sorted(cumulative.items(), reverse=True)
    rates = {
        str(bound): next((rate for start, rate in steps if bound >= start), 0.0) for bound in bounds
    }
    return {f'{own}, le="{le}"': rate for le, rate in {**rates, "+Inf": steps[0][1]}.items()}


def quantiles(own: str) -> tuple[Expected, Expected, Expected]:
    """Of TIMES: 0.8 of 1 in the bucket (5, 10], 0.2 in (25, 50]."""
    p50 = 5 + 5 * 0.5 / 0.8
    p95 = 25 + 25 * (0.95 - 0.8) / 0.2
    p99 = 25 + 25 * (0.99 - 0.8) / 0.2
    return {own: p50}, {own: p95}, {own: p99}


COMMAND = 'command_type="PlaceOrder"'
QUERY = 'query_type="FindOrders"'
PROJECTION = 'projection_name="orders"'
EVENT = f'{PROJECTION}, event_type="OrderPlaced"'
AGGREGATE = 'aggregate_type="Order"'
WAIT = f"{QUERY}, {PROJECTION}"
TIME_RATES = {10.0: 0.8, 50.0: 1.0}

EXPECTED: dict[Recording, Expected] = {
    # 54 successes, 3 rejections and 3 errors a minute.
    recording.COMMAND_RATE: {
        f'{COMMAND}, command_status="success"': 0.9,
        f'{COMMAND}, command_status="rejected"': 0.05,
        f'{COMMAND}, command_status="error"': 0.05,
    },
    recording.COMMAND_ERROR_RATE: {f'{COMMAND}, error_type="Timeout"': 0.05},
    recording.COMMAND_REJECTION_RATE: {f'{COMMAND}, error_type="SoldOut"': 0.05},
    recording.COMMAND_FIRST_ERRORS: {f'{COMMAND}, error_type="Timeout"': 0},
    recording.COMMAND_ERROR_RATIO: {COMMAND: 0.05},
    recording.COMMAND_DURATION_BUCKETS: observations(
        COMMAND, catalog.COMMAND_DURATION.bounds, TIME_RATES
    ),
    **dict(
        zip(
            (
                recording.COMMAND_DURATION_P50,
                recording.COMMAND_DURATION_P95,
                recording.COMMAND_DURATION_P99,
            ),
            quantiles(COMMAND),
            strict=True,
        )
    ),
    recording.COMMAND_ACTIVE: {COMMAND: 6},
    recording.EVENTS_PRODUCED_RATE: {f'{COMMAND}, event_type="OrderPlaced"': 1.5},
    # 45 loads a minute begin at a snapshot, 15 do not.
    recording.LOAD_RATE: {
        f'{AGGREGATE}, aggregate_snapshot="hit"': 0.75,
        f'{AGGREGATE}, aggregate_snapshot="miss"': 0.25,
    },
    recording.SNAPSHOT_HITS: {AGGREGATE: 0.75},
    # 45 replay 2 events, 15 a hundred.
    recording.LOAD_EVENTS_BUCKETS: observations(
        AGGREGATE, catalog.AGGREGATE_LOAD_EVENTS.bounds, {2.0: 0.75, 100.0: 1.0}
    ),
    recording.LOAD_EVENTS_P50: {AGGREGATE: 1 + 0.5 / 0.75},
    recording.LOAD_EVENTS_P95: {AGGREGATE: 50 + 50 * (0.95 - 0.75) / 0.25},
    recording.LOAD_EVENTS_P99: {AGGREGATE: 50 + 50 * (0.99 - 0.75) / 0.25},
    recording.LOAD_EVENTS_SUM: {AGGREGATE: (45 * 2 + 15 * 100) / 60},
    recording.LOAD_EVENTS_MEAN: {AGGREGATE: (45 * 2 + 15 * 100) / 60},
    recording.CONFLICT_RATE: {AGGREGATE: 0.2},
    recording.RETRY_RATE: {AGGREGATE: 0.15},
    # 111 successes, 3 rejections and 6 errors a minute.
    recording.QUERY_RATE: {
        f'{QUERY}, query_status="success"': 1.85,
        f'{QUERY}, query_status="rejected"': 0.05,
        f'{QUERY}, query_status="error"': 0.1,
    },
    recording.QUERY_ERROR_RATE: {f'{QUERY}, error_type="Timeout"': 0.1},
    recording.QUERY_REJECTION_RATE: {f'{QUERY}, error_type="NotFound"': 0.05},
    recording.QUERY_FIRST_ERRORS: {f'{QUERY}, error_type="Timeout"': 0},
    recording.QUERY_ERROR_RATIO: {QUERY: 0.05},
    recording.QUERY_DURATION_BUCKETS: observations(
        QUERY, catalog.QUERY_DURATION.bounds, TIME_RATES
    ),
    **dict(
        zip(
            (
                recording.QUERY_DURATION_P50,
                recording.QUERY_DURATION_P95,
                recording.QUERY_DURATION_P99,
            ),
            quantiles(QUERY),
            strict=True,
        )
    ),
    recording.QUERY_ACTIVE: {QUERY: 2},
    # 24 empty results and 36 of 20 items a minute, in the buckets 0 and (10, 25].
    recording.RESULT_SIZE_BUCKETS: observations(
        QUERY, catalog.QUERY_RESULT_SIZE.bounds, {0.0: 0.4, 25.0: 1.0}
    ),
    recording.RESULT_SIZE_P50: {QUERY: 10 + 15 * (0.5 - 0.4) / 0.6},
    recording.RESULT_SIZE_P95: {QUERY: 10 + 15 * (0.95 - 0.4) / 0.6},
    recording.RESULT_SIZE_P99: {QUERY: 10 + 15 * (0.99 - 0.4) / 0.6},
    # Of 60 waits a minute 48 take 7 ms, and 12 are given up after 30.
    recording.WAIT_RATE: {
        f'{WAIT}, wait_status="seen"': 0.8,
        f'{WAIT}, wait_status="timed_out"': 0.2,
    },
    recording.WAIT_TIMEOUTS: {WAIT: 0.2},
    recording.WAIT_BUCKETS: observations(WAIT, catalog.QUERY_WAIT.bounds, TIME_RATES),
    **dict(
        zip(
            (recording.WAIT_P50, recording.WAIT_P95, recording.WAIT_P99),
            quantiles(WAIT),
            strict=True,
        )
    ),
    # 18 applied, 9 of them again, and 3 failed a minute, of one type of event.
    recording.PROJECTION_RATE: {
        f'{EVENT}, projection_status="success", projection_phase="live"': 0.3,
        f'{EVENT}, projection_status="success", projection_phase="replay"': 0.15,
        f'{EVENT}, projection_status="error", projection_phase="live"': 0.05,
    },
    recording.PROJECTION_ERROR_RATE: {f'{EVENT}, error_type="Locked"': 0.05},
    recording.PROJECTION_ERROR_RATIO: {PROJECTION: 0.1},
    # 48 a minute 7 ms late, 12 half an hour.
    recording.PROJECTION_LAG_BUCKETS: observations(
        PROJECTION, catalog.PROJECTION_LAG.bounds, {10.0: 0.8, 3_600_000.0: 1.0}
    ),
    recording.PROJECTION_LAG_P50: {PROJECTION: 5 + 5 * 0.5 / 0.8},
    recording.PROJECTION_LAG_P95: {PROJECTION: 900_000 + 2_700_000 * (0.95 - 0.8) / 0.2},
    recording.PROJECTION_LAG_P99: {PROJECTION: 900_000 + 2_700_000 * (0.99 - 0.8) / 0.2},
    # A mean is exact: 48 of 7 ms and 12 of half an hour.
    recording.PROJECTION_LAG_SUM: {PROJECTION: (48 * 7 + 12 * 1_800_000) / 60},
    recording.PROJECTION_LAG_MEAN: {PROJECTION: (48 * 7 + 12 * 1_800_000) / 60},
    recording.PROJECTION_LIVE_RATE: {EVENT: 1.0},
    recording.PROJECTION_DURATION_BUCKETS: observations(
        PROJECTION, catalog.PROJECTION_DURATION.bounds, TIME_RATES
    ),
    **dict(
        zip(
            (
                recording.PROJECTION_DURATION_P50,
                recording.PROJECTION_DURATION_P95,
                recording.PROJECTION_DURATION_P99,
            ),
            quantiles(PROJECTION),
            strict=True,
        )
    ),
    recording.CLOCK_SKEW_RATE: {PROJECTION: 0.1},
    # Both instances see the same backlog, and each runs two handlers and a rebuild.
    recording.PENDING: {PROJECTION: 40},
    recording.STALENESS: {PROJECTION: 2000},
    recording.HANDLERS: {PROJECTION: 4},
    recording.LAST_EVENT: {
        f'{PROJECTION}, projection_status="success"': 1100,
        f'{PROJECTION}, projection_status="error"': 900,
    },
    recording.REBUILDING: {PROJECTION: 2},
    recording.REBUILD_TARGET: {PROJECTION: 8000},
    recording.REBUILD_APPLIED: {PROJECTION: 1200},
    recording.REBUILD_RATE: {PROJECTION: 1},
    recording.OVERFLOW_RATE: {'cqrs_side="write", attribute_key="command.type"': 0.2},
    recording.FAULT_RATE: {'cqrs_side="read", error_type="TypeError"': 0.3},
    recording.FIRST_FAULTS: {'cqrs_side="read", error_type="TypeError"': 0},
    recording.INSTANCES: {"": 2},
    recording.INSTANCE_SERIES: {'instance="a"': 1, 'instance="b"': 1},
    recording.RESTARTS: {"": 0},
}


def live_service(config: Config) -> InputSeries:
    """Two instances under the traffic that EXPECTED speaks of."""
    service = Service(config, GROUPS[config])
    command = {catalog.COMMAND_TYPE: "PlaceOrder"}
    query = {catalog.QUERY_TYPE: "FindOrders"}
    projection = {catalog.PROJECTION_NAME: "orders"}
    event = {**projection, catalog.EVENT_TYPE: "OrderPlaced"}
    aggregate = {catalog.AGGREGATE_TYPE: "Order"}
    status = catalog.COMMAND_STATUS
    outcomes = (
        (54, {status: catalog.SUCCESS}),
        (3, {status: catalog.REJECTED, catalog.ERROR_TYPE: "SoldOut"}),
        (3, {status: catalog.ERROR, catalog.ERROR_TYPE: "Timeout"}),
    )
    live = {**event, catalog.PROJECTION_PHASE: catalog.LIVE}
    applied = {**live, catalog.PROJECTION_STATUS: catalog.SUCCESS}
    again = {**applied, catalog.PROJECTION_PHASE: catalog.REPLAY}
    failed = {
        **live,
        catalog.PROJECTION_STATUS: catalog.ERROR,
        catalog.ERROR_TYPE: "Locked",
    }
    answered = {**query, catalog.QUERY_STATUS: catalog.SUCCESS}
    refused = {**query, catalog.QUERY_STATUS: catalog.REJECTED, catalog.ERROR_TYPE: "NotFound"}
    unanswered = {**query, catalog.QUERY_STATUS: catalog.ERROR, catalog.ERROR_TYPE: "Timeout"}
    overflow = {catalog.SIDE: catalog.WRITE, catalog.ATTRIBUTE_KEY: "command.type"}
    fault = {catalog.SIDE: catalog.READ, catalog.ERROR_TYPE: "TypeError"}
    return [
        *(
            series
            for often, outcome in outcomes
            for series in service.counter(catalog.COMMAND_TOTAL, {**command, **outcome}, often)
        ),
        *service.histogram(catalog.COMMAND_DURATION, {**command, status: catalog.SUCCESS}, TIMES),
        *service.level(catalog.COMMAND_ACTIVE, command, 3),
        *service.counter(
            catalog.EVENTS_PRODUCED, {**command, catalog.EVENT_TYPE: "OrderPlaced"}, 90
        ),
        *service.counter(catalog.QUERY_TOTAL, answered, 111),
        *service.counter(catalog.QUERY_TOTAL, refused, 3),
        *service.counter(catalog.QUERY_TOTAL, unanswered, 6),
        *service.histogram(catalog.QUERY_DURATION, answered, TIMES),
        *service.level(catalog.QUERY_ACTIVE, query, 1),
        *service.histogram(catalog.QUERY_RESULT_SIZE, query, {0.0: 24, 20.0: 36}),
        *service.counter(catalog.PROJECTION_TOTAL, applied, 18),
        *service.counter(catalog.PROJECTION_TOTAL, again, 9),
        *service.counter(catalog.PROJECTION_TOTAL, failed, 3),
        *service.histogram(catalog.PROJECTION_LAG, event, {7.0: 48, 1_800_000.0: 12}),
        *service.histogram(catalog.PROJECTION_DURATION, applied, TIMES),
        *service.counter(catalog.PROJECTION_CLOCK_SKEW, projection, 6),
        *service.level(catalog.PROJECTION_PENDING, projection, 40),
        *service.level(catalog.PROJECTION_STALENESS, projection, 2000),
        *service.level(catalog.PROJECTION_HANDLERS, projection, 2),
        *(
            series
            for status, at in ((catalog.SUCCESS, 1100), (catalog.ERROR, 900))
            for series in service.level(
                catalog.PROJECTION_LAST_EVENT, {**projection, catalog.PROJECTION_STATUS: status}, at
            )
        ),
        *service.level(catalog.PROJECTION_REBUILDING, projection, 1),
        *service.level(catalog.PROJECTION_REBUILD_TARGET, projection, 4000),
        *service.counter(catalog.PROJECTION_REBUILD_APPLIED, projection, 60),
        *(
            series
            for status, times in ((catalog.SEEN, {7.0: 48.0}), (catalog.TIMED_OUT, {30.0: 12.0}))
            for series in service.histogram(
                catalog.QUERY_WAIT, {**query, **projection, catalog.WAIT_STATUS: status}, times
            )
        ),
        *(
            series
            for how, sizes in (
                (catalog.SNAPSHOT_HIT, {2.0: 45.0}),
                (catalog.SNAPSHOT_MISS, {100.0: 15.0}),
            )
            for series in service.histogram(
                catalog.AGGREGATE_LOAD_EVENTS, {**aggregate, catalog.AGGREGATE_SNAPSHOT: how}, sizes
            )
        ),
        *service.counter(catalog.AGGREGATE_CONFLICTS, aggregate, 12),
        *service.counter(catalog.AGGREGATE_RETRIES, aggregate, 9),
        *service.counter(catalog.TELEMETRY_OVERFLOW, overflow, 12),
        *service.counter(catalog.TELEMETRY_FAULTS, fault, 18),
    ]


def answers(query: str, group: dict[str, str], expected: Expected) -> dict[str, object]:
    """A check in promtool's notation, to the third decimal; ``round`` drops the series' name."""
    outer = ", ".join(str(equals(label, value)) for label, value in group.items())
    return {
        "expr": f"round({query}, 0.001)",
        "eval_time": "20m",
        "exp_samples": [
            {"labels": f"{{{', '.join(filter(None, (outer, own)))}}}", "value": round(value, 3)}
            for own, value in expected.items()
        ],
    }


def test_every_recording_has_expected_values() -> None:
    """A new recorded series cannot go without a test of its value."""
    assert set(EXPECTED) == set(RECORDINGS)


Test = Mapping[str, object]


def documents(config: Config, series: Recording) -> list[Test]:
    """What promtool has to find of a recorded series."""
    return [document(config, series), *MORE[type(series)](config, series)]


def document(config: Config, *chosen: Recording) -> Test:
    """The values of some recorded series."""
    checks = [answers(each.name, GROUPS[config], EXPECTED[each]) for each in chosen]
    return {"input_series": live_service(config), "promql_expr_test": checks}


def ended(config: Config, series: Rate) -> list[Test]:
    """What came before the window of a rate no longer counts."""
    before = [
        {**line, "values": re.sub(r"^0\+(.*)x400$", r"0+\1x100 _x400", line["values"])}
        for line in live_service(config)
    ]
    per_minute = 60 / duration_seconds(config.scrape_interval)
    last = 100 / per_minute
    gone = {**answers(series.name, GROUPS[config], {}), "eval_time": f"{last + 6:g}m"}
    return [{"input_series": before, "promql_expr_test": [gone]}]


def uneven(config: Config, series: ErrorRatio) -> list[Test]:
    """Rates of several outcomes, of a type without errors, and of one that is idle."""
    status, kind = recorded_label(series.status), recorded_label(series.by[0])
    rates = [
        ("Some", catalog.SUCCESS, 4), ("Some", "rejected", 4), ("Some", catalog.ERROR, 2),
        ("Calm", catalog.SUCCESS, 5), ("Idle", catalog.SUCCESS, 0),
    ]  # fmt: skip
    labels = [{kind: name, status: outcome} for name, outcome, _ in rates]
    if catalog.EVENT_TYPE in series.rate.by:
        labels = [
            {**each, "event_type": event, "projection_phase": phase}
            for event, phase in (("A", catalog.LIVE), ("B", catalog.REPLAY))
            for each in labels
        ]
    inputs = [
        {
            "series": select(
                series.rate.name,
                [equals(*each) for each in {**GROUPS[config], **own}.items()],
            ),
            "values": f"{rates[number % len(rates)][2]}x400",
        }
        for number, own in enumerate(labels)
    ]
    check = answers(series.name, GROUPS[config], {f'{kind}="Some"': 0.2, f'{kind}="Calm"': 0})
    return [{"input_series": inputs, "promql_expr_test": [check]}]


def unequal(config: Config, series: Share) -> list[Test]:
    """Rates of both outcomes, of a type that never has the one, and of one that is idle."""
    chosen = recorded_label(series.attribute)
    other = next(each for each in series.attribute.values if each != series.value)
    others = [recorded_label(each) for each in series.by]

    def own(name: str) -> dict[str, str]:
        return dict.fromkeys(others, name)

    rates = [
        ("Some", series.value, 2), ("Some", other, 6), ("Calm", other, 5),
        ("Idle", series.value, 0), ("Idle", other, 0),
    ]  # fmt: skip
    inputs = [
        {
            "series": select(
                series.rate.name,
                [
                    equals(*each)
                    for each in {**GROUPS[config], **own(name), chosen: outcome}.items()
                ],
            ),
            "values": f"{value}x400",
        }
        for name, outcome, value in rates
    ]
    expected = {
        ", ".join(str(equals(*each)) for each in own(name).items()): value
        for name, value in (("Some", 0.25), ("Calm", 0.0))
    }
    check = answers(series.name, GROUPS[config], expected)
    return [{"input_series": inputs, "promql_expr_test": [check]}]


def late_and_different(config: Config, series: Fact) -> list[Test]:
    """Instances differ: all count, or the highest; one that is late by two samples does not."""
    service = Service(config, GROUPS[config])
    own = dict.fromkeys(series.by, "x")
    lines = service.counter(series.metric, own, 0, "3x400")
    lines[1] = {**lines[1], "values": "8x400"}
    labels = ", ".join(f'{recorded_label(each)}="x"' for each in series.by)
    both, one = (8, 3) if series.highest else (11, 3)
    fresh = {**answers(series.name, GROUPS[config], {labels: both}), "eval_time": "10m"}
    tests: list[Test] = [{"input_series": lines, "promql_expr_test": [fresh]}]
    # A sample counts for two intervals and a half: by a third of one more or less it is noticed.
    step = duration_seconds(config.scrape_interval) / 6
    for last, value in ((76, both), (74, one)):
        often = [{**lines[0], "values": "3x90"}, {**lines[1], "values": f"8x{last}"}]
        check = {
            **answers(series.name, GROUPS[config], {labels: value}), "eval_time": f"{90 * step:g}s"
        }  # fmt: skip
        every = f"{step * 1000:g}ms"
        tests.append({"interval": every, "input_series": often, "promql_expr_test": [check]})
    return tests


def begun_anew(config: Config, series: Restarts) -> list[Test]:
    """Each counter alone shows that both processes started anew; one type of two was at 0."""
    service = Service(config, GROUPS[config])
    per_minute = int(60 / duration_seconds(config.scrape_interval))
    tests = list[Test]()
    for metric in (series.metric, *series.others):
        side = catalog.ERROR_TYPE  # any label that tells two series of a counter apart
        lines = [
            line
            for name, values in (
                ("One", f"0+{{}}x{15 * per_minute} 0+{{}}x{45 * per_minute}"), ("Two", "0x400"),
            )
            for line in service.counter(metric, {side: name}, 60, values)
        ]  # fmt: skip
        checks = [
            {**answers(series.name, GROUPS[config], {"": restarts}), "eval_time": time}
            for time, restarts in (("14m", 0), ("18m", 2), ("22m", 0))
        ]
        tests.append({"input_series": lines, "promql_expr_test": checks})
    return tests


def newcomers(config: Config, series: Firsts) -> list[Test]:
    """What a series begins with counts for two minutes, if its process was there before it."""
    service, values = Service(config, GROUPS[config]), dict.fromkeys(series.by, "A")
    if series.of.outcome is not None:
        values[series.of.outcome.status] = series.of.outcome.value
    other = Service(config, {**GROUPS[config], "job": "another"})
    each = int(60 / duration_seconds(config.scrape_interval))

    def processes(of: Service, *minutes: int) -> InputSeries:
        own = {catalog.SIDE: catalog.WRITE, catalog.ATTRIBUTE_KEY: "command.type"}
        lines = of.counter(series.alive, own, 0)
        return [
            {**line, "values": f"_x{minute * each} 0x400"}
            for line, minute in zip(lines, minutes, strict=True)
        ]

    # At 10m one process has counted 2 and the other 3; before and after, nothing happens.
    counted = [
        {**line, "values": f"_x{10 * each} {number}x400"}
        for line, number in zip(service.counter(series.metric, values, 0), (2, 3), strict=True)
    ]
    label = ", ".join(f'{recorded_label(attribute)}="A"' for attribute in series.by)
    inputs: list[tuple[InputSeries, int]] = [
        (processes(service, 5, 5), 5),
        (processes(service, 5, 10), 2),  # the second one is new, too
        (processes(service, 10, 10) + processes(other, 0, 0), 0),
        (processes(other, 0, 0), 0),
    ]
    return [
        {
            "input_series": [*counted, *alive],
            "promql_expr_test": [
                {
                    **answers(series.name, GROUPS[config], {label: value} if seen else {}),
                    "eval_time": at,
                }
                for at, seen, value in (
                    ("9m", False, 0), ("10m", True, new), ("11m", True, new), ("12m", True, 0),
                )
            ],
        }
        for alive, new in inputs
    ]  # fmt: skip


def several_series(config: Config, series: Instances | InstanceSeries) -> list[Test]:
    """Processes with several series count once."""
    service = Service(config, GROUPS[config])
    lines = [
        line
        for key in ("command.type", "query.type")
        for line in service.counter(series.metric, {catalog.ATTRIBUTE_KEY: key}, 12)
    ]
    expected: Expected = (
        {"": 2} if isinstance(series, Instances) else {'instance="a"': 2, 'instance="b"': 2}
    )
    check = answers(series.name, GROUPS[config], expected)
    return [{"input_series": lines, "promql_expr_test": [check]}]


def nothing_more(_: Config, __: Recording) -> list[Test]:
    """Its values say it all."""
    return []


# Besides the values: what shows how each kind of series is recorded.
MORE: dict[type[Recording], Callable[[Config, Any], list[Test]]] = {
    Rate: ended,
    Firsts: newcomers,
    ErrorRatio: uneven,
    Share: unequal,
    Fact: late_and_different,
    Restarts: begun_anew,
    Instances: several_series,
    InstanceSeries: several_series,
    Level: nothing_more,
    Quantile: nothing_more,
    Mean: nothing_more,
}


@pytest.mark.parametrize("config", [CONFIG, OTHER], ids=["default", "other labels, 15s"])
def test_recorded_values(config: Config, evaluate: Evaluate) -> None:
    """Each recorded series has the value and exactly the labels that follow from its definition."""
    evaluate(config, [document(config, *EXPECTED)])


@pytest.mark.parametrize("config", [CONFIG, OTHER], ids=["default", "other labels, 15s"])
def test_how_series_are_recorded(config: Config, evaluate: Evaluate) -> None:
    """Windows end, shares are of all outcomes, and processes count once."""
    more = {series: MORE[type(series)](config, series) for series in EXPECTED}
    for kind in {type(series) for series in more}:
        chosen = {series: tests for series, tests in more.items() if type(series) is kind}
        tests = [test for each in chosen.values() for test in each]
        evaluate(config, tests, chosen_rules(config, {series.name for series in chosen}))


def test_a_wrong_value_is_noticed(evaluate: Evaluate) -> None:
    """The comparison itself works: off by one per cent is a failure."""
    right = EXPECTED[recording.QUERY_RATE]
    wrong = {labels: value * 1.01 for labels, value in right.items()}
    check = answers(recording.QUERY_RATE.name, GROUPS[CONFIG], wrong)
    with pytest.raises(AssertionError, match="exp:"):
        evaluate(CONFIG, [{"input_series": live_service(CONFIG), "promql_expr_test": [check]}])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("5x400", {f'{QUERY}, query_status="success"': 0.0}),  # alive without traffic
        ("0+{}x10 0+{}x10", {f'{QUERY}, query_status="success"': 2.0}),  # restarted at 11m
        ("0+60x16 _x2 1140+60x200", {f'{QUERY}, query_status="success"': 2.0}),  # scrapes failed
        ("0+{}x5 stale", {}),  # gone
    ],
    ids=["idle", "restart", "gap", "gone"],
)
def test_rate_through_interruptions(values: str, expected: Expected, evaluate: Evaluate) -> None:
    """A restart and failed scrapes leave the rate as it was; what is gone leaves none."""
    labels = {catalog.QUERY_TYPE: "FindOrders", catalog.QUERY_STATUS: catalog.SUCCESS}
    series = Service(CONFIG, GROUPS[CONFIG]).counter(catalog.QUERY_TOTAL, labels, 120, values)
    check = answers(recording.QUERY_RATE.name, GROUPS[CONFIG], expected)
    evaluate(CONFIG, [{"input_series": series, "promql_expr_test": [check]}])


NASTY = 'evil"}\n{x="1 \\ µ \x01\x7f {{ $value }}'


def test_selector_with_a_hostile_value(evaluate: Evaluate) -> None:
    """A value with quotes, braces and a line break selects just the series that has it."""
    config = Config(selector=(Matcher("namespace", "=", NASTY),))
    labels = {catalog.QUERY_TYPE: NASTY, catalog.QUERY_STATUS: catalog.SUCCESS}
    series = [
        line
        for namespace, often in ((NASTY, 120), ("other", 600))
        for line in Service(config, {"job": "shop", "namespace": namespace}).counter(
            catalog.QUERY_TOTAL, labels, often
        )
    ]
    name = recording.QUERY_RATE.name
    own = [equals("job", "shop"), equals("query_type", NASTY), equals("query_status", "success")]
    check = {
        "expr": name,
        "eval_time": "20m",
        "exp_samples": [{"labels": select(name, own), "value": 2}],
    }
    evaluate(config, [{"input_series": series, "promql_expr_test": [check]}])


BUCKETS = "histogram_quantile({q}, sum({rates}) by (le, {type}))"
# The contract's three questions as they were published, with names as they arrive in Prometheus,
# and the same from recorded series; two services, so that "by type" adds up something.
QUESTIONS = {
    "command throughput": (
        f"sum(rate({series_name(catalog.COMMAND_TOTAL, CONFIG.naming)}[5m])) by (command_type)",
        f"sum({recording.COMMAND_RATE.name}) by (command_type)",
        {COMMAND: 2.0},
    ),
    "query latency": (
        BUCKETS.format(
            q=0.95,
            rates=f"rate({series_name(catalog.QUERY_DURATION, CONFIG.naming, 'bucket')}[5m])",
            type="query_type",
        ),
        BUCKETS.format(q=0.95, rates=recording.QUERY_DURATION_BUCKETS.name, type="query_type"),
        EXPECTED[recording.QUERY_DURATION_P95],
    ),
    "projection lag": (
        BUCKETS.format(
            q=0.99,
            rates=f"rate({series_name(catalog.PROJECTION_LAG, CONFIG.naming, 'bucket')}[5m])",
            type="projection_name",
        ),
        BUCKETS.format(q=0.99, rates=recording.PROJECTION_LAG_BUCKETS.name, type="projection_name"),
        EXPECTED[recording.PROJECTION_LAG_P99],
    ),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_published_question(question: str, evaluate: Evaluate) -> None:
    """The published query and the one on recorded series give the same, right answer."""
    published, recorded, expected = QUESTIONS[question]
    series = [
        {**line, "series": line["series"].replace('job="shop"', f'job="{job}"')}
        for job in ("shop", "archive")
        for line in live_service(CONFIG)
    ]
    checks = [answers(query, {}, expected) for query in (published, recorded)]
    evaluate(CONFIG, [{"input_series": series, "promql_expr_test": checks}])
