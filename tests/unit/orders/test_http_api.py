"""What the service answers over HTTP, and what telemetry makes of it."""

from __future__ import annotations

import asyncio
import json
from functools import partialmethod
from uuid import uuid4

import httpx
import pytest
from eventsourcing.persistence import IntegrityError
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from cqrs_telemetry import CqrsTelemetry, catalog
from cqrs_telemetry.testing import RecordedTelemetry
from orders.http_api import REJECTIONS, build_app, build_buses


@pytest.fixture
def recorded():
    """What telemetry records of the service."""
    return RecordedTelemetry(rejections=REJECTIONS)


class Client:
    """Asks an ASGI application without a server."""

    def __init__(self, app) -> None:
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=False)

    def request(self, method: str, path: str, **options) -> httpx.Response:
        """Send a request and return the whole answer."""
        return asyncio.run(self._request(method, path, **options))

    async def _request(self, method: str, path: str, **options) -> httpx.Response:
        async with httpx.AsyncClient(transport=self._transport, base_url="http://shop") as client:
            return await client.request(method, path, **options)

    get = partialmethod(request, "GET")
    post = partialmethod(request, "POST")


@pytest.fixture
def client(shop, read_model, recorded):
    """A client of the service."""
    return Client(build_app(build_buses(shop, read_model, recorded.telemetry)))


def add_lamp(client):
    """Put 10 lamps into the shop."""
    return client.post("/commands/AddProduct", json={"sku": "lamp", "price": 5, "quantity": 10})


def place(client, **fields):
    """Order one lamp, or something else."""
    return client.post(
        "/commands/PlaceOrder", json={"customer": "a", "lines": {"lamp": 1}, **fields}
    )


def test_a_command_answers_with_its_events(client, recorded):
    """Success is 200 with the aggregate and the classes of the events."""
    order_id = str(uuid4())
    add_lamp(client)
    answer = place(client, order_id=order_id)
    assert answer.status_code == 200
    assert answer.json() == {
        "aggregate_id": order_id,
        "events": ["Order.OrderPlaced", "Product.StockReserved"],
        "position": 2,
    }
    recorded.assert_command("PlaceOrder", "success")
    assert recorded.value(catalog.EVENTS_PRODUCED, event_type="Product.StockReserved") == 1


def test_answers_say_how_long_the_bus_took(client):
    """The Server-Timing header carries the time without HTTP."""
    assert add_lamp(client).headers["Server-Timing"].startswith("bus;dur=")


@pytest.mark.parametrize(
    ("name", "fields", "status", "error_type", "words"),
    [
        ("PlaceOrder", {"customer": "a", "lines": {"lamp": 99}}, 422, "OutOfStockError", "99 of"),
        ("AddProduct", {"sku": "lamp", "price": 1, "quantity": 1}, 422, "ProductExistsError", ""),
        ("ShipOrder", {"order_id": str(uuid4())}, 404, "NotFoundError", "no order"),
    ],
)
def test_rejections_are_client_errors_that_name_themselves(
    client, recorded, name, fields, status, error_type, words
):
    """The domain's no is a 4xx with the class of the error and a message for people."""
    add_lamp(client)
    answer = client.post(f"/commands/{name}", json=fields)
    assert (answer.status_code, answer.json()["error"]["type"]) == (status, error_type)
    assert words in answer.json()["error"]["message"]
    recorded.assert_command(name, "rejected")


def test_a_conflict_is_a_409(client, recorded):
    """Losing against another writer is 409, with eventsourcing's own error type."""
    add_lamp(client)
    order_id = str(uuid4())
    place(client, order_id=order_id)
    answer = place(client, order_id=order_id)
    assert (answer.status_code, answer.json()["error"]["type"]) == (409, IntegrityError.__name__)
    conflicts = {"command_status": "rejected", "error_type": IntegrityError.__name__}
    assert recorded.value(catalog.COMMAND_TOTAL, command_type="PlaceOrder", **conflicts) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"customer": "", "lines": {"lamp": 1}}, "customer"),
        ({"customer": "a", "lines": {"lamp": 0}}, "lines.lamp"),
        ({"customer": "a", "lines": {'evil"}\n{x="1': 1}}, 'lines.evil"}\n{x="1.[key]'),
        ({"customer": "a", "lines": {}}, "lines"),
        ({"customer": "a", "lines": {"lamp": 1}, "order_id": "7"}, "order_id"),
        ({"customer": "a", "lines": {"lamp": 1}, "colour": "red"}, "colour"),
        ({"lines": {"lamp": 1}}, "customer"),
        ([], ""),
    ],
)
def test_a_bad_field_is_named(client, recorded, body, field):
    """An invalid message is 400, names the field and never reaches the bus."""
    answer = client.post("/commands/PlaceOrder", content=json.dumps(body))
    assert answer.status_code == 400
    assert [problem["field"] for problem in answer.json()["error"]["fields"]] == [field]
    assert recorded.value(catalog.COMMAND_TOTAL) == 0


