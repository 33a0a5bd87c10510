"""Attributes that a service adds, such as the tenant: bounded, on metrics and on spans."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter
from time import time
from typing import Any

import pytest

from cqrs_telemetry import (
    CqrsTelemetry,
    InstrumentedCommandBus,
    InstrumentedProjectionHandler,
    InstrumentedQueryBus,
    catalog,
)
from cqrs_telemetry.testing import RecordedTelemetry

OTHER = catalog.OTHER_TYPE
TENANT = {"tenant": attrgetter("tenant")}


@dataclass
class Message:
    """A command, query or event of a tenant."""

    tenant: Any
    timestamp: float = 0.0


class Slotted:
    """Where the class has a descriptor in place of the value."""

    __slots__ = ("tenant",)


def values(recorded: RecordedTelemetry, metric: catalog.Metric) -> dict[Any, float]:
    """Values by tenant."""
    found: dict[Any, float] = {}
    for point in recorded.points(metric):
        tenant = point.attributes["tenant"]
        amount = point.count if metric.kind == "histogram" else point.value
        found[tenant] = found.get(tenant, 0) + amount
    return found


class Projection(InstrumentedProjectionHandler):
    """Applies nothing."""

    def apply(self, event: Any) -> None:
        """Do nothing."""


@pytest.fixture
def recorded() -> RecordedTelemetry:
    """Telemetry that takes the tenant out of messages."""
    return RecordedTelemetry(attributes=TENANT)


def test_every_metric_of_an_operation_carries_them(recorded: RecordedTelemetry) -> None:
    """Commands, what they produce, queries, their size, events and their lag."""
    commands = InstrumentedCommandBus(
        {"Message": lambda command: [command]}, telemetry=recorded.telemetry
    )
    queries = InstrumentedQueryBus({"Message": lambda _: [1]}, telemetry=recorded.telemetry)
    projection = Projection("orders", read_store={}, telemetry=recorded.telemetry)
    for tenant in ("a", "b", "a"):
        commands.dispatch(Message(tenant))
        queries.execute(Message(tenant))
        projection.handle_event(Message(tenant, time()))
    projection.handle_events([Message("a", time()), Message("b", time())])
    twice = {"a": 2, "b": 1}
    for metric in (
        catalog.COMMAND_TOTAL,
        catalog.COMMAND_DURATION,
        catalog.EVENTS_PRODUCED,
        catalog.QUERY_TOTAL,
        catalog.QUERY_DURATION,
        catalog.QUERY_RESULT_SIZE,
    ):
        found = values(recorded, metric)
        assert {tenant: found[tenant] for tenant in ("a", "b")} == twice, metric.name
    assert values(recorded, catalog.PROJECTION_LAG) == {"a": 3, "b": 2}
    assert values(recorded, catalog.PROJECTION_TOTAL) == {"a": 3, "b": 2, "": 0}
    for name in ("command.Message", "query.Message", "projection.orders"):
        tenants = [(span.attributes or {}).get("tenant") for span in recorded.spans(name)]
        of_batch = [None] if name == "projection.orders" else []
        assert tenants == ["a", "b", "a", *of_batch]


def test_failures_carry_them_too(recorded: RecordedTelemetry) -> None:
    """A tenant's failures can be told from those of others."""
    with pytest.raises(KeyError), recorded.telemetry.command(Message("a")):
        raise KeyError
    with recorded.telemetry.query(Message("b")) as operation:
        operation.reject("Closed")
    assert recorded.value(catalog.COMMAND_TOTAL, tenant="a", error_type="KeyError") == 1
    assert recorded.value(catalog.QUERY_TOTAL, tenant="b", error_type="Closed") == 1


def test_values_are_bounded_and_the_sums_exact() -> None:
    """The first values keep their series, later ones share one, and each is counted."""
    recorded = RecordedTelemetry(attributes=TENANT, max_types=3)
    for number in range(10):
        with recorded.telemetry.command(Message(f"t{number}")):
            pass
    assert values(recorded, catalog.COMMAND_TOTAL) == {"t0": 1, "t1": 1, "t2": 1, OTHER: 7}
    assert recorded.value(catalog.TELEMETRY_OVERFLOW, attribute_key="tenant") == 7
    assert len(recorded.telemetry.commands.records[catalog.LIVE]) == 4


def test_they_fold_before_anything_else() -> None:
    """Many tenants of many types: the types stay, and so few records as there are sets."""
    recorded = RecordedTelemetry(attributes=TENANT)
    kinds = [type(f"Command{number}", (Message,), {}) for number in range(100)]
    for tenant in range(100):
        for kind in kinds:
            with recorded.telemetry.command(kind(f"t{tenant}")):
                pass
    points = recorded.points(catalog.COMMAND_TOTAL)
    totals = {kind.__name__: 0.0 for kind in kinds}
    for point in points:
        totals[point.attributes["command.type"]] += point.value
    assert set(totals.values()) == {100}
    assert values(recorded, catalog.COMMAND_TOTAL)[OTHER] == (
        recorded.value(catalog.TELEMETRY_OVERFLOW, attribute_key="tenant")
    )
    assert len(points) < 2_000
    assert len(recorded.telemetry.commands.records[catalog.LIVE]) < 1_000


