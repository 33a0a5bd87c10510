"""The faults on purpose: each known where it belongs, each breaking what it says."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import click
import httpx
import pytest
from eventsourcing.persistence import PersistenceError
from opentelemetry import metrics

from cqrs_alerts.alerting import ALERTS
from cqrs_telemetry import CqrsTelemetry, catalog
from cqrs_telemetry.prometheus import serve_metrics
from cqrs_telemetry.testing import RecordedTelemetry
from orders.application import PollingSubscription, Shop
from orders.commands import AddProduct, ConfirmOrder, PlaceOrder, RestockProduct, ShipOrder
from orders.demo.surroundings import SURROUNDING_FAULTS
from orders.domain import Product, TracedEvent
from orders.faults.fault import START
from orders.faults.load import CUSTOMERS, PAUSE, Company
from orders.faults.projection import POLLING_PAUSE, projection_faults
from orders.faults.registry import FAULTS, UnknownFaultError, fault_named
from orders.faults.service import HUGE, REPORTS_AT_ONCE, PaymentError, service_faults
from orders.faults.switch import arm
from orders.http_api import REJECTIONS, build_buses
from orders.projection import PROJECTIONS
from orders.queries import BusiestOrders, ListOrders, OrderHistory, StockLevels
from orders.read_model import NotProjectedError
from orders.watching import ViewPosition, watched_views
from waits import wait_for

README = Path(__file__).parents[3] / "examples" / "orders" / "README.md"


@pytest.fixture
def recorded():
    """What telemetry records of the shop."""
    return RecordedTelemetry(rejections=REJECTIONS)


@pytest.fixture
def buses(shop, read_model, recorded):
    """The shop's buses, with a product for sale."""
    buses = build_buses(shop, read_model, recorded.telemetry)
    buses.commands.dispatch(AddProduct("lamp", 5, 1_000))
    return buses


@pytest.fixture
def begin(shop, read_model, buses):
    """Begins a fault of the service."""
    return lambda name: service_faults(shop, read_model, buses)[name]()


@pytest.fixture
def place(buses):
    """Places an order and returns its id."""

    def place_order(customer="ada"):
        command = PlaceOrder(customer, {"lamp": 1})
        buses.commands.dispatch(command)
        return command.order_id

    return place_order


def test_an_unknown_fault_is_refused_with_the_known_ones():
    """A fault that would be ignored is an error; none, or an empty name, is no fault."""
    assert fault_named(None) is None
    assert fault_named("") is None
    with pytest.raises(UnknownFaultError, match=r"called 'gremlins'; known: handler-errors, .*"):
        fault_named("gremlins")


def test_each_process_knows_the_faults_that_are_its_own(shop, read_model, buses, tmp_path):
    """What the registry says begins inside a process is what that process can begin."""
    known = {
        "service": service_faults(shop, read_model, buses).keys(),
        "projection": projection_faults(tmp_path).keys(),
        "load": Company().faults.keys(),
    }
    armed = {
        part: {fault.name for fault in FAULTS.values() if fault.armed and fault.part == part}
        for part in known
    }
    assert armed == known


def test_the_demo_begins_the_faults_that_no_signal_does():
    """What the registry says has no signal is what the demo can begin."""
    assert {name for name, fault in FAULTS.items() if fault.signal is None} == set(
        SURROUNDING_FAULTS
    )


def test_every_alert_has_a_fault_that_fires_it():
    """What no fault fires, nobody has seen firing on a real service."""
    fired = {alert.name for fault in FAULTS.values() for alert in fault.alerts}
    assert fired == {alert.name for alert in ALERTS}


def test_every_fault_is_in_the_readme_with_its_alerts():
    """The table in the README is the registry's."""
    rows = [
        f"| `{fault.name}` | {fault.does} | {', '.join(alert.name for alert in fault.alerts)} |"
        f" {fault.why} | {fault.state.name} |"
        for fault in FAULTS.values()
    ]
    _, _, table = README.read_text().partition("| fault |")
    assert table.splitlines()[2:] == rows


def test_every_fault_has_an_alert_unless_nothing_is_wrong():
    """A fault that nobody is told of would be a gap; that nobody is told of these is the point."""
    harmless = {fault.name for fault in FAULTS.values() if not fault.alerts}
    assert harmless == {"stock-only", "rebuild"}


def test_a_fault_begins_with_the_signal(monkeypatch):
    """Until the signal comes nothing is broken; a name that is not the process's is refused."""
    begun = []
    handler = signal.getsignal(START)
    try:
        arm("leak", {"leak": lambda: begun.append("leak")})
        assert begun == []
        os.kill(os.getpid(), START)
        assert begun == ["leak"]
    finally:
        signal.signal(START, handler)
    arm(None, {})
    with pytest.raises(click.BadParameter, match="'crash' is none of leak"):
        arm("crash", {"leak": lambda: None})


