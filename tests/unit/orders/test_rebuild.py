"""Rebuilds: a view that is emptied and filled again, whoever asks and whoever is interrupted."""

from __future__ import annotations

import threading

import pytest
from click.testing import CliRunner

from cqrs_telemetry import catalog
from cqrs_telemetry.testing import RecordedTelemetry
from orders import rebuild
from orders.cli import main
from orders.commands import AddProduct, PlaceOrder, RestockProduct
from orders.projection import (
    OrdersProjection,
    StockProjection,
    keep_projecting,
    open_view,
)
from orders.queries import OrderHistory, StockLevels
from orders.rebuild import Rebuild, RebuildAskedError
from waits import LIMIT, wait_for


@pytest.fixture
def order(dispatch):
    """An order over 2 of 10 pieces."""
    dispatch(AddProduct("lamp", price=1_500, quantity=10))
    order = PlaceOrder("ada", {"lamp": 2})
    dispatch(order)
    return order


@pytest.fixture
def keep(tmp_path):
    """Keeps a projection running in a thread of its own; all end with the test."""
    stop, threads = threading.Event(), []

    def start(projection):
        thread = threading.Thread(target=keep_projecting, args=(projection, tmp_path, stop))
        thread.start()
        threads.append(thread)

    yield start
    stop.set()
    for thread in threads:
        thread.join(LIMIT)
    assert not any(thread.is_alive() for thread in threads)


def spoil(tmp_path):
    """Make the stock's view wrong."""
    view = open_view(StockProjection, tmp_path)
    with view.datastore.transaction(commit=True) as cursor:
        cursor.execute("UPDATE products SET quantity = 0")
    view.datastore.close()


def wait_until_rebuilt(tmp_path):
    """Wait until no rebuild of the stock's view is asked for any more."""

    def asked():
        return rebuild.asked(tmp_path, "stock")

    wait_for("end of the rebuild", lambda: asked() is None, saw=asked)


def test_a_running_projection_rebuilds_its_view_and_goes_on(
    ask, project, dispatch, tmp_path, order, keep
):
    """What was wrong is right again, and events that come later are applied as ever."""
    project()
    spoil(tmp_path)
    keep(StockProjection)
    rebuild.ask(tmp_path, "stock")
    wait_until_rebuilt(tmp_path)
    assert ask(StockLevels())[0]["quantity"] == 8
    dispatch(RestockProduct("lamp", 5))

    def quantity():
        return ask(StockLevels())[0]["quantity"]

    wait_for("delivery in the view", lambda: quantity() == 13, saw=quantity)


def test_a_rebuild_is_told_while_it_goes_on(shop, project, tmp_path, order):
    """Its events are replayed ones; how many there will be and how many were is known meanwhile."""
    project()
    recorded, stop = RecordedTelemetry(), threading.Event()
    seen: dict[str, float] = {}

    class WatchedProjection(StockProjection):
        name = StockProjection.name  # eventsourcing names each class anew

        def __init__(self, view):
            super().__init__(view, telemetry=recorded.telemetry)

        def apply(self, event):
            seen["target"] = recorded.value(catalog.PROJECTION_REBUILD_TARGET)
            seen["under way"] = recorded.value(catalog.PROJECTION_REBUILDING)
            super().apply(event)

    rebuild.ask(tmp_path, "stock")
    thread = threading.Thread(target=keep_projecting, args=(WatchedProjection, tmp_path, stop))
    thread.start()
    wait_until_rebuilt(tmp_path)
    stop.set()
    thread.join(LIMIT)
    assert not thread.is_alive()
    assert seen == {"target": 2, "under way": 1}
    assert recorded.value(catalog.PROJECTION_REBUILDING) == 0
    assert recorded.value(catalog.PROJECTION_TOTAL, projection_phase="replay") == 2
    assert not recorded.points(catalog.PROJECTION_LAG)


def test_other_views_stay_as_they_are(ask, project, tmp_path, order, keep):
    """A rebuild is of one view."""
    project()
    before = list(ask(OrderHistory(order.order_id)))
    keep(OrdersProjection)
    keep(StockProjection)
    rebuild.ask(tmp_path, "stock")
    wait_until_rebuilt(tmp_path)
    assert list(ask(OrderHistory(order.order_id))) == before


def test_a_rebuild_of_nothing_is_done_at_once(shop, tmp_path, keep):
    """Where no event has happened there is nothing to replay."""
    rebuild.ask(tmp_path, "stock")
    keep(StockProjection)
    wait_until_rebuilt(tmp_path)


def test_a_rebuild_that_was_interrupted_goes_on(shop, project, tmp_path, order):
    """The view is emptied once; who begins again finds what is left, up to where it was begun."""
    project()
    rebuild.ask(tmp_path, "stock")
    view = open_view(StockProjection, tmp_path)
    head = shop.recorder.max_notification_id()
    assert rebuild.begin(tmp_path, "stock", view, Rebuild(), head) == Rebuild(until=head)
    assert view.max_tracking_id(shop.name) is None
    project()
    begun = rebuild.asked(tmp_path, "stock")
    assert rebuild.begin(tmp_path, "stock", view, begun, head + 7) == Rebuild(until=head)
    assert view.max_tracking_id(shop.name) is not None
    view.datastore.close()


def test_a_second_request_is_refused(tmp_path):
    """Who asks again is told that it is under way."""
    rebuild.ask(tmp_path, "stock", pace=50)
    assert rebuild.asked(tmp_path, "stock") == Rebuild(pace=50)
    with pytest.raises(RebuildAskedError, match="stock is under way already"):
        rebuild.ask(tmp_path, "stock")
    rebuild.ask(tmp_path, "orders")


def test_events_are_counted_between_positions_by_topic(shop, order, monkeypatch):
    """The first position is left out, the last one counts; pages do not show."""
    monkeypatch.setattr("orders.rebuild.COUNTED_AT_ONCE", 1)
    head = shop.recorder.max_notification_id()
    count = rebuild.count_events
    assert count(shop.recorder, StockProjection.topics, None, head) == 2
    assert count(shop.recorder, StockProjection.topics, 1, head) == 1
    assert count(shop.recorder, OrdersProjection.topics, None, head) == 1
    assert count(shop.recorder, OrdersProjection.topics, None, 1) == 0


def test_the_command_asks_and_names_what_is_wrong(tmp_path):
    """A view that is not there, a folder that is not there, and a second request are errors."""

    def call(*arguments):
        return CliRunner().invoke(main, ["rebuild", *arguments])

    done = call("stock", f"--data={tmp_path}", "--pace=20")
    assert done.exit_code == 0, done.output
    assert rebuild.asked(tmp_path, "stock") == Rebuild(pace=20)
    assert "is under way already" in call("stock", f"--data={tmp_path}").output
    assert "'sales' is none of orders, stock" in call("sales", f"--data={tmp_path}").output
    assert "--data" in call("orders", f"--data={tmp_path / 'nowhere'}").output