def test_bad_json_is_a_400(client):
    """A body that is no JSON is 400 and says so."""
    answer = client.post("/commands/PlaceOrder", content=b"{")
    assert answer.status_code == 400
    assert "Invalid JSON" in answer.json()["error"]["fields"][0]["message"]


def test_bad_query_parameters_are_named(client):
    """A query's parameters are checked like a command's fields."""
    answer = client.get("/queries/ListOrders", params={"limit": "many"})
    assert answer.status_code == 400
    assert answer.json()["error"]["fields"][0]["field"] == "limit"


@pytest.mark.parametrize(("method", "path"), [("POST", "/commands/X"), ("GET", "/queries/X")])
def test_unknown_messages_are_404_and_list_the_known(client, method, path):
    """An unknown name is 404 and tells which there are."""
    answer = client.request(method, path, content=b"{}")
    assert answer.status_code == 404
    assert "there are" in answer.json()["error"]["message"]


def test_queries_before_the_first_projection_are_503(client):
    """A read model that is not there yet is the service's fault, with the mend."""
    answer = client.get("/queries/ListOrders")
    assert answer.status_code == 503
    assert "orders project" in answer.json()["error"]["message"]


def test_queries_answer_rows_lines_or_404(client, project, recorded):
    """Lists are JSON arrays, the history is one JSON object a line, no order is 404."""
    add_lamp(client)
    order_id = place(client).json()["aggregate_id"]
    project()
    assert [row["order_id"] for row in client.get("/queries/ListOrders").json()] == [order_id]
    history = client.get("/queries/OrderHistory", params={"order_id": order_id})
    assert [json.loads(line)["event"] for line in history.text.splitlines()] == ["OrderPlaced"]
    missing = client.get("/queries/GetOrder", params={"order_id": str(uuid4())})
    assert missing.status_code == 404
    recorded.assert_query("OrderHistory", "success")
    assert recorded.value(catalog.QUERY_RESULT_SIZE, query_type="OrderHistory") == 1


TRACE, CALLER = f"{7:032x}", f"{9:016x}"


def test_a_callers_trace_goes_through_the_bus_into_the_events(client, shop, project, recorded):
    """The caller's span is the command's parent; its baggage is stored with the event."""
    traceparent = f"00-{TRACE}-{CALLER}-01"
    answer = client.post(
        "/commands/AddProduct",
        json={"sku": "lamp", "price": 5, "quantity": 10},
        headers={"traceparent": traceparent, "tracestate": "a=b", "baggage": "tenant=north"},
    )
    assert answer.status_code == 200
    (span,) = recorded.spans()
    assert f"{span.context.trace_id:032x}" == TRACE
    assert f"{span.parent.span_id:016x}" == CALLER
    (notification,) = shop.recorder.select_notifications(start=1, limit=9)
    assert shop.mapper.to_domain_event(notification).metadata == {
        "traceparent": f"00-{TRACE}-{span.context.span_id:016x}-01",
        "tracestate": "a=b",
        "baggage": "tenant=north",
    }
    project()
    client.get("/queries/StockLevels", headers={"traceparent": traceparent})
    assert f"{recorded.spans('query.StockLevels')[0].parent.span_id:016x}" == CALLER


@pytest.mark.parametrize("traceparent", ["", "nonsense", f"00-{0:032x}-{CALLER}-01"])
def test_a_request_without_a_trace_begins_its_own(client, recorded, traceparent):
    """What is no trace context is as good as none, and nothing is left of another request's."""
    client.post("/commands/X", headers={"traceparent": f"00-{TRACE}-{CALLER}-01"})
    client.post(
        "/commands/AddProduct",
        json={"sku": "lamp", "price": 5, "quantity": 10},
        headers={"traceparent": traceparent},
    )
    (span,) = recorded.spans()
    assert span.parent is None


def test_what_is_not_sampled_by_the_caller_is_not_sampled(shop, read_model):
    """With the SDK's default sampler the caller decides."""
    memory, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    telemetry = CqrsTelemetry(rejections=REJECTIONS, tracer_provider=provider)
    client = Client(build_app(build_buses(shop, read_model, telemetry)))
    for flag in ("00", "01"):
        client.post(
            "/commands/AddProduct",
            json={"sku": flag, "price": 5, "quantity": 10},
            headers={"traceparent": f"00-{TRACE}-{CALLER}-{flag}"},
        )
    assert len(memory.get_finished_spans()) == 1


def test_a_broken_store_is_a_500_without_details(client, shop, recorded):
    """What nobody expected is 500; its message stays in the log."""
    with shop.recorder.datastore.transaction(commit=True) as cursor:
        cursor.execute("DROP TABLE stored_events")
    answer = add_lamp(client)
    assert answer.status_code == 500
    assert answer.json()["error"]["message"] == "Internal Server Error"
    recorded.assert_command("AddProduct", "error")
