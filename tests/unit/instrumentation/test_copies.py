"""Copies of buses, projections and telemetry record as what they are copies of."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from cqrs_telemetry import (
    CqrsTelemetry,
    InstrumentedCommandBus,
    InstrumentedProjectionHandler,
    InstrumentedQueryBus,
    catalog,
)
from cqrs_telemetry.testing import RecordedTelemetry
from waits import LIMIT


class PlaceOrder:
    """A command or query."""


class OrderPlaced:
    """An event."""


class SoldOutError(Exception):
    """A rejection."""


def handle(message: Any) -> Any:
    """A handler."""
    return [message, message]


async def handle_async(message: Any) -> Any:
    """An async one."""
    return [message]


def name_of(message: Any) -> str:
    """A hook."""
    return f"my.{type(message).__name__}"


def events_of(result: Any) -> Any:
    """Another."""
    return [OrderPlaced()] * len(result)


class Orders(InstrumentedProjectionHandler):
    """A projection."""

    def apply(self, event: Any) -> Any:
        """Keep it."""
        self.read_store.append(type(event).__name__)
        return self.read_store


def through_pickle(value: Any) -> Any:
    """What another process gets."""
    return pickle.loads(pickle.dumps(value))  # noqa: S301 - ours


COPIES: list[Callable[[Any], Any]] = [copy.copy, copy.deepcopy]


@pytest.mark.parametrize("copied", COPIES)
def test_copies_record_to_the_same_providers(copied: Callable[[Any], Any]) -> None:
    """Of buses, of projections and of telemetry itself, with their options."""
    recorded = RecordedTelemetry(message_type=name_of)
    telemetry = recorded.telemetry
    commands = InstrumentedCommandBus({PlaceOrder: handle}, telemetry=telemetry, produced=events_of)
    queries = InstrumentedQueryBus({PlaceOrder: handle}, telemetry=telemetry, result_size=len)
    orders = Orders("orders", [], telemetry=telemetry)
    for bus in (commands, copied(commands)):
        bus.dispatch(PlaceOrder())
    for query_bus in (queries, copied(queries)):
        query_bus.execute(PlaceOrder())
    another = copied(orders)
    for projection in (orders, another):
        projection.handle_event(OrderPlaced())
    with copied(telemetry).command(PlaceOrder()):
        pass
    recorded.assert_command("my.PlaceOrder", count=3)
    recorded.assert_query("my.PlaceOrder", count=2)
    recorded.assert_projected("orders", "OrderPlaced", count=2)
    assert recorded.value(catalog.EVENTS_PRODUCED) == 4
    assert recorded.value(catalog.PROJECTION_HANDLERS) == 2
    assert (another.read_store is orders.read_store) is (copied is copy.copy)
    assert copied(telemetry).command(PlaceOrder())._recorder.path is telemetry.commands.path


class Slotted(Orders):
    """A projection with a slot beside its attributes."""

    __slots__ = ("cursor",)


def test_copies_of_projections_with_slots(recorded: RecordedTelemetry) -> None:
    """Attributes and slots."""
    original = Slotted("orders", [], telemetry=recorded.telemetry)
    original.cursor = 7
    for copied in COPIES:
        other = copied(original)
        assert (other.cursor, other.projection_name) == (7, "orders")
        other.handle_event(OrderPlaced())
    recorded.assert_projected("orders", "OrderPlaced", count=2)


def test_what_a_bus_was_given_stays_in_copies(recorded: RecordedTelemetry) -> None:
    """A wrapper of the service's own around dispatch."""
    bus: Any = InstrumentedCommandBus({PlaceOrder: handle}, telemetry=recorded.telemetry)
    bus.dispatch = name_of
    assert copy.copy(bus).dispatch(PlaceOrder()) == "my.PlaceOrder"


async def test_copies_of_async_buses_are_async(recorded: RecordedTelemetry) -> None:
    """And dispatch to handlers of their own."""
    bus = InstrumentedCommandBus({PlaceOrder: handle_async}, telemetry=recorded.telemetry)
    for copied in COPIES:
        other = copied(bus)
        assert len(await other.dispatch(PlaceOrder())) == 1
    recorded.assert_command("PlaceOrder", count=2)


def record_here(
    telemetry: CqrsTelemetry,
    commands: InstrumentedCommandBus,
    queries: InstrumentedQueryBus,
    orders: Orders,
) -> tuple[list[tuple[str, dict[str, Any], Any]], Any]:
    """Everything that these record to the global provider of this process."""
    reader = InMemoryMetricReader()
    metrics.set_meter_provider(MeterProvider([reader]))
    commands.dispatch(PlaceOrder())
    queries.execute(PlaceOrder())
    applied = orders.handle_event(OrderPlaced())
    try:
        with telemetry.command("Refuse"):
            raise SoldOutError
    except SoldOutError:
        pass
    data = reader.get_metrics_data()
    assert data is not None
    found = [
        (metric.name, dict(point.attributes or {}), getattr(point, "value", None))
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    ]
    return found, applied


def test_what_another_process_gets_records_there() -> None:
    """Spawned, to its own global providers, with the options that were pickled."""
    telemetry = RecordedTelemetry(message_type=name_of, rejections=[SoldOutError]).telemetry
    parts = (
        telemetry,
        InstrumentedCommandBus({PlaceOrder: handle}, telemetry=telemetry, produced=events_of),
        InstrumentedQueryBus({PlaceOrder: handle}, telemetry=telemetry),
        Orders("orders", ["before"], telemetry=telemetry),
    )
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        found, applied = pool.submit(record_here, *parts).result(LIMIT)
    assert applied == ["before", "OrderPlaced"]

    def value(metric: catalog.Metric, **attributes: str) -> Any:
        wanted = {key.replace("_", "."): text for key, text in attributes.items()}
        return sum(
            value for name, each, value in found
            if name == metric.name and wanted.items() <= each.items()
        )  # fmt: skip

    assert value(catalog.COMMAND_TOTAL, command_type="my.PlaceOrder", command_status="success") == 1
    assert value(catalog.COMMAND_TOTAL, command_type="Refuse", command_status="rejected") == 1
    assert value(catalog.QUERY_TOTAL, query_type="my.PlaceOrder") == 1
    assert value(catalog.PROJECTION_TOTAL, projection_name="orders") == 1
    assert value(catalog.PROJECTION_HANDLERS, projection_name="orders") == 1
    assert value(catalog.EVENTS_PRODUCED, event_type="OrderPlaced") == 2


def test_pickled_again_and_again_they_share_limits() -> None:
    """A pool gets the bus with each task: names are bounded for all of them."""
    state = pickle.dumps(InstrumentedCommandBus({}, telemetry=CqrsTelemetry(max_types=2)))
    first, second = (pickle.loads(state)._recorder for _ in range(2))  # noqa: S301 - ours
    assert first is second


def test_pickled_here_they_record_here() -> None:
    """A process that pickles for itself, as some caches do."""
    telemetry = through_pickle(CqrsTelemetry(max_types=3, page_fields=["rows"]))
    assert telemetry._options["max_types"] == 3
    bus = through_pickle(InstrumentedCommandBus({"PlaceOrder": handle}))
    assert len(bus.dispatch(PlaceOrder())) == 2
    bus = through_pickle(bus)
    assert len(bus.dispatch(PlaceOrder())) == 2
