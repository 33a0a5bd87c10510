"""Projections: rows and position change together, across stops and starts."""

from __future__ import annotations

import pytest
from eventsourcing.persistence import IntegrityError, Tracking

from orders.commands import AddProduct, CancelOrder, ConfirmOrder, PlaceOrder, RestockProduct
from orders.projection import (
    OrdersProjection,
    StockProjection,
    keep_projecting,
    open_view,
    run_projection,
)
from orders.queries import (
    BusiestOrders,
    GetOrder,
    ListOrders,
    OrderHistory,
    SearchOrders,
    StockLevels,
)
from orders.read_model import NotProjectedError
from waits import LIMIT, wait_for


@pytest.fixture
def order(dispatch):
    """A confirmed order over 2 of 10 pieces."""
    dispatch(AddProduct("lamp", price=1_500, quantity=10))
    order = PlaceOrder("ada", {"lamp": 2})
    dispatch(order)
    dispatch(ConfirmOrder(order.order_id))
    return order


def test_queries_see_what_was_projected(ask, project, order):
    """Every query answers from the read tables."""
    project()
    found = ask(GetOrder(order.order_id))
    assert (found.status, found.total, found.lines) == ("confirmed", 3_000, {"lamp": 2})
    assert [row["order_id"] for row in ask(ListOrders())] == [str(order.order_id)]
    assert ask(ListOrders(offset=1)) == []
    assert [row["customer"] for row in ask(SearchOrders("ad"))] == ["ada"]
    assert ask(SearchOrders("bob")) == []
    assert ask(StockLevels()) == [{"sku": "lamp", "price": 1_500, "quantity": 8}]
    assert ask(BusiestOrders()) == [{"order_id": str(order.order_id), "neighbours": 1}]


def test_a_search_looks_at_the_latest_orders_only(ask, project, dispatch, order, monkeypatch):
    """It takes as long with a million orders as with so many."""
    dispatch(PlaceOrder("bob", {"lamp": 1}))
    project()
    monkeypatch.setattr("orders.queries.SEARCHED", 1)
    assert [row["customer"] for row in ask(SearchOrders("b"))] == ["bob"]
    assert ask(SearchOrders("ada")) == []


def test_a_query_waits_for_the_callers_own_write(ask, dispatch, project, order, monkeypatch):
    """The position of a command is waited for, for a while; then the answer is what is there."""
    project()
    late = PlaceOrder("bob", {"lamp": 1})
    position = dispatch(late).position
    monkeypatch.setattr("orders.queries.WAIT_LIMIT", 0.05)
    assert ask(GetOrder(late.order_id, after=position)) is None
    monkeypatch.setattr("orders.queries.WAIT_LIMIT", 60)
    monkeypatch.setattr("cqrs_telemetry.waiting.time.sleep", lambda _: project())
    assert ask(GetOrder(late.order_id, after=position)).customer == "bob"


def test_history_is_streamed_in_order(ask, project, order):
    """The history is an iterator over an order's events, oldest first, each with both times."""
    project()
    history = ask(OrderHistory(order.order_id))
    assert not hasattr(history, "__len__")
    rows = list(history)
    assert [row["event"] for row in rows] == ["OrderPlaced", "OrderConfirmed"]
    assert all(row["projected_at"] >= row["occurred_at"] - 0.001 for row in rows)


def test_nothing_is_visible_before_its_projection_ran(ask, order):
    """Without read tables the answer is an error that says how to get them."""
    with pytest.raises(NotProjectedError, match="start `orders project --data"):
        ask(ListOrders())


def test_a_second_run_applies_what_is_new(ask, project, dispatch, order):
    """A projection that starts again goes on after the last position, applying nothing twice."""
    project()
    dispatch(CancelOrder(order.order_id))
    project()
    project()
    assert ask(StockLevels())[0]["quantity"] == 10
    assert [row["event"] for row in ask(OrderHistory(order.order_id))] == [
        "OrderPlaced",
        "OrderConfirmed",
        "OrderCancelled",
    ]