def test_a_message_without_one_has_an_empty_value(recorded: RecordedTelemetry) -> None:
    """None and empty text, which Prometheus treats as no label; so has a declared type."""
    InstrumentedCommandBus({"Import": list}, telemetry=recorded.telemetry)
    for tenant in (None, "", "a"):
        with recorded.telemetry.command(Message(tenant)):
            pass
    assert values(recorded, catalog.COMMAND_TOTAL) == {"": 2, "a": 1}


def test_a_function_that_fails_is_a_fault(recorded: RecordedTelemetry) -> None:
    """The operation counts without the value."""
    with recorded.telemetry.command("Import"):
        pass
    with recorded.telemetry.command(Slotted):
        pass
    assert values(recorded, catalog.COMMAND_TOTAL) == {"": 2}
    assert recorded.value(catalog.TELEMETRY_FAULTS, error_type="AttributeError") == 1
    assert recorded.value(catalog.TELEMETRY_FAULTS, error_type="TypeError") == 1


def test_values_of_any_kind_hurt_nobody(recorded: RecordedTelemetry) -> None:
    """Whatever a value does when it is compared, hashed or printed, the operation counts."""

    class Rude:
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            raise RuntimeError

        def __str__(self) -> str:
            raise RuntimeError

    tenants: list[Any] = [Rude(), [], 1, 2.5, b"a"]
    for tenant in tenants:
        with recorded.telemetry.command(Message(tenant)):
            pass
    found = values(recorded, catalog.COMMAND_TOTAL)
    assert found == {catalog.UNNAMED_TYPE: 1, "[]": 1, "1": 1, "2.5": 1, "a": 1}


def test_values_are_cleaned_once_for_metrics_and_spans() -> None:
    """Numbers, surrogates and long text become text that every exporter can encode."""
    recorded = RecordedTelemetry(attributes=TENANT)
    for tenant in (7, "\ud800", "x" * 500):
        with recorded.telemetry.command(Message(tenant)):
            pass
    found = set(values(recorded, catalog.COMMAND_TOTAL))
    assert found == {"7", "\\ud800", "x" * 125 + "..."}
    assert {(span.attributes or {})["tenant"] for span in recorded.spans()} == found


def test_excluded_messages_are_not_asked() -> None:
    """Nothing is taken out of what is not recorded."""
    recorded = RecordedTelemetry(attributes=TENANT, exclude=["Ping"])
    with recorded.telemetry.query("Ping"):
        pass
    assert recorded.points(catalog.TELEMETRY_FAULTS, error_type="AttributeError") == []


def test_each_message_is_asked_once() -> None:
    """A class whose record is known already may still be of another tenant."""
    asked: list[Any] = []

    def tenant(message: Any) -> Any:
        asked.append(message)
        return message.tenant

    recorded = RecordedTelemetry(attributes={"tenant": tenant})
    messages = [Message("a"), Message("b"), Message("a")]
    for message in messages:
        with recorded.telemetry.command(message):
            pass
    assert asked == messages
    projection = Projection("orders", read_store={}, telemetry=recorded.telemetry)
    projection.handle_events(messages)
    assert asked == 2 * messages


def test_they_survive_pickling() -> None:
    """An unpickled telemetry has the same attributes."""
    telemetry = pickle.loads(pickle.dumps(CqrsTelemetry(attributes=TENANT)))  # noqa: S301
    assert [own.key for own in telemetry.commands.own] == ["tenant"]


async def later(_: Any) -> str:
    """Come too late."""
    return "a"


def unfit() -> Iterator[tuple[Any, str]]:
    """Arguments that do not fit, and what the error says."""
    function = attrgetter("x")
    yield ["tenant"], r"functions of a message by key, not \['tenant'\]"
    yield {"tenant": "a"}, r"attributes\['tenant'\] must be a plain function, not 'a'"
    yield {"tenant": later}, r"attributes\['tenant'\] must be a plain function"
    yield {"": function}, "begins with a letter, not ''"
    yield {"1st": function}, "begins with a letter, not '1st'"
    yield {7: function}, "begins with a letter, not 7"
    yield {"command.type": function}, "'command.type', a label that exists already"
    yield {"error_type": function}, "'error_type', a label that exists already"
    yield {"instance": function}, "'instance', a label that exists already"
    yield {"a.b": function, "a_b": function}, "'a_b', a label that exists already"
    yield {"a..b": function, "a_b": function}, "'a_b', a label that exists already"
    yield {"command..type": function}, "'command..type', a label that exists already"
    yield {"otel.scope.name": function}, "'otel.scope.name', a label that exists already"
    yield dict.fromkeys("abcd", function), "at most 3, not 4: each multiplies the series"


@pytest.mark.parametrize(("attributes", "said"), list(unfit()))
def test_unfit_attributes_are_refused(attributes: Any, said: str) -> None:
    """When the telemetry is made, with the remedy."""
    with pytest.raises((TypeError, ValueError), match=said):
        CqrsTelemetry(attributes=attributes)
