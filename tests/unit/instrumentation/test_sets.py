"""Attribute sets are limited per metric before the SDK's own limit drops names."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import urllib.request
from collections import Counter
from contextlib import suppress
from operator import attrgetter
from time import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.metrics import MeterProvider, ObservableCounter
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client.parser import text_string_to_metric_families

from cqrs_telemetry import (
    Backlog,
    CqrsTelemetry,
    InstrumentedCommandBus,
    InstrumentedProjectionHandler,
    catalog,
)
from cqrs_telemetry._ends import Ends
from cqrs_telemetry._sets import FEWEST_SETS, MOST_SETS, AttributeSets
from cqrs_telemetry.prometheus import serve_metrics
from cqrs_telemetry.testing import RecordedTelemetry
from waits import LIMIT

OTHER = catalog.OTHER_TYPE
PROJECTION_METRICS = [
    catalog.PROJECTION_TOTAL,
    catalog.PROJECTION_DURATION,
    catalog.PROJECTION_LAG,
    catalog.PROJECTION_LAST_EVENT,
    catalog.PROJECTION_HANDLERS,
    catalog.PROJECTION_CLOCK_SKEW,
]


class Event:
    """Of now."""

    def __init__(self, timestamp: float) -> None:
        self.timestamp = timestamp


def events(count: int) -> list[type]:
    """Classes of events."""
    return [type(f"Event{number}", (Event,), {}) for number in range(count)]


def apply(recorded: RecordedTelemetry, projection: str, event: type) -> None:
    """Apply an event of now."""
    with recorded.telemetry.projection(projection, event(time())):
        pass


def fail(telemetry: CqrsTelemetry, command: str, error: str) -> None:
    """Handle a command that fails with an exception of that name."""
    with pytest.raises(LookupError), telemetry.command(command):
        raise type(error, (LookupError,), {})


def scrape(port: int) -> str:
    """What Prometheus would get."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=LIMIT) as response:
        text: str = response.read().decode()
    return text


def sums(recorded: RecordedTelemetry, metric: catalog.Metric, key: str) -> dict[Any, float]:
    """Values by one attribute; of no point that the SDK has made of many."""
    found: dict[Any, float] = {}
    for point in recorded.points(metric):
        assert "otel.metric.overflow" not in point.attributes
        value = point.attributes.get(key)
        found[value] = found.get(value, 0) + point.value
    return found


def test_thirty_projections_of_a_hundred_event_types_all_stay_visible() -> None:
    """What the SDK would drop: every projection keeps its series, and the sums are exact."""
    recorded = RecordedTelemetry()
    kinds = events(100)
    for number in range(30):
        for event in kinds:
            apply(recorded, f"projection{number}", event)
    names = {f"projection{number}" for number in range(30)}
    for metric in PROJECTION_METRICS:
        assert len(recorded.points(metric)) < MOST_SETS
        assert sums(recorded, metric, "projection.name").keys() == names
    total = sums(recorded, catalog.PROJECTION_TOTAL, "projection.name")
    assert total == dict.fromkeys(names, 100)
    by_event = sums(recorded, catalog.PROJECTION_TOTAL, "event.type")
    assert 0 < by_event[OTHER] < 3000
    for metric in (catalog.PROJECTION_DURATION, catalog.PROJECTION_LAG):
        assert sum(recorded.count(metric, projection_name=name) for name in names) == 3000
    folded = recorded.value(catalog.TELEMETRY_OVERFLOW, attribute_key="event.type")
    assert folded == by_event[OTHER]


def test_error_types_fold_before_command_types() -> None:
    """Each command keeps its name and its failures; only their classes can no longer be told."""
    recorded = RecordedTelemetry()
    for command in range(40):
        for error in range(40):
            fail(recorded.telemetry, f"Command{command}", f"Error{error}")
    assert len(recorded.points(catalog.COMMAND_TOTAL)) < MOST_SETS
    failed = sums(recorded, catalog.COMMAND_TOTAL, "command.type")
    assert failed == {f"Command{number}": 40 for number in range(40)}
    by_error = sums(recorded, catalog.COMMAND_TOTAL, "error.type")
    assert 0 < by_error[OTHER] < 1600
    assert sum(by_error.values()) == 1600
    assert (
        sums(recorded, catalog.TELEMETRY_OVERFLOW, "attribute.key")["error.type"]
        == (by_error[OTHER])
    )


def test_events_of_many_commands_fold_by_event_type() -> None:
    """What commands produce is bounded as well, and each event counts once."""
    recorded = RecordedTelemetry()
    kinds = [event(0.0) for event in events(60)]
    bus = InstrumentedCommandBus(
        {f"Command{number}": lambda _: kinds for number in range(60)}, telemetry=recorded.telemetry
    )
    for number in range(60):
        bus.dispatch(type(f"Command{number}", (), {})())
    by_command = sums(recorded, catalog.EVENTS_PRODUCED, "command.type")
    assert by_command == {f"Command{number}": 60 for number in range(60)}
    folded = sums(recorded, catalog.EVENTS_PRODUCED, "event.type")[OTHER]
    assert folded > 0
    assert recorded.value(catalog.TELEMETRY_OVERFLOW, attribute_key="event.type") == folded


