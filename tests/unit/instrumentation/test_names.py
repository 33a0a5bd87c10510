"""What messages, events and errors are called, in metrics and spans alike."""

from __future__ import annotations

import abc
import datetime
import enum
import functools
import importlib
import io
import re
import sqlite3
import sys
import time
import types
import urllib.request
import uuid
from collections import defaultdict, namedtuple
from collections.abc import Callable, Mapping
from dataclasses import dataclass, make_dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import Mock

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cqrs_telemetry import (
    CqrsTelemetry,
    InstrumentedCommandBus,
    InstrumentedProjectionHandler,
    InstrumentedQueryBus,
    NoHandlerError,
    catalog,
)
from cqrs_telemetry.prometheus import serve_metrics
from cqrs_telemetry.testing import RecordedTelemetry
from waits import LIMIT


@dataclass
class PlaceOrder:
    """A command."""

    aggregate_id: str = "o-1"


class Order:
    """An aggregate with events of its own."""

    class Created:
        """An event."""


class Customer:
    """Another aggregate, one event of which has the same name."""

    class Created:
        """An event."""


class Projection(InstrumentedProjectionHandler):
    """Applies nothing."""

    def apply(self, event: Any) -> None:
        """Apply."""


def types_of(recorded: RecordedTelemetry, attribute: catalog.Attribute) -> set[str]:
    """Values of an attribute with which something was counted, the same in spans and metrics."""
    metrics = {
        catalog.COMMAND_TYPE: (catalog.COMMAND_TOTAL, "cqrs.command.type"),
        catalog.QUERY_TYPE: (catalog.QUERY_TOTAL, "cqrs.query.type"),
        catalog.EVENT_TYPE: (catalog.PROJECTION_TOTAL, "cqrs.event.type"),
    }
    metric, key = metrics[attribute]
    counted = {p.attributes[attribute.key] for p in recorded.points(metric) if p.value}
    spans = {(s.attributes or {}).get(key) for s in recorded.spans()}
    assert counted == spans - {None}
    return counted


# Wrapped callables


def register_dog(name: Any = "Rex", *rest: Any) -> Any:
    """Something that takes values, not a message."""
    return name


class Dogs:
    """The same as methods."""

    def register(self, name: Any) -> Any:
        """Register one."""
        return name

    @classmethod
    def find(cls, name: Any) -> Any:
        """Find one."""
        return name


class Register:
    """The same as a callable object."""

    def __call__(self, name: Any) -> Any:
        """Register one."""
        return name


class Name(str):
    """Text of a domain."""

    __slots__ = ()


class DogId(uuid.UUID):
    """An id of a domain."""


class BadDogError(Exception):
    """An error of a domain."""


class Color(enum.Enum):
    """A member of an enumeration."""

    BROWN = "brown"


class Size(enum.IntEnum):
    """A number of a domain."""

    SMALL = 1


def repr_of(value: Any) -> str:
    """A name that is the same in every run."""
    return type(value).__name__


VALUES = [
    "Fido", Name("Fido"), b"Fido", 7, 7.5, True, Size.SMALL, None, uuid.UUID(int=7),
    datetime.date(2026, 1, 2), [PlaceOrder()], ("Fido", 3), {"Fido"}, {"name": "Fido"}, object(),
    DogId(int=7), BadDogError("Fido"), Color.BROWN, datetime.timedelta(1), Path("Fido"),
    Decimal(7), re.compile("Fido"), io.StringIO("Fido"), lambda: "Fido",
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr_of)
@pytest.mark.parametrize(
    ("function", "name"),
    [(register_dog, "register_dog"), (Dogs().register, "register"), (Dogs.find, "find"),
     (functools.partial(Dogs.register, Dogs()), "register"), (Register(), "Register")],
    ids=["function", "method", "classmethod", "partial", "object"],
)  # fmt: skip
def test_a_value_as_first_argument_is_named_by_the_callable(
    recorded: RecordedTelemetry, function: Callable[[Any], Any], name: str, value: Any
) -> None:
    """Text, numbers and ids are personal data as often as not: never a label."""
    for _ in range(2):  # found, and then known
        assert recorded.telemetry.instrument_commands(function)(value) is value
        assert recorded.telemetry.instrument_queries(function)(value) is value
    assert recorded.telemetry.instrument_projection("dogs", function)(value) is value
    for attribute in (catalog.COMMAND_TYPE, catalog.QUERY_TYPE):
        metric = catalog.COMMAND_TOTAL if attribute is catalog.COMMAND_TYPE else catalog.QUERY_TOTAL
        assert {p.attributes[attribute.key] for p in recorded.points(metric)} == {name}
    recorded.assert_command(name, count=2)
    recorded.assert_query(name, count=2)
    recorded.assert_projected("dogs", name)