def test_handler_errors_are_errors(begin, buses, place, recorded):
    """One type of command fails, others do not."""
    order_id = place()
    begin("handler-errors")
    with pytest.raises(PaymentError):
        buses.commands.dispatch(ShipOrder(order_id))
    recorded.assert_command("ShipOrder", "error")
    buses.commands.dispatch(ConfirmOrder(order_id))


def test_query_errors_are_errors(begin, buses, place, project, recorded):
    """One type of query fails, others do not."""
    project()
    begin("query-errors")
    with pytest.raises(PaymentError):
        buses.queries.execute(ListOrders())
    recorded.assert_query("ListOrders", "error")
    assert buses.queries.execute(StockLevels())


def test_reports_that_hang_are_few(begin, buses, project, recorded):
    """Three of them are in flight and end never; the next is refused, and others are answered."""
    project()
    begin("query-hangs")
    for _ in range(REPORTS_AT_ONCE):
        threading.Thread(target=buses.queries.execute, args=[BusiestOrders()], daemon=True).start()

    def active():
        return recorded.value(catalog.QUERY_ACTIVE, query_type="BusiestOrders")

    wait_for("reports in flight", lambda: active() >= REPORTS_AT_ONCE, saw=active)
    with pytest.raises(NotProjectedError):
        buses.queries.execute(BusiestOrders())
    assert buses.queries.execute(StockLevels())
    assert recorded.value(catalog.QUERY_TOTAL, query_type="BusiestOrders") == 0


def test_lost_events_are_stored_and_not_counted(begin, buses, place, project, recorded):
    """The order is there; of what led to it nothing is recorded but that the command succeeded."""
    begin("lost-events")
    before = recorded.value(catalog.EVENTS_PRODUCED)
    place()
    project()
    assert len(buses.queries.execute(ListOrders())) == 1
    recorded.assert_command("PlaceOrder", "success")
    assert recorded.value(catalog.EVENTS_PRODUCED) == before


def test_answers_that_cannot_be_looked_into_are_faults_of_telemetry(
    begin, buses, project, recorded
):
    """Rows arrive as before; that nobody could tell what they are is counted."""
    project()
    begin("telemetry-faults")
    assert [row["sku"] for row in iter(buses.queries.execute(StockLevels()))] == ["lamp"]
    assert recorded.value(catalog.TELEMETRY_FAULTS, error_type="RuntimeError") == 1


def test_a_service_that_stops_reporting_has_an_empty_page(begin, shop, read_model, monkeypatch):
    """The page of metrics is served, and nothing is on it; the buses go on."""
    with serve_metrics(0, set_global=False) as server:
        build_buses(shop, read_model, CqrsTelemetry(meter_provider=server.meter_provider))
        monkeypatch.setattr(metrics, "get_meter_provider", lambda: server.meter_provider)
        page = f"http://127.0.0.1:{server.port}/metrics"
        assert "cqrs_telemetry" in httpx.get(page).text
        begin("telemetry-lost")
        assert httpx.get(page).text == ""


@pytest.mark.parametrize(
    ("fault", "delay", "message"),
    [("slow-handler", "HANDLER_DELAY", ShipOrder), ("slow-query", "QUERY_DELAY", ListOrders)],
)
def test_slow_handlers_answer_all_the_same(
    begin, buses, place, project, monkeypatch, fault, delay, message
):
    """A slow handler waits, then does its work."""
    waited = []
    monkeypatch.setattr(f"orders.faults.service.{delay}", 0.25)
    monkeypatch.setattr("orders.faults.service.time.sleep", waited.append)
    order_id = place()
    buses.commands.dispatch(ConfirmOrder(order_id))
    project()
    begin(fault)
    if message is ShipOrder:
        buses.commands.dispatch(ShipOrder(order_id))
    else:
        assert len(buses.queries.execute(ListOrders())) == 1
    assert waited == [0.25]


def test_huge_results_are_many_times_the_orders(begin, buses, place, project, recorded):
    """The lost condition joins each order with each."""
    for _ in range(5):
        place()
    project()
    begin("huge-results")
    assert len(buses.queries.execute(ListOrders(limit=2))) == 25
    assert HUGE > 25


def test_unread_snapshots_are_replayed_in_full(begin, buses, recorded):
    """A product with a snapshot is made of all its events, and the command succeeds."""
    deliveries = 2 * Shop.snapshotting_intervals[Product]
    for _ in range(deliveries):
        buses.commands.dispatch(RestockProduct("lamp", 1))
    replayed = replayed_by(buses, recorded)
    assert replayed < Shop.snapshotting_intervals[Product]
    begin("snapshots-unread")
    assert replayed_by(buses, recorded) > deliveries