def test_waits_fold_by_query_type() -> None:
    """A wait tells of its projection longer than of its query, and its overflow is counted."""
    recorded = RecordedTelemetry(max_attribute_sets=2 * FEWEST_SETS)
    for query in range(12):
        for projection in range(12):
            recorded.telemetry.wait_until_seen(f"Q{query}", f"p{projection}", lambda: True)
    points = recorded.points(catalog.QUERY_WAIT)
    assert {p.attributes["projection.name"] for p in points} == {f"p{n}" for n in range(12)}
    assert sum(p.count for p in points) == 144
    folded = recorded.count(catalog.QUERY_WAIT, query_type=OTHER)
    assert recorded.value(catalog.TELEMETRY_OVERFLOW, attribute_key="query.type") == folded > 0


def test_the_overflow_is_logged_once_with_the_remedy(caplog: pytest.LogCaptureFixture) -> None:
    """The line names the metric, the limit, the attribute and what to raise."""
    recorded = RecordedTelemetry(max_attribute_sets=FEWEST_SETS)
    with caplog.at_level(logging.WARNING, "cqrs_telemetry"):
        for number in range(100):
            fail(recorded.telemetry, "Import", f"Error{number}")
    (record,) = caplog.records
    assert record.getMessage() == (
        "cqrs.command.total has too many attribute sets for its limit of 100: further values of "
        "error.type are recorded as '_other'; if all are real, raise max_attribute_sets and with "
        "it the cardinality limit of the SDK's metric reader"
    )


def test_a_lower_limit_holds_under_a_lower_limit_of_the_sdk() -> None:
    """A reader with 150 sets per instrument gets no more of any metric."""
    reader = InMemoryMetricReader(cardinality_limits={ObservableCounter: 150})
    provider = MeterProvider([reader], shutdown_on_exit=False)
    for _ in range(2):  # share the limit
        telemetry = CqrsTelemetry(meter_provider=provider, max_attribute_sets=150)
        for number in range(120):
            with telemetry.command(f"Command{number}"):
                pass
    data: Any = reader.get_metrics_data()
    points = [
        point
        for scope in data.resource_metrics[0].scope_metrics
        for metric in scope.metrics
        if metric.name == catalog.COMMAND_TOTAL.name
        for point in metric.data.data_points
    ]
    assert len(points) <= 150
    assert sum(point.value for point in points) == 240
    assert all(catalog.COMMAND_TYPE.key in point.attributes for point in points)


