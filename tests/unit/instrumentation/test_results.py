"""What is in a result: sizes and events, told without loading anything."""

from __future__ import annotations

import collections
import functools
import sqlite3
import sys
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, NamedTuple

import pydantic
import pytest
import sqlalchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from cqrs_telemetry import (
    CqrsTelemetry,
    InstrumentedCommandBus,
    InstrumentedQueryBus,
    catalog,
)
from cqrs_telemetry.testing import RecordedTelemetry


class Message:
    """A command or query."""


class OrderPlaced:
    """An event."""


class OrderPaid:
    """Another event."""


# Sizes


class Model(pydantic.BaseModel):
    """An object that can be iterated over, by its fields."""

    number: int = 1
    total: int = 2


class Page(pydantic.BaseModel):
    """A page of results."""

    items: list[int]
    total: int = 99


@dataclass
class Order:
    """An object."""

    number: int = 1


@dataclass
class Results:
    """A page of results of another name."""

    results: tuple[int, ...]
    default: list[int] = field(default_factory=list)


@dataclass
class SlottedPage:
    """A page whose class has slots."""

    __slots__ = ("items",)
    items: list[int]


class Point(NamedTuple):
    """A row of two columns."""

    x: int
    y: int


class TuplePage(NamedTuple):
    """A page that is a tuple."""

    items: list[int]
    total: int


class Proxy:
    """Passes on what it is asked, as those that load what they stand for do."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"asked for {name}")


class Rows(list[int]):
    """A list of a class of its own."""


class QuerySet:
    """As Django's: its rows are loaded when they are first needed, then kept."""

    def __init__(self, rows: list[int] | None, *, has_more: bool = False) -> None:
        self._result_cache = rows
        self._has_more = has_more

    def __len__(self) -> int:
        raise AssertionError("asked the database")

    def __iter__(self) -> Iterator[int]:
        raise AssertionError("asked the database")


class LazySequence(Sequence[int]):
    """As a page of Django's paginator: its length may be a query."""

    def __len__(self) -> int:
        raise AssertionError("asked the database")

    def __getitem__(self, index: Any) -> Any:
        raise AssertionError("asked the database")


class LazyList(list[int]):
    """A list that loads itself."""

    def __len__(self) -> int:
        raise AssertionError("asked the database")


class Array:
    """As of NumPy and pandas."""

    def keys(self) -> Any:
        """Names of columns."""
        return ["type"]

    def __getitem__(self, key: Any) -> Any:
        return self

    def __array__(self) -> Any:
        raise AssertionError("made an array")


def sqlite_row() -> Any:
    """A row of three columns."""
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    row = connection.execute("SELECT 1 AS a, 2 AS b, 'x' AS items").fetchone()
    connection.close()
    return row


SIZES = [
    (None, 0), ([], 0), ([None], 1), ((1, 2, 3), 3), ({1, 2}, 2), (frozenset({1}), 1),
    (collections.deque([1]), 1), (range(4), 4), ({"a": 1, "b": 2}.values(), 2),
    ({"a": 1}.items(), 1), ({"a": 1}.keys(), 1), (Rows([1, 2]), 2),
    ({"a": 1, "b": 2}, 1), ({}, 1), (collections.OrderedDict(a=1, b=2), 1), (sqlite_row(), 1),
    ("text", 1), (b"bytes", 1), ("", 1), (7, 1), (0, 1), (False, 1), (object(), 1), (Message, 1),
    (Model(), 1), (Order(), 1), (Point(1, 2), 1), (Proxy(), 1), (SimpleNamespace(total=1), 1),
    (Page(items=[1, 2]), 2), (Page(items=[]), 0), (Results((1, 2, 3)), 3), (SlottedPage([1]), 1),
    (TuplePage([1, 2, 3], 99), 3), (SimpleNamespace(items=[1, 2]), 2),
    (SimpleNamespace(items="text"), 1), (SimpleNamespace(items=None, results=(1, 2)), 2),
    (SimpleNamespace(items={"a": 1}), 1), (QuerySet([1, 2]), 2), (QuerySet([]), 0),
]  # fmt: skip


def ids(value: Any) -> str:
    """Names that are the same in every run."""
    return type(value).__name__


@pytest.mark.parametrize(("result", "size"), SIZES, ids=ids)
def test_sizes(recorded: RecordedTelemetry, result: Any, size: int) -> None:
    """Collections have their length, pages that of their rows; one object is 1 and None 0."""
    bus = InstrumentedQueryBus({Message: lambda q: result}, telemetry=recorded.telemetry)
    for _ in range(2):  # found, and then known
        assert bus.execute(Message()) is result
    (point,) = recorded.points(catalog.QUERY_RESULT_SIZE)
    assert (point.count, point.value) == (2, 2 * size)
    assert {(s.attributes or {})["cqrs.query.result_count"] for s in recorded.spans()} == {size}
    assert recorded.value(catalog.TELEMETRY_FAULTS) == 0