def test_an_event_delivered_twice_changes_nothing(ask, project, shop, tmp_path, order):
    """The position refuses an event that was applied, and takes the row changes back with it."""
    project()
    (first,) = shop.recorder.select_notifications(1, 1, topics=StockProjection.topics)
    view = open_view(StockProjection, tmp_path)
    with pytest.raises(IntegrityError):
        StockProjection(view).process_event(
            shop.mapper.to_domain_event(first), Tracking(shop.name, first.id)
        )
    view.datastore.close()
    assert ask(StockLevels())[0]["quantity"] == 8


def test_a_failing_statement_keeps_the_position(shop, tmp_path, order):
    """When the rows cannot change, the position stays too, so that nothing is skipped."""
    view = open_view(OrdersProjection, tmp_path)
    (placed,) = shop.recorder.select_notifications(1, 1, topics=OrdersProjection.topics)
    tracking = Tracking(shop.name, placed.id)
    with pytest.raises(Exception, match="no such table"):
        view.record(tracking, shop.mapper.to_domain_event(placed), [("DELETE FROM nowhere", {})])
    assert view.max_tracking_id(shop.name) is None
    view.datastore.close()


def test_the_runner_follows_new_events_until_it_is_left(ask, shop, dispatch, tmp_path, order):
    """The library's runner, over our polling subscription, sees old events and those to come."""
    view = open_view(StockProjection, tmp_path)
    with run_projection(StockProjection(view), tmp_path) as runner:
        runner.wait(shop.recorder.max_notification_id() - 1, timeout=LIMIT)
        dispatch(RestockProduct("lamp", 5))
        runner.wait(shop.recorder.max_notification_id(), timeout=LIMIT)
        assert ask(StockLevels())[0]["quantity"] == 13
    view.datastore.close()


def test_an_event_that_cannot_be_applied_ends_the_runner(shop, dispatch, tmp_path, order):
    """A poison event is raised on leaving the runner, and its position is not passed."""
    view = open_view(StockProjection, tmp_path)
    with view.datastore.transaction(commit=True) as cursor:
        cursor.execute("INSERT INTO products VALUES ('other', 'lamp', 1, 1)")  # breaks UNIQUE
    with pytest.raises(IntegrityError), run_projection(StockProjection(view), tmp_path) as runner:
        assert runner.is_interrupted.wait(LIMIT)
    assert view.max_tracking_id(shop.name) is None
    view.datastore.close()


def test_a_projection_that_fails_is_tried_again(shop, tmp_path, order, monkeypatch):
    """What it could not apply is applied as soon as that is possible; stopping ends the trying."""
    import threading

    monkeypatch.setattr("orders.projection.RETRY_PAUSE", 0.01)
    view = open_view(StockProjection, tmp_path)
    with view.datastore.transaction(commit=True) as cursor:
        cursor.execute("INSERT INTO products VALUES ('other', 'lamp', 1, 1)")  # breaks UNIQUE
    failures = []
    monkeypatch.setattr("orders.projection.click.echo", lambda text, err: failures.append(text))
    stop = threading.Event()
    thread = threading.Thread(target=keep_projecting, args=(StockProjection, tmp_path, stop))
    thread.start()
    wait_for("second failure", lambda: len(failures) > 1, saw=lambda: failures)
    assert "stock failed, will try again: IntegrityError" in failures[0]
    with view.datastore.transaction(commit=True) as cursor:
        cursor.execute("DELETE FROM products WHERE product_id = 'other'")
    wait_for("position of the view", lambda: view.max_tracking_id(shop.name) is not None)
    stop.set()
    thread.join(LIMIT)
    assert not thread.is_alive()
    view.datastore.close()


def test_a_subscription_stops_while_it_waits(shop):
    """Stopping from another thread ends an iteration that waits for events."""
    import threading

    subscription = shop.recorder.subscribe()
    threading.Timer(0.05, subscription.stop).start()
    assert list(subscription) == []
