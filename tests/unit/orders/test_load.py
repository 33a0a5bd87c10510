"""The load: a plan that its seed determines, and an honest tally."""

from __future__ import annotations

import json
from collections import Counter
from itertools import islice

from cqrs_telemetry import catalog
from orders.load.journeys import plan
from orders.load.tally import Tally, quantile


def test_one_seed_means_one_plan():
    """The same seed sends the same messages in the same order; another seed sends others."""
    assert list(islice(plan(7), 2_000)) == list(islice(plan(7), 2_000))
    assert list(islice(plan(7), 2_000)) != list(islice(plan(8), 2_000))


def test_the_plan_uses_every_command_and_query():
    """All message types occur, and some messages are sent at the same time."""
    from typing import get_args

    from orders.commands import Command
    from orders.queries import Query

    steps = list(islice(plan(7), 5_000))
    seen = Counter(type(message) for step in steps for message in step)
    assert set(seen) == {*get_args(Command), *get_args(Query)}
    assert any(len(step) > 1 for step in steps)


def test_answers_do_not_grow_with_the_shop():
    """However many orders there are, no query of the plan gets more than so many of them."""
    from cqrs_alerts.config import Config
    from orders.queries import Query

    alert = Config().alerts.query_results_huge
    messages = (message for step in islice(plan(7), 5_000) for message in step)
    limits = {getattr(each, "limit", 0) for each in messages if isinstance(each, Query)}
    assert max(limits) <= alert.above_items


def test_quantiles_are_values_that_occurred():
    """The quantile is the nearest rank, as a histogram's bucket is found."""
    values = list(range(1, 101))
    assert (quantile(values, 0.5), quantile(values, 0.95), quantile(values, 1)) == (50, 95, 100)
    assert quantile([3.0], 0.99) == 3.0


def test_the_tally_counts_and_replaces_its_file(tmp_path):
    """The file holds every count, and no unfinished file stays beside it."""
    tally = Tally("http://shop", seed=7, rate=40)
    tally.answer("commands", "PlaceOrder", catalog.SUCCESS)
    tally.answer("commands", "PlaceOrder", catalog.REJECTED, "OutOfStockError")
    tally.produced("PlaceOrder", ["OrderPlaced", "StockReserved"])
    tally.answer("queries", "ListOrders", catalog.SUCCESS)
    tally.took("ListOrders", 3.0, 1.5)
    tally.no_answer("GetOrder", "ConnectError")
    path = tmp_path / "tally.json"
    tally.write(path, finished=False)
    tally.write(path, finished=True)
    written = json.loads(path.read_text())
    assert written["finished"]
    assert written["commands"] == {"PlaceOrder": {"rejected": 1, "success": 1}}
    assert written["queries"] == {"ListOrders": {"success": 1}}
    assert written["errors"] == {"PlaceOrder": {"OutOfStockError": 1}}
    assert written["events"] == {"PlaceOrder": {"OrderPlaced": 1, "StockReserved": 1}}
    assert written["unanswered"] == {"GetOrder": {"ConnectError": 1}}
    assert written["client_ms"]["ListOrders"]["p95"] == 3.0
    assert written["server_ms"]["ListOrders"]["count"] == 1
    assert written["started"]["monotonic"] <= written["written"]["monotonic"]
    assert [p.name for p in tmp_path.iterdir()] == ["tally.json"]