def test_a_raised_limit_reaches_the_sdk_of_serve_metrics() -> None:
    """A large service keeps all of its types with one number."""
    with serve_metrics(0, set_global=False, max_attribute_sets=6_000) as server:
        telemetry = CqrsTelemetry(meter_provider=server.meter_provider, max_types=2_500)
        for number in range(2_100):
            with telemetry.query(f"Query{number}"):
                pass
        text = scrape(server.port)
    counts = {
        sample.labels["query_type"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "cqrs_query_total" and sample.labels["query_status"] == "success"
    }
    assert counts == {f"Query{number}": 1 for number in range(2_100)}


@pytest.mark.parametrize("limit", [-1, 0, FEWEST_SETS - 1])
def test_a_limit_without_room_to_fold_is_refused(limit: int) -> None:
    """Where it is given."""
    with pytest.raises(ValueError, match=f"max_attribute_sets must be at least 100, not {limit}"):
        CqrsTelemetry(max_attribute_sets=limit)
    with pytest.raises(ValueError, match="max_attribute_sets must be at least 100"):
        serve_metrics(0, set_global=False, max_attribute_sets=limit)


def test_sums_are_exact_when_threads_fold_at_once() -> None:
    """Nothing is lost at the limit, whoever comes first."""
    recorded = RecordedTelemetry(max_attribute_sets=FEWEST_SETS)
    start = threading.Barrier(8)

    def work() -> None:
        start.wait(LIMIT)
        for number in range(150):
            with recorded.telemetry.command(f"Command{number}") as operation:
                operation.reject(f"Reason{number}")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    assert recorded.value(catalog.COMMAND_TOTAL) == 8 * 150
    assert len(recorded.points(catalog.COMMAND_TOTAL)) <= FEWEST_SETS


def outcomes(recorded: RecordedTelemetry, metric: catalog.Metric) -> Counter[Any]:
    """How many operations a metric has of each set, whatever the error's type."""
    found: Counter[Any] = Counter()
    for point in recorded.points(metric):
        attributes = {k: v for k, v in point.attributes.items() if k != "error.type"}
        amount = point.count if metric.kind == "histogram" else point.value
        found[frozenset(attributes.items())] += int(amount)
    return +found


@pytest.mark.parametrize("own", [False, True])
def test_a_type_fails_under_the_name_that_it_succeeds_under(own: bool) -> None:
    """Its ratio of errors stays right at the limit, and so do total and duration."""
    options = {"attributes": {"tenant": attrgetter("tenant")}} if own else {}
    recorded = RecordedTelemetry(**options, max_attribute_sets=4 * FEWEST_SETS)
    kinds = [type(f"Event{number}", (), {"tenant": f"t{number % 7}"}) for number in range(30)]
    for failing in (False, True):
        for projection in range(10):
            for kind in kinds:
                handled = recorded.telemetry.projection(f"projection{projection}", kind())
                with suppress(LookupError), handled:
                    if failing:
                        raise type(f"Error{projection}", (LookupError,), {})
    total = outcomes(recorded, catalog.PROJECTION_TOTAL)
    assert total == outcomes(recorded, catalog.PROJECTION_DURATION)
    for attributes, count in total.items():
        both = [dict(attributes) | {"projection.status": s} for s in ("success", "error")]
        assert [total[frozenset(each.items())] for each in both] == [count, count]
    assert len(recorded.points(catalog.PROJECTION_TOTAL)) <= 4 * FEWEST_SETS


def test_each_value_that_folds_is_counted_once() -> None:
    """A batch is no operation, and a handler that is declared has handled nothing."""
    recorded = RecordedTelemetry(max_types=1, max_attribute_sets=FEWEST_SETS)
    for _ in range(3):
        bus = InstrumentedCommandBus({"A": repr, "B": repr}, telemetry=recorded.telemetry)
    assert recorded.value(catalog.TELEMETRY_OVERFLOW) == 0
    bus.dispatch(type("B", (), {})())
    assert recorded.value(catalog.TELEMETRY_OVERFLOW, attribute_key="command.type") == 1
    kind, folded = events(2)
    handler = InstrumentedProjectionHandler("orders", {}, telemetry=recorded.telemetry)
    handler.apply = lambda event: None  # type: ignore[method-assign]
    handler.handle_events([kind(time()), folded(time())])
    handler.handle_events([folded(time())])
    assert recorded.value(catalog.TELEMETRY_OVERFLOW, attribute_key="event.type") == 2


def test_watches_past_the_limit_are_absent() -> None:
    """Of two backlogs under one name neither would be right."""
    recorded = RecordedTelemetry(max_types=1)
    for number in range(3):
        recorded.telemetry.watch_projection(f"p{number}", lambda: Backlog(7))
    points = recorded.points(catalog.PROJECTION_PENDING)
    assert [point.attributes["projection.name"] for point in points] == ["p0"]
    assert recorded.value(catalog.TELEMETRY_OVERFLOW, attribute_key="projection.name") == 2


EARLIER = """
import urllib.request
from cqrs_telemetry import CqrsTelemetry
from cqrs_telemetry.prometheus import serve_metrics

earlier = CqrsTelemetry()
with serve_metrics(0, max_attribute_sets=100) as server:
    for number in range(100):
        with earlier.command("Import") as operation:
            operation.reject(f"Reason{number}")
    url = f"http://127.0.0.1:{server.port}/metrics"
    print(urllib.request.urlopen(url).read().decode())
"""


def test_the_limit_of_serve_metrics_holds_for_earlier_telemetry() -> None:
    """Telemetry on the unset global provider records to the one that serves, and folds."""
    result = subprocess.run(
        [sys.executable, "-c", EARLIER], capture_output=True, text=True, check=True, timeout=LIMIT
    )
    rejected = {
        sample.labels["error_type"]: sample.value
        for family in text_string_to_metric_families(result.stdout)
        for sample in family.samples
        if sample.name == "cqrs_command_total" and sample.labels["command_status"] == "rejected"
    }
    assert 1 < len(rejected) < 100
    assert sum(rejected.values()) == 100
    assert rejected[OTHER] > 1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 30)] * 3), max_size=300))
def test_the_least_useful_attribute_folds_first(values: list[tuple[int, int, int]]) -> None:
    """In any order of arrival: error.type, then event.type, then projection.name."""
    sets = AttributeSets(catalog.PROJECTION_TOTAL, Ends())
    sets.limit = FEWEST_SETS
    keys = ["error.type", "event.type", "projection.name"]
    seen: dict[frozenset[Any], Any] = {}
    for each in values:
        attributes = {"cqrs.side": "projection", **dict(zip(keys, map(str, each), strict=True))}
        folded, last = sets.fold(attributes)
        others = [key for key in keys if folded.get(key, OTHER) == OTHER]
        assert others == keys[: len(others)] == last
        assert {**attributes, **folded} == {**attributes, **dict.fromkeys(others, OTHER)} or (
            others == keys[:1] and folded == {k: v for k, v in attributes.items() if k != keys[0]}
        )
        key = frozenset(attributes.items())
        if not others or seen.get(key) == folded:
            seen[key] = folded
        assert len(sets._known) <= FEWEST_SETS
    for attributes_items, folded in seen.items():
        assert sets.fold(dict(attributes_items))[0] == folded