@pytest.mark.parametrize(
    "result",
    [QuerySet(None), QuerySet([1], has_more=True), LazySequence(), LazyList(), map(str, [1]),
     iter([1]), Array()],
    ids=ids,
)  # fmt: skip
def test_what_is_not_loaded_has_no_size(recorded: RecordedTelemetry, result: Any) -> None:
    """It would cost another query, or use the result up."""
    bus = InstrumentedQueryBus({Message: lambda q: result}, telemetry=recorded.telemetry)
    assert bus.execute(Message()) is result
    assert recorded.points(catalog.QUERY_RESULT_SIZE) == []
    assert recorded.value(catalog.TELEMETRY_FAULTS) == 0
    recorded.assert_query("Message")


def test_what_was_found_and_what_was_not(recorded: RecordedTelemetry) -> None:
    """A type whose result is an object or None has the right share of empty results."""
    found = iter([{"id": 1}, None, Order(), Model()])
    bus = InstrumentedQueryBus({Message: lambda q: next(found)}, telemetry=recorded.telemetry)
    for _ in range(4):
        bus.execute(Message())
    (point,) = recorded.points(catalog.QUERY_RESULT_SIZE)
    assert (point.count, point.value) == (4, 3)


class Lazy:
    """An object that loads what it is asked for, in each of the ways that there are."""

    @property
    def items(self) -> Any:
        """Load."""
        raise AssertionError("loaded")

    @functools.cached_property
    def results(self) -> Any:
        """Load."""
        raise AssertionError("loaded")

    @property
    def events(self) -> Any:
        """Load."""
        raise AssertionError("loaded")


class LazyByName:
    """The same by name."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError("loaded")


@pytest.mark.parametrize("make", [Lazy, LazyByName, Proxy])
def test_properties_are_not_read(recorded: RecordedTelemetry, make: Any) -> None:
    """Nor anything else that is not there yet: one object, and no events."""
    telemetry, result = recorded.telemetry, make()
    queries = InstrumentedQueryBus({Message: lambda q: result}, telemetry=telemetry)
    commands = InstrumentedCommandBus({Message: lambda c: result}, telemetry=telemetry)
    assert queries.execute(Message()) is result
    assert commands.dispatch(Message()) is result
    assert recorded.value(catalog.QUERY_RESULT_SIZE) == 1
    assert recorded.points(catalog.EVENTS_PRODUCED) == []
    assert recorded.value(catalog.TELEMETRY_FAULTS) == 0


class Overridden(collections.namedtuple("Overridden", "items events")):
    """A named tuple with properties in place of its fields."""

    __slots__ = ()

    @property
    def items(self) -> Any:
        """Load."""
        raise AssertionError("loaded")

    events = items


class HasOwnDict:
    """An object whose attributes are another's, as those of proxies are."""

    @property
    def __dict__(self) -> Any:  # type: ignore[override]
        """Load."""
        raise AssertionError("loaded")


class LazySlot:
    """An object that loads what is not in its slots yet."""

    __slots__ = ("events", "items")

    def __getattr__(self, name: str) -> Any:
        raise AssertionError("loaded")


class CoveredSlot:
    """The same for all that it is asked."""

    __slots__ = ("events", "items")

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError("loaded")


@pytest.mark.parametrize("make", [lambda: Overridden([1], [2]), HasOwnDict, LazySlot, CoveredSlot])
def test_fields_that_something_covers_are_not_read(recorded: RecordedTelemetry, make: Any) -> None:
    """Whatever is under them."""
    result = make()
    for _ in range(2):
        with recorded.telemetry.query("X") as query:
            query.returned(result)
        with recorded.telemetry.command("X") as command:
            command.returned(result)
    assert recorded.value(catalog.QUERY_RESULT_SIZE) == 2
    assert recorded.points(catalog.EVENTS_PRODUCED) == []
    assert recorded.value(catalog.TELEMETRY_FAULTS) == 0


def test_relations_that_come_later_are_not_loaded(recorded: RecordedTelemetry) -> None:
    """Mappers may add them to a class whose objects have been seen."""

    class Account:
        pass

    telemetry = recorded.telemetry
    for _ in range(2):
        for operation in (telemetry.query("X"), telemetry.command("X")):
            with operation:
                operation.returned(Account())
        Account.items = Account.events = Lazy.items  # type: ignore[attr-defined]
    assert recorded.value(catalog.QUERY_RESULT_SIZE) == 2
    assert recorded.value(catalog.TELEMETRY_FAULTS) == 0


