"""What the service tells of its views, its aggregates and its waits."""

from __future__ import annotations

import pytest

from cqrs_telemetry import catalog
from cqrs_telemetry.testing import RecordedTelemetry
from orders.application import Shop
from orders.commands import AddProduct, PlaceOrder, RestockProduct
from orders.domain import Product
from orders.http_api import REJECTIONS, build_buses
from orders.projection import OrdersProjection
from orders.queries import GetOrder
from orders.watching import watched_views


@pytest.fixture
def recorded():
    """Where all telemetry goes."""
    return RecordedTelemetry(rejections=REJECTIONS)


@pytest.fixture
def buses(shop, read_model, recorded):
    """The service's buses."""
    return build_buses(shop, read_model, recorded.telemetry)


def pending(recorded):
    """Events that wait, by projection; a view that is unknown is missing."""
    points = recorded.points(catalog.PROJECTION_PENDING)
    return {point.attributes[catalog.PROJECTION_NAME.key]: point.value for point in points}


@pytest.fixture
def look(shop, read_model, recorded):
    """What waits now: a watch that begins asks at once, not only when the last answer is old."""

    def watch():
        with watched_views(shop, read_model, recorded.telemetry):
            return pending(recorded)

    return watch


def test_the_service_tells_what_waits_for_each_view(look, recorded, buses, project):
    """Before a projection has ever run, all that it follows waits; afterwards nothing."""
    buses.commands.dispatch(AddProduct("lamp", price=1_500, quantity=10))
    buses.commands.dispatch(PlaceOrder("ada", {"lamp": 2}))
    assert look() == {"orders": 1, "stock": 2}
    project()
    assert look() == {"orders": 0, "stock": 0}
    for _ in range(9):  # events of products, of which the list of orders never hears
        buses.commands.dispatch(RestockProduct("lamp", 1))
    assert look() == {"orders": 0, "stock": 9}
    assert pending(recorded) == {}


def test_loads_of_aggregates_are_told(recorded, buses):
    """What a product's history costs is recorded under its type, and so is its first snapshot."""
    buses.commands.dispatch(AddProduct("lamp", price=1_500, quantity=10))
    interval = Shop.snapshotting_intervals[Product]
    for _ in range(interval + 1):
        buses.commands.dispatch(RestockProduct("lamp", 1))
    loads = {
        point.attributes[catalog.AGGREGATE_SNAPSHOT.key]: point.count
        for point in recorded.points(catalog.AGGREGATE_LOAD_EVENTS)
    }
    assert loads[catalog.SNAPSHOT_HIT] >= 1
    assert sum(loads.values()) == interval + 1 + 1  # whoever takes the snapshot loads, too


def test_waits_for_ones_own_write_are_told(buses, recorded, project, monkeypatch):
    """A query that waits says how it ended, by query and projection."""
    monkeypatch.setattr("orders.queries.WAIT_LIMIT", 0.05)
    buses.commands.dispatch(AddProduct("lamp", price=1_500, quantity=10))
    project()
    order = PlaceOrder("ada", {"lamp": 2})
    position = buses.commands.dispatch(order).position
    assert buses.queries.execute(GetOrder(order.order_id, after=position)) is None
    project()
    assert buses.queries.execute(GetOrder(order.order_id, after=position)) is not None
    waits = {
        point.attributes[catalog.WAIT_STATUS.key]: point.attributes
        for point in recorded.points(catalog.QUERY_WAIT)
    }
    assert waits.keys() == {catalog.SEEN, catalog.TIMED_OUT}
    assert waits[catalog.SEEN][catalog.QUERY_TYPE.key] == GetOrder.__name__
    assert waits[catalog.SEEN][catalog.PROJECTION_NAME.key] == OrdersProjection.name