def replayed_by(buses, recorded):
    """Events that one more delivery replays."""

    def total():
        return recorded.value(catalog.AGGREGATE_LOAD_EVENTS, aggregate_type="Product")

    before = total()
    buses.commands.dispatch(RestockProduct("lamp", 1))
    return total() - before


def test_a_probe_without_access_fails_and_queries_do_not(
    begin, shop, read_model, buses, place, project, recorded, monkeypatch
):
    """Nobody knows the backlog any more; who waits for a view still sees its position."""
    monkeypatch.setattr(ViewPosition, "max_tracking_id", ViewPosition.max_tracking_id)
    place()
    project()
    for begun in (False, True):
        with watched_views(shop, read_model, recorded.telemetry):
            assert bool(recorded.points(catalog.PROJECTION_PENDING)) is not begun
        if not begun:
            begin("probe-fails")
    faults = recorded.value(catalog.TELEMETRY_FAULTS, error_type="PermissionError")
    assert faults == len(PROJECTIONS)
    assert read_model.position("orders")


def test_slow_polling_waits_between_any_two_looks(tmp_path, monkeypatch):
    """The first pause is as long as the longest."""
    for pause in ("SHORTEST_PAUSE", "LONGEST_PAUSE"):
        monkeypatch.setattr(PollingSubscription, pause, getattr(PollingSubscription, pause))
    projection_faults(tmp_path)["slow-polling"]()
    assert PollingSubscription.SHORTEST_PAUSE == PollingSubscription.LONGEST_PAUSE == POLLING_PAUSE


def test_a_poison_event_stops_its_projection_alone(begin, place, project, recorded):
    """The event is stored like any other; the rows cannot be written."""
    place()
    project()
    begin("poison-event")
    with pytest.raises(PersistenceError):
        project(recorded.telemetry)
    labels = {"projection_name": "orders", "projection_status": "error"}
    assert recorded.value(catalog.PROJECTION_TOTAL, **labels) == 1


def test_a_skewed_clock_dates_events_ahead(begin, place, project, recorded, monkeypatch):
    """Events bear a time in the future, which the projection counts."""
    monkeypatch.setattr(TracedEvent, "create_timestamp", TracedEvent.create_timestamp)
    begin("clock-skew")
    place()
    project(recorded.telemetry)
    assert recorded.value(catalog.PROJECTION_CLOCK_SKEW, projection_name="orders") == 1


def test_unknown_types_have_no_handler(begin, buses, place, recorded):
    """A command and a query that were handled are so no more."""
    order_id = place()
    begin("unknown-type")
    for handle, message in (
        (buses.commands.dispatch, ShipOrder(order_id)),
        (buses.queries.execute, OrderHistory(order_id)),
    ):
        with pytest.raises(ValueError, match=r"[Nn]o handler"):
            handle(message)
    recorded.assert_command("ShipOrder", "error")
    recorded.assert_query("OrderHistory", "error")


def test_exploding_type_names_are_answered_as_before(begin, buses, project, recorded):
    """Each query gets a type of its own, and its answer."""
    project()
    begin("type-name-explosion")
    for _ in range(3):
        assert [row["sku"] for row in buses.queries.execute(StockLevels())] == ["lamp"]
    for name in ("StockLevels1", "StockLevels2", "StockLevels3"):
        recorded.assert_query(name, "success")


def test_storms_come_with_each_step_once_they_begin():
    """Nothing is sent beside the plan before; then orders for too much, or racing ones."""
    company, step = Company(), (StockLevels(),)
    assert company(step) == step
    company.faults["rejections-storm"]()
    assert [len(company(step)) for _ in range(3)] == [2, 2, 2]
    company.faults["conflict-storm"]()
    (_, *offers) = company(step)
    assert [company(step) for _ in range(PAUSE)] == [step] * PAUSE
    (_, *rush) = company(step)
    assert len(rush) == CUSTOMERS
    assert {tuple(order.lines) for order in rush} == {tuple(offer.sku for offer in offers)}
    assert len({order.order_id for order in rush}) == CUSTOMERS


def test_stock_only_leaves_the_orders_alone():
    """Each command becomes a delivery; queries stay."""
    company = Company()
    company.faults["stock-only"]()
    (delivery, query) = company((PlaceOrder("ada", {"lamp": 1}), StockLevels()))
    assert isinstance(delivery, RestockProduct)
    assert query == StockLevels()