@pytest.mark.parametrize(
    "events", [QuerySet(None), LazySequence(), LazyList(), iter([1]), "text"], ids=ids
)
def test_events_that_are_not_there_are_not_loaded(recorded: RecordedTelemetry, events: Any) -> None:
    """An attribute of the result that would ask the database when it is looked into."""
    dispatch = recorded.telemetry.instrument_commands(lambda c: SimpleNamespace(events=events))
    assert dispatch(Message()).events is events
    assert produced(recorded) == {}
    assert recorded.value(catalog.TELEMETRY_FAULTS) == 0


def test_functions_are_not_asked_about_none(recorded: RecordedTelemetry) -> None:
    """Nothing was found, nothing was produced."""
    telemetry = recorded.telemetry
    telemetry.instrument_queries(lambda q: None, result_size=len)(Message())
    telemetry.instrument_commands(lambda c: None, produced=lambda r: r.events)(Message())
    assert recorded.count(catalog.QUERY_RESULT_SIZE) == 1
    assert recorded.value(catalog.QUERY_RESULT_SIZE) == 0
    assert recorded.value(catalog.TELEMETRY_FAULTS) == 0


def test_results_with_a_default_and_slots(recorded: RecordedTelemetry) -> None:
    """Events of a class whose attribute has a default, and of one without a dict."""

    @dataclass(frozen=True)
    class Recorded:
        events: tuple[Any, ...] = ()

    class Constant:
        __slots__ = ()
        events = (OrderPlaced(),)

    class Defaulted:
        events = [OrderPlaced()]  # noqa: RUF012 - as it is found

    for result in (Recorded((OrderPlaced(),)), Recorded(), Constant(), Defaulted()):
        recorded.telemetry.instrument_commands(lambda c, r=result: r)(Message())
    assert produced(recorded) == {"OrderPlaced": 3}


def test_long_lists_of_values_are_not_looked_at_one_by_one(recorded: RecordedTelemetry) -> None:
    """Once per class: nothing of ours is called for each of the values."""
    calls = 0

    def count(frame: Any, event: str, _: Any) -> None:
        nonlocal calls
        calls += event == "call" and "cqrs_telemetry" in frame.f_code.co_filename

    ids = list(range(10_000))
    dispatch = recorded.telemetry.instrument_commands(lambda c: ids)
    dispatch(Message())
    profiler = sys.getprofile()
    sys.setprofile(count)
    try:
        dispatch(Message())
    finally:
        sys.setprofile(profiler)
    assert calls < 100
    assert produced(recorded) == {}


class Base(DeclarativeBase):
    """Tables."""


class Item(Base):
    """A row that belongs to an aggregate; also a stored event of it."""

    __tablename__ = "item"
    id: Mapped[int] = mapped_column(primary_key=True)
    basket_id: Mapped[int] = mapped_column(sqlalchemy.ForeignKey("basket.id"))


class Basket(Base):
    """An aggregate with relations that are named as fields of results are."""

    __tablename__ = "basket"
    id: Mapped[int] = mapped_column(primary_key=True)
    items: Mapped[list[Item]] = relationship(viewonly=True)
    results: Mapped[list[Item]] = relationship(viewonly=True)
    events: Mapped[list[Item]] = relationship()


@pytest.fixture
def database() -> Iterator[tuple[Session, list[str]]]:
    """A session on a basket of three items, and the statements that it has sent."""
    engine = sqlalchemy.create_engine("sqlite://")
    Base.metadata.create_all(engine)
    statements: list[str] = []
    with Session(engine) as session:
        session.add(Basket(id=1, events=[Item(), Item(), Item()]))
        session.commit()
        session.expunge_all()
        sqlalchemy.event.listen(
            engine, "before_cursor_execute", lambda *args: statements.append(args[2])
        )
        yield session, statements
    engine.dispose()


@pytest.mark.parametrize("loads", [False, True])
def test_relations_of_sqlalchemy_are_not_loaded(
    recorded: RecordedTelemetry, database: tuple[Session, list[str]], loads: bool
) -> None:
    """An entity is one object and has produced nothing, whether its relations are there or not."""
    session, statements = database
    telemetry = recorded.telemetry

    def get(_: Any) -> Any:
        basket = session.get_one(Basket, 1)
        return (basket, len(basket.items), len(basket.events))[0] if loads else basket

    get_and_nothing_else = get(None)
    before = len(statements)
    assert InstrumentedQueryBus({Message: get}, telemetry=telemetry).execute(Message())
    assert InstrumentedCommandBus({Message: get}, telemetry=telemetry).dispatch(Message())
    assert len(statements) == before
    assert recorded.value(catalog.QUERY_RESULT_SIZE) == 1
    assert recorded.points(catalog.EVENTS_PRODUCED) == []
    assert get_and_nothing_else.id == 1