def test_messages_of_a_wrapped_callable_keep_their_names(recorded: RecordedTelemetry) -> None:
    """Classes of the service are messages, however they were made."""
    made = make_dataclass("ShipOrder", ["order"])
    row = namedtuple("CancelOrder", "order")

    class RefundOrder(NamedTuple):
        order: str

    class CloseOrder(dict[str, Any]):
        pass

    class Command(abc.ABC):  # noqa: B024 - as many have one
        pass

    dynamic = type("OpenOrder", (Command,), {})
    assert dynamic.__module__ == "abc"
    space: dict[str, Any] = {}
    exec("class MoveOrder: pass", space)  # noqa: S102 - as code that makes classes does
    assert space["MoveOrder"].__module__ == "builtins"

    handle = recorded.telemetry.instrument_commands(register_dog)
    messages = [
        PlaceOrder(), made("o"), row("o"), RefundOrder("o"), CloseOrder(order="o"), dynamic(),
        space["MoveOrder"](), Mock(), types.SimpleNamespace(),
    ]  # fmt: skip
    for message in messages:
        for value in ("Fido", message):
            assert handle(value) is value
    for name in ("PlaceOrder", "ShipOrder", "CancelOrder", "RefundOrder", "CloseOrder",
                 "OpenOrder", "MoveOrder", "Mock", "SimpleNamespace"):  # fmt: skip
        recorded.assert_command(name)
    recorded.assert_command("register_dog", count=len(messages))