def test_rows_and_results_of_sqlalchemy(
    recorded: RecordedTelemetry, database: tuple[Session, list[str]]
) -> None:
    """A row is one object, a list of them has its length, and a result is not used up."""
    session, statements = database
    select = sqlalchemy.select(Item.id, sqlalchemy.literal("x").label("items"))
    results = [
        session.execute(select).first(),
        session.execute(select).mappings().first(),
        session.execute(select).all(),
        session.execute(select),
        session.scalars(select),
        session.query(Item),
    ]
    before, answers = len(statements), iter(results)
    bus = InstrumentedQueryBus({Message: lambda q: next(answers)}, telemetry=recorded.telemetry)
    for result in results:
        assert bus.execute(Message()) is result
    assert len(statements) == before
    (point,) = recorded.points(catalog.QUERY_RESULT_SIZE)
    assert (point.count, point.value) == (3, 1 + 1 + 3)
    assert len(results[3].all()) == 3  # type: ignore[union-attr]


def test_fields_of_pages_can_be_others() -> None:
    """The first that has rows counts."""
    recorded = RecordedTelemetry(page_fields=["rows", "object_list"])
    for result in (
        SimpleNamespace(rows=[1, 2], items=[1]),
        SimpleNamespace(object_list=QuerySet([1, 2, 3]), rows=None),
        SimpleNamespace(object_list=QuerySet(None)),
        SimpleNamespace(object_list=[1, 2, 3, 4]),
    ):
        with recorded.telemetry.query("ListOrders") as operation:
            operation.returned(result)
    assert recorded.value(catalog.QUERY_RESULT_SIZE) == 2 + 3 + 4
    assert recorded.count(catalog.QUERY_RESULT_SIZE) == 3
    with pytest.raises(TypeError, match="page_fields must be a sequence of names, not 'rows'"):
        CqrsTelemetry(page_fields="rows")


def test_a_function_tells_the_size(recorded: RecordedTelemetry) -> None:
    """On buses and wrapped callables; None leaves it to the result."""
    telemetry = recorded.telemetry

    def size(result: Any) -> Any:
        return result.get("count") if isinstance(result, dict) else None

    bus = InstrumentedQueryBus(
        {Message: lambda q: {"count": 5}}, telemetry=telemetry, result_size=size
    )
    bus.execute(Message())
    telemetry.instrument_queries(lambda q: {"count": 7}, result_size=size)(Message())

    @telemetry.instrument_queries(result_size=size)
    def list_orders(query: Any) -> Any:
        return [1, 2, 3]

    list_orders(Message())
    (point,) = recorded.points(catalog.QUERY_RESULT_SIZE)
    assert (point.count, point.value) == (3, 5 + 7 + 3)


def fail(result: Any) -> Any:
    """A function of the service's that fails."""
    raise LookupError


@pytest.mark.parametrize(
    ("measure", "error"),
    [(fail, "LookupError"), (lambda r: "many", "TypeError"), (lambda r: 2.5, "TypeError"),
     (lambda r: -1, "ValueError")],
    ids=["raises", "text", "fraction", "negative"],
)  # fmt: skip
def test_sizes_that_are_none(recorded: RecordedTelemetry, measure: Any, error: str) -> None:
    """The caller gets the result, and the size is unknown."""
    execute = recorded.telemetry.instrument_queries(lambda q: [q], result_size=measure)
    message = Message()
    assert execute(message) == [message]
    assert recorded.points(catalog.QUERY_RESULT_SIZE) == []
    assert recorded.value(catalog.TELEMETRY_FAULTS, error_type=error) == 1
    recorded.assert_query("Message")


# Events


def produced(recorded: RecordedTelemetry) -> dict[str, float]:
    """How many events of which type."""
    points = recorded.points(catalog.EVENTS_PRODUCED)
    return {str(p.attributes["event.type"]): p.value for p in points}


class Slotted:
    """A result whose class has slots, of which one may be empty."""

    __slots__ = ("events",)

    def __init__(self, *events: Any) -> None:
        if events:
            self.events = events


class Recordings(NamedTuple):
    """A result that is a tuple."""

    events: list[Any]
    position: int


class Response(pydantic.BaseModel):
    """A result that is a model."""

    model_config = {"arbitrary_types_allowed": True}
    events: list[Any]


TWO = [OrderPlaced(), OrderPaid()]
BOTH = {"OrderPlaced": 1, "OrderPaid": 1}
EVENTS = [
    (SimpleNamespace(events=TWO), BOTH), (type("Result", (), {"events": TWO})(), BOTH),
    (Slotted(*TWO), BOTH), (Slotted(), {}), (Recordings(TWO, 7), BOTH),
    (Response(events=TWO), BOTH), (SimpleNamespace(events=None), {}), (SimpleNamespace(), {}),
    (TWO, BOTH), ([*TWO, *TWO], {"OrderPlaced": 2, "OrderPaid": 2}), ([], {}),
    ([OrderPlaced(), 7, "o-1", None, OrderPlaced], {"OrderPlaced": 1}),
    (["o-1", "o-2"], {}), ([1.5], {}), ([{"id": 1}], {}),
    ([{"type": "OrderPlaced"}], {"OrderPlaced": 1}),
    ([OrderPlaced(), KeyError("x"), uuid.UUID(int=1)], {"OrderPlaced": 1}),
    (SimpleNamespace(events=QuerySet([OrderPlaced()])), {"OrderPlaced": 1}),  # type: ignore[list-item]
    (SimpleNamespace(events={"a": OrderPlaced()}.values()), {"OrderPlaced": 1}),
    (None, {}), (7, {}), ("text", {}), (OrderPlaced(), {}), ({"events": TWO}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("result", "expected"), EVENTS, ids=ids)
def test_events(recorded: RecordedTelemetry, result: Any, expected: dict[str, int]) -> None:
    """Those in ``events`` or in a list that is the result; ids and numbers are none."""
    bus = InstrumentedCommandBus({Message: lambda c: result}, telemetry=recorded.telemetry)
    assert bus.dispatch(Message()) is result
    assert produced(recorded) == expected
    assert bus.dispatch(Message()) is result
    assert produced(recorded) == {name: 2 * count for name, count in expected.items()}
    assert recorded.value(catalog.TELEMETRY_FAULTS) == 0
    attributes = recorded.spans()[0].attributes or {}
    assert attributes.get("cqrs.events.count", 0) == sum(expected.values())


def test_a_function_tells_the_events(recorded: RecordedTelemetry) -> None:
    """On buses and wrapped callables, also one after the other; None leaves it to the result."""
    telemetry = recorded.telemetry

    def take(result: Any) -> Any:
        return (each for each in result.pending) if hasattr(result, "pending") else None

    aggregate = SimpleNamespace(pending=TWO, events=[OrderPaid()] * 9)
    bus = InstrumentedCommandBus({Message: lambda c: aggregate}, telemetry=telemetry, produced=take)
    bus.dispatch(Message())
    telemetry.instrument_commands(lambda c: aggregate, produced=take)(Message())

    @telemetry.instrument_commands(produced=take)
    def place(command: Any) -> Any:
        return [OrderPlaced()]

    @telemetry.instrument_commands(produced=take)
    def stream(command: Any) -> Any:
        yield OrderPlaced()

    place(Message())
    list(stream(Message()))
    assert produced(recorded) == {"OrderPlaced": 4, "OrderPaid": 2}


@pytest.mark.parametrize(
    ("take", "error"),
    [(fail, "LookupError"), (lambda result: 7, "TypeError"), (lambda r: iter(r), "TypeError")],
    ids=["raises", "number", "iterator"],
)
def test_events_that_are_none(recorded: RecordedTelemetry, take: Any, error: str) -> None:
    """The caller gets the result, and what was produced is unknown."""
    dispatch = recorded.telemetry.instrument_commands(lambda c: TWO, produced=take)
    assert dispatch(Message()) is TWO
    assert produced(recorded) == {}
    assert recorded.value(catalog.TELEMETRY_FAULTS, error_type=error) == 1
    recorded.assert_command("Message")


@pytest.mark.parametrize("argument", ["produced", "result_size"])
def test_a_function_that_is_none_is_refused(recorded: RecordedTelemetry, argument: str) -> None:
    """When the bus is made or the callable wrapped."""
    wrong: dict[str, Any] = {argument: "events"}
    wrap: Any = recorded.telemetry.instrument_commands
    bus: Any = InstrumentedCommandBus
    if argument == "result_size":
        wrap, bus = recorded.telemetry.instrument_queries, InstrumentedQueryBus
    for make in (wrap, bus):
        with pytest.raises(TypeError, match="measured by a function of it, not 'events'"):
            make({} if make is bus else print, **wrong)