def test_modules_of_a_service_may_be_called_as_pythons_own(
    recorded: RecordedTelemetry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What counts is where a module comes from, not only its name."""
    (tmp_path / "profile.py").write_text("class ChangeProfile: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "profile", raising=False)
    module = importlib.import_module("profile")
    recorded.telemetry.instrument_commands(register_dog)(module.ChangeProfile())
    monkeypatch.delitem(sys.modules, "profile")
    recorded.assert_command("ChangeProfile")


def test_callables_that_are_hard_to_name(recorded: RecordedTelemetry) -> None:
    """Wrapping does not fail for the name."""

    class Empty(dict[str, Any]):
        def __call__(self, value: Any) -> Any:
            return value

    class Nameless:
        __name__ = property(lambda self: 1 / 0)

        def __call__(self, value: Any) -> Any:
            return value

    for function in (functools.partial(Empty()), Nameless(), functools.partial(Nameless())):
        assert recorded.telemetry.instrument_commands(function)("Fido") == "Fido"
    for name, count in (("Empty", 1), ("Nameless", 2)):
        recorded.assert_command(
            f"test_callables_that_are_hard_to_name.<locals>.{name}".rpartition(".")[2], count=count
        )


@pytest.mark.parametrize("value", ["Fido", PlaceOrder("dog-1"), {"type": "x"}, Order.Created])
def test_a_given_name_is_that_of_all_messages(recorded: RecordedTelemetry, value: Any) -> None:
    """``name=`` as an argument and as a decorator; ids are still taken from the message."""
    telemetry = recorded.telemetry

    @telemetry.instrument_queries(name="FindDog")
    def find(name: Any) -> list[Any]:
        return [name]

    register = telemetry.instrument_commands(register_dog, name="RegisterDog")
    for _ in range(2):
        assert register(value) is value
        assert find(value) == [value]
    recorded.assert_command("RegisterDog", count=2)
    recorded.assert_query("FindDog", count=2)
    attributes = recorded.spans("command.RegisterDog")[0].attributes or {}
    assert attributes["cqrs.aggregate.id"] == getattr(value, "aggregate_id", "")


@pytest.mark.parametrize("name", ["", 7, b"RegisterDog", PlaceOrder])
def test_a_name_that_is_none_is_refused(recorded: RecordedTelemetry, name: Any) -> None:
    """When it is wrapped, and the error has the value."""
    for wrap in (recorded.telemetry.instrument_commands, recorded.telemetry.instrument_queries):
        with pytest.raises(ValueError, match="name must be text that is not empty, not"):
            wrap(register_dog, name=name)


async def test_callables_without_a_message(recorded: RecordedTelemetry) -> None:
    """No parameters, or none that were given: the callable's name stands for the message."""

    def refresh() -> str:
        return "done"

    async def rebuild(**options: Any) -> Any:
        return options

    class Service:
        @recorded.telemetry.instrument_commands
        def clean_up(self, *, name: str) -> Any:
            return name

    assert recorded.telemetry.instrument_commands(refresh)() == "done"
    assert await recorded.telemetry.instrument_commands(rebuild)(scope="all") == {"scope": "all"}
    assert recorded.telemetry.instrument_commands(register_dog)() == "Rex"
    assert Service().clean_up(name="Fido") == "Fido"
    expected = {"refresh", "rebuild", "register_dog", "clean_up"}
    assert types_of(recorded, catalog.COMMAND_TYPE) == expected


# Buses, handlers and context managers


def test_values_on_a_bus_are_named_by_their_class(recorded: RecordedTelemetry) -> None:
    """No value gets into a label there either; names are for the context managers."""
    telemetry = recorded.telemetry
    bus = InstrumentedCommandBus({str: lambda c: c, "UUID": str}, telemetry=telemetry)
    bus.dispatch("Fido")
    bus.dispatch(uuid.UUID(int=7))
    Projection("dogs", telemetry=telemetry).handle_events(["Fido", 7])
    Projection("dogs", telemetry=telemetry).handle_event("Fido")
    assert {p.attributes["command.type"] for p in recorded.points(catalog.COMMAND_TOTAL)} == {
        "str", "UUID",
    }  # fmt: skip
    recorded.assert_projected("dogs", "str", count=2)
    recorded.assert_projected("dogs", "int")


def test_context_managers_take_names_classes_and_messages(recorded: RecordedTelemetry) -> None:
    """All three are the same type; a member of an enumeration of text is its text."""

    class Command(str, enum.Enum):
        PLACE_ORDER = "PlaceOrder"

    telemetry = recorded.telemetry
    for command in ("PlaceOrder", PlaceOrder, PlaceOrder(), Command.PLACE_ORDER):
        for operation in (
            telemetry.command(command),
            telemetry.query(command),
            telemetry.projection("orders", command),
        ):
            with operation:
                pass
    recorded.assert_command("PlaceOrder", count=4)
    recorded.assert_query("PlaceOrder", count=4)
    recorded.assert_projected("orders", "PlaceOrder", count=4)


def test_nested_classes_are_told_apart(recorded: RecordedTelemetry) -> None:
    """With one name for both, a projection of the one would lag behind the other's events."""
    telemetry = recorded.telemetry
    bus = InstrumentedCommandBus(
        {PlaceOrder: lambda c: types.SimpleNamespace(events=[Order.Created(), Customer.Created()])},
        telemetry=telemetry,
    )
    bus.dispatch(PlaceOrder())
    Projection("orders", telemetry=telemetry).handle_events([Order.Created(), Customer.Created()])
    for name in ("Order.Created", "Customer.Created"):
        recorded.assert_projected("orders", name)
        assert recorded.value(catalog.EVENTS_PRODUCED, event_type=name) == 1
    (span,) = recorded.spans("command.PlaceOrder")
    produced = [(event.attributes or {})["event.type"] for event in span.events]
    assert produced == ["Order.Created", "Customer.Created"]


def test_functions_around_a_class_are_no_part_of_its_name(recorded: RecordedTelemetry) -> None:
    """Nor the module; but classes are, and a name that a factory has set is the name."""

    class Shop:
        class Open:
            pass

    def make(name: str) -> Any:
        class Message:
            pass

        Message.__name__ = name
        return Message

    bus = InstrumentedCommandBus(
        {"Open": bool, make("Ignored"): bool, "First": bool, "Second": bool},
        telemetry=recorded.telemetry,
    )
    for cls in (Shop.Open, make("First"), make("Second")):
        bus.dispatch(cls())
        bus.dispatch(cls())
    assert types_of(recorded, catalog.COMMAND_TYPE) == {"Shop.Open", "First", "Second"}
    recorded.assert_command("First", count=2)


def test_known_nested_types_start_at_zero(recorded: RecordedTelemetry) -> None:
    """Under the name that their messages will have."""
    InstrumentedCommandBus({Order.Created: bool}, telemetry=recorded.telemetry)
    points = recorded.points(catalog.COMMAND_TOTAL, command_type="Order.Created")
    assert {point.value for point in points} == {0}


# Mappings


def sqlite_row(**values: Any) -> Any:
    """A row of sqlite3."""
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    columns = ", ".join(f"? AS {name}" for name in values)
    row = connection.execute(f"SELECT {columns}", tuple(values.values())).fetchone()
    connection.close()
    return row


class Record:
    """A row of a driver: keys, items and nothing else."""

    def __init__(self, **values: Any) -> None:
        self._values = values

    def keys(self) -> Any:
        """Columns."""
        return self._values.keys()

    def __getitem__(self, key: str) -> Any:
        return self._values[key]


def frozen(**values: Any) -> Mapping[str, Any]:
    """A mapping that is no dict."""
    return types.MappingProxyType(values)


def with_default(**values: Any) -> defaultdict[str, Any]:
    """A mapping that makes what it is asked for."""
    return defaultdict(lambda: "made", values)


MAPPINGS = [dict, sqlite_row, Record, frozen, with_default]


@pytest.mark.parametrize("make", MAPPINGS)
def test_mappings_are_named_by_a_key(recorded: RecordedTelemetry, make: Any) -> None:
    """``type``, on every side; another type each time is another name."""
    telemetry = recorded.telemetry
    commands = InstrumentedCommandBus(
        {"PlaceOrder": lambda c: [], "Ship": lambda c: []}, telemetry=telemetry
    )
    queries = InstrumentedQueryBus({"ListOrders": lambda q: []}, telemetry=telemetry)
    projection = Projection("orders", telemetry=telemetry)
    for name in ("PlaceOrder", "Ship"):
        assert commands.dispatch(make(type=name, id=1)) == []
        recorded.assert_command(name)
    queries.execute(make(type="ListOrders"))
    recorded.assert_query("ListOrders")
    for name in ("OrderPlaced", "OrderShipped"):
        projection.handle_event(make(type=name))
        projection.handle_events([make(type=name)])
        with telemetry.command("Import") as operation:
            operation.produced([make(type=name)])
        recorded.assert_projected("orders", name, count=2)
        assert recorded.value(catalog.EVENTS_PRODUCED, event_type=name) == 1


@pytest.mark.parametrize("make", MAPPINGS)
def test_mappings_without_the_key_are_named_by_their_class(
    recorded: RecordedTelemetry, make: Any
) -> None:
    """And one that makes what is asked for does not make it."""
    message = make(kind="PlaceOrder")
    before = set(message.keys())
    bus = InstrumentedCommandBus({type(message): lambda c: c}, telemetry=recorded.telemetry)
    assert bus.dispatch(message) is message
    recorded.assert_command(type(message).__name__)
    assert set(message.keys()) == before
    assert recorded.value(catalog.TELEMETRY_FAULTS) == 0


def test_the_key_of_mappings_can_be_another() -> None:
    """Each of its own for messages and events."""
    recorded = RecordedTelemetry(message_type="kind", event_type="name")
    message = {"kind": "PlaceOrder", "name": "OrderPlaced", "type": "x"}
    with recorded.telemetry.command(message) as operation:
        operation.produced([message])
    with recorded.telemetry.projection("orders", message):
        pass
    recorded.assert_command("PlaceOrder")
    recorded.assert_projected("orders", "OrderPlaced")
    assert recorded.value(catalog.EVENTS_PRODUCED, event_type="OrderPlaced") == 1


@pytest.mark.parametrize("value", [7, None, ["Fido"], {"name": "Fido"}, object()], ids=repr_of)
def test_what_is_no_name_in_a_mapping_is_none(recorded: RecordedTelemetry, value: Any) -> None:
    """Only text, classes and members of enumerations name a message."""
    for _ in range(2):
        recorded.telemetry.instrument_commands(register_dog)({"type": value})
    recorded.assert_command("register_dog", count=2)


def test_classes_and_members_name_a_mapping(recorded: RecordedTelemetry) -> None:
    """By their own names."""

    class Kind(enum.Enum):
        SHIP = "ship"

    handle = recorded.telemetry.instrument_commands(register_dog)
    for value in (PlaceOrder, Kind.SHIP):
        handle({"type": value})
    assert types_of(recorded, catalog.COMMAND_TYPE) == {"PlaceOrder", "Kind.SHIP"}


class Request(Mapping[str, Any]):
    """As of web frameworks, which are mappings of what a client sends."""

    def __getitem__(self, key: str) -> Any:
        return "http"

    def __iter__(self) -> Any:
        return iter(["type"])

    def __len__(self) -> int:
        return 1


def test_a_request_is_not_named_by_what_is_in_it(recorded: RecordedTelemetry) -> None:
    """Endpoints may be wrapped too."""
    recorded.telemetry.instrument_commands(register_dog)(Request())
    recorded.assert_command("Request")


def test_what_only_looks_like_a_mapping_is_not_asked(recorded: RecordedTelemetry) -> None:
    """A field called keys, or what a class of classes has, makes no mapping."""

    class Table(type):
        def __getitem__(cls, key: str) -> Any:
            raise AssertionError("asked the database")

        def get(cls, key: str) -> Any:
            raise AssertionError("asked the database")

    class Door(metaclass=Table):
        keys = property(lambda self: 1 / 0)

    for telemetry in (recorded.telemetry, RecordedTelemetry(event_type=lambda e: None).telemetry):
        with telemetry.command(Door()) as operation:
            operation.produced([Door()])
            operation.returned([Door()])
    recorded.assert_command(Door.__qualname__.rpartition("<locals>.")[2])
    assert recorded.value(catalog.EVENTS_PRODUCED) == 2
    assert recorded.value(catalog.TELEMETRY_FAULTS) == 0


def test_no_handler_for_a_mapping(recorded: RecordedTelemetry) -> None:
    """The error has the name by which a handler was looked for."""
    bus = InstrumentedCommandBus({}, telemetry=recorded.telemetry)
    with pytest.raises(NoHandlerError, match=r"^No handler for PlaceOrder$"):
        bus.dispatch({"type": "PlaceOrder"})
    recorded.assert_command("PlaceOrder", "error")


# Hooks


def test_hooks_name_messages_and_events() -> None:
    """What they return is the name; None leaves it to the class, or to the key of a mapping."""
    recorded = RecordedTelemetry(
        message_type=lambda message: getattr(message, "kind", None),
        event_type=lambda event: getattr(event, "topic", None),
    )
    telemetry = recorded.telemetry

    class Envelope:
        def __init__(self, name: str) -> None:
            self.kind = self.topic = name

    commands = InstrumentedCommandBus(
        {"place": lambda c: [], PlaceOrder: lambda c: []}, telemetry=telemetry
    )
    for message in (Envelope("place"), PlaceOrder()):
        commands.dispatch(message)
    wrapped = telemetry.instrument_queries(lambda query: [])
    for query in (Envelope("list"), Envelope("find"), {"type": "count"}, "Fido"):
        wrapped(query)
    projection = Projection("orders", telemetry=telemetry)
    projection.handle_events([Envelope("placed"), Envelope("shipped"), Order.Created()])
    with telemetry.command("Import") as operation:
        operation.produced([Envelope("placed"), Order.Created()])
    for name in ("place", "PlaceOrder", "Import"):
        recorded.assert_command(name)
    for name in ("list", "find", "count", "<lambda>"):
        recorded.assert_query(name)
    for name in ("placed", "shipped", "Order.Created"):
        recorded.assert_projected("orders", name)
    for name in ("placed", "Order.Created"):
        assert recorded.value(catalog.EVENTS_PRODUCED, event_type=name) == 1


def test_a_hook_that_raises_is_a_fault() -> None:
    """The class names the message then."""

    def hook(message: Any) -> Any:
        raise LookupError

    recorded = RecordedTelemetry(message_type=hook, event_type=hook)
    with recorded.telemetry.command(PlaceOrder()) as operation:
        operation.produced([Order.Created()])
    with recorded.telemetry.projection("orders", Order.Created()):
        pass
    recorded.assert_command("PlaceOrder")
    recorded.assert_projected("orders", "Order.Created")
    assert recorded.value(catalog.TELEMETRY_FAULTS, error_type="LookupError") == 3


@pytest.mark.parametrize("argument", ["message_type", "event_type"])
def test_a_hook_that_cannot_be_one_is_refused(argument: str) -> None:
    """When the telemetry is made."""
    wrong: dict[str, Any] = {argument: 7}
    with pytest.raises(TypeError, match=f"{argument} must be a function .* not 7"):
        CqrsTelemetry(**wrong)


# Names that cannot be labels

WRONG = [
    ("\udc80", "\\udc80"), ("Order\ud800Placed", "Order\\ud800Placed"), ("", "_unnamed"),
    (" \n", "_unnamed"), ("x" * 10_000, "x" * 125 + "..."), ("Größe", "Größe"),
    (b"Order\xffPlaced", "Order\\xffPlaced"), (7, "7"), (None, "_unnamed"),
    (Order.Created, "Order.Created"),
]  # fmt: skip


class Named:
    """A message with a name of its own."""

    def __init__(self, name: Any) -> None:
        self.name = name
        self.timestamp = time.time()


def name_of(message: Any) -> Any:
    """The hook for these."""
    return message.name


def record_all(telemetry: CqrsTelemetry, name: Any) -> None:
    """A message, an error, an id and a projection, all of that name."""
    message = Named("" if name is None else name)  # None would leave it to the class
    with telemetry.command(message, aggregate_id=name) as command:
        command.produced([message])
        command.reject(name)
    with telemetry.query(message):
        pass
    with telemetry.projection(name, message):
        pass
    Projection(name, telemetry=telemetry).handle_events([message])
    assert telemetry.wait_until_seen(message, name, lambda: True)


@pytest.mark.parametrize(("name", "expected"), WRONG, ids=range(len(WRONG)))
def test_names_are_cleaned_for_metrics(name: Any, expected: str) -> None:
    """Wherever they come from; one that cannot be encoded made every later scrape fail."""
    with serve_metrics(port=0, set_global=False) as server:
        telemetry = CqrsTelemetry(
            meter_provider=server.meter_provider, message_type=name_of, event_type=name_of
        )
        record_all(telemetry, name)
        url = f"http://127.0.0.1:{server.port}/metrics"
        with urllib.request.urlopen(url, timeout=LIMIT) as response:
            text = response.read().decode()
    samples = [s for family in text_string_to_metric_families(text) for s in family.samples]
    for label in ("command_type", "query_type", "event_type", "projection_name"):
        assert {s.labels[label] for s in samples if label in s.labels} == {expected}
    assert expected in {s.labels.get("error_type", expected) for s in samples}
    assert not [s for s in samples if s.name == "cqrs_telemetry_faults_total" and s.value]


@pytest.mark.parametrize(("name", "expected"), WRONG, ids=range(len(WRONG)))
def test_names_are_cleaned_for_spans(name: Any, expected: str) -> None:
    """One that cannot be encoded made the exporter drop what was sent with it."""
    recorded = RecordedTelemetry(message_type=name_of, event_type=name_of)
    record_all(recorded.telemetry, name)
    assert {span.name.partition(".")[2] for span in recorded.spans()} == {expected}
    for span in recorded.spans():
        attributes = dict(span.attributes or {})
        attributes.pop("cqrs.aggregate.id", "").encode()
        for key in ("cqrs.command.type", "cqrs.query.type", "cqrs.projection.name"):
            assert attributes.get(key, expected) == expected
        for event in span.events:
            assert (event.attributes or {})["event.type"] == expected


def test_a_name_of_a_class_that_is_no_label(recorded: RecordedTelemetry) -> None:
    """The same for classes that code makes, of messages and of errors."""
    for name, expected in (("", "_unnamed"), ("y" * 500, "y" * 125 + "...")):
        message = type(name, (), {})()
        error = type(name, (Exception,), {})
        with pytest.raises(error), recorded.telemetry.command(message):
            raise error
        recorded.assert_command(expected, "error")
        assert recorded.value(catalog.COMMAND_TOTAL, error_type=expected) == 1
    nested = type("Created", (), {"__qualname__": "\udc80.Created"})()
    with recorded.telemetry.command(nested):
        pass
    recorded.assert_command("\\udc80.Created")


class Unhashable(type):
    """A class of classes that compare by what they are."""

    def __eq__(cls, other: object) -> bool:
        return cls is other

    __hash__ = None  # type: ignore[assignment]


def test_classes_that_cannot_be_keys(recorded: RecordedTelemetry) -> None:
    """A bus finds handlers by names all the same, and says when there is none."""

    class Outer:
        class Message(metaclass=Unhashable):
            pass

    for key in ("Message", "Outer.Message"):
        bus = InstrumentedCommandBus({key: lambda c: c}, telemetry=recorded.telemetry)
        message = Outer.Message()
        assert bus.dispatch(message) is message
    with pytest.raises(NoHandlerError, match=r"No handler for Outer\.Message"):
        InstrumentedCommandBus({}, telemetry=recorded.telemetry).dispatch(Outer.Message())
    recorded.assert_command("Outer.Message", count=2)


class Mute(type):
    """A class of classes that answer nothing."""

    def __getattribute__(cls, name: str) -> Any:
        raise LookupError(name)


def test_a_class_that_does_not_answer(recorded: RecordedTelemetry) -> None:
    """Messages, events and errors of it are named all the same, and found by a bus."""
    cls = Mute("Message", (), {})
    message: Any = object.__new__(cls)
    bus = InstrumentedCommandBus({"Message": lambda c: c}, telemetry=recorded.telemetry)
    assert bus.dispatch(message) is message
    with pytest.raises(NoHandlerError, match="No handler for Message"):
        InstrumentedQueryBus({}, telemetry=recorded.telemetry).execute(message)
    Projection("orders", telemetry=recorded.telemetry).handle_event(message)
    with recorded.telemetry.command("Import") as operation:
        operation.produced([message])
    with recorded.telemetry.command(cls):
        pass
    recorded.assert_command("Message", count=2)
    recorded.assert_query("Message", "error")
    recorded.assert_projected("orders", "Message")
    assert recorded.value(catalog.EVENTS_PRODUCED, event_type="Message") == 1
