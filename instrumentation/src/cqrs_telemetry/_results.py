"""What is in a result: a query's rows, a command's events. The one place that measures results.

Nothing is asked of a result that may load something: no property or relation, and no length but
that of Python's own collections.
"""

from __future__ import annotations

from collections import deque, namedtuple
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from operator import index
from types import (
    FunctionType,
    GeneratorType,
    GetSetDescriptorType,
    MemberDescriptorType,
)
from typing import Any, Final

from ._classes import ByClass, find_static, own_module
from ._values import is_mapping

ResultSize = Callable[[Any], "int | None"]
"""What says how many items are in a result of a query."""
Produced = Callable[[Any], "Iterable[Any] | None"]
"""What says which events are in a result of a command."""

PAGE_FIELDS = ("items", "results")  # what holds the rows of a page, the first that does

_COLLECTIONS: tuple[type[Any], ...] = (
    list, tuple, set, frozenset, deque, range, type({}.keys()), type({}.values()), type({}.items()),
)  # fmt: skip
_TEXT = (str, bytes, bytearray, memoryview)
# Of models that can be iterated over, but are one object: of pydantic, dataclasses and attrs.
_FIELDS = ("__pydantic_core_schema__", "__fields__", "__dataclass_fields__", "__attrs_attrs__")
_SEVERAL = ("__iter__", "__aiter__", "__next__", "__anext__", "__len__")
_PYTHONS = ("builtins", "types", "collections")
_DICT_TYPES = (GetSetDescriptorType, MemberDescriptorType)
_TUPLE_FIELD = type(vars(namedtuple("_Named", "x"))["x"])  # of a field of named tuples
_FIELD_TYPES = (MemberDescriptorType, _TUPLE_FIELD)
# Where objects of a class have an attribute, so that no code of theirs runs when it is read.
IN_DICT: Final = "in __dict__, or nowhere"
IN_DICT_OR_CLASS: Final = "in __dict__, or a default of the class"
IN_FIELD: Final = "in a slot or field of a tuple"
_IN_COVERED_FIELD: Final = "in one that code of the class may stand before"
_UNDERNEATH: Final = "in __dict__, which only object.__getattribute__ gives"
_IN_CLASS: Final = "a value of the class"
_NOWHERE: Final = "nowhere, or to be made: a property, a relation, a method"


class Stored:
    """An attribute that objects keep; ``places`` says where, by ``id`` of their class."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._classes: ByClass[str] = ByClass()
        self.places = self._classes.values

    def read(self, holder: Any) -> Any:
        """The value; None without one."""
        cls, name = type(holder), self._name
        place = self.places.get(id(cls)) or self._find_place(cls)
        if place is _NOWHERE:
            return None
        if place is IN_FIELD:
            return getattr(holder, name, None)  # a slot may be empty
        if place is _IN_COVERED_FIELD:
            try:
                return find_static(cls, name).__get__(holder, cls)
            except AttributeError:
                return None
        if place is not _IN_CLASS:
            kept = object.__getattribute__(holder, "__dict__")
            if place is IN_DICT or name in kept:
                return kept.get(name)
        return find_static(cls, name)

    def _find_place(self, cls: type) -> str:
        place = self._choose(cls, find_static(cls, self._name))
        self._classes.keep(cls, place)
        return place

    def _choose(self, cls: type, found: Any) -> str:
        look = find_static(cls, "__getattribute__")
        owner = getattr(look, "__objclass__", None)
        is_pythons = owner is not None and own_module(owner) in _PYTHONS  # which only looks it up
        if hasattr(type(found), "__get__"):
            if type(found) not in _FIELD_TYPES:
                return _NOWHERE
            is_free = is_pythons and find_static(cls, "__getattr__") is None
            return IN_FIELD if is_free else _IN_COVERED_FIELD
        is_known = is_pythons or type(look) is FunctionType
        if not is_known or type(find_static(cls, "__dict__")) not in _DICT_TYPES:
            return _NOWHERE if found is None else _IN_CLASS
        if not is_pythons:
            return _UNDERNEATH
        return IN_DICT if found is None else IN_DICT_OR_CLASS


EVENTS = Stored("events")  # of a command's result, as in the contract
# Where the query sets of Django and MongoEngine keep rows once they have them, and whether not all.
_CACHE, _MORE = Stored("_result_cache"), Stored("_has_more")


class ResultSizes:
    """Measures results of queries."""

    def __init__(self, page_fields: Sequence[str] = PAGE_FIELDS) -> None:
        self._rows = [Stored(name) for name in page_fields]
        self._classes: ByClass[ResultSize] = ByClass()
        self._measures = self._classes.values

    def find(self, result: Any) -> int | None:
        """Items in a result; None where they are still to be loaded, or may be."""
        return self._find_measure(type(result))(result)

    def _find_measure(self, cls: type) -> ResultSize:
        try:
            return self._measures[id(cls)]
        except KeyError:
            measure = self._choose(cls)
            self._classes.keep(cls, measure)
            return measure

    def _choose(self, cls: type) -> ResultSize:
        if cls is type(None):
            return _nothing
        if find_static(cls, "__array__") is not None:
            return _loaded  # NumPy's and pandas'
        if issubclass(cls, tuple):
            is_row = bool(find_static(cls, "_fields")) or is_mapping(cls)
        else:
            is_row = is_mapping(cls) or bool(find_static(cls, "_mapping"))  # SQLAlchemy's
            if is_row or issubclass(cls, _TEXT):
                return _one
        if issubclass(cls, _COLLECTIONS) and not is_row:
            return len if is_plain_collection(cls) else _loaded
        if is_row or any(find_static(cls, name) is not None for name in _FIELDS):
            return self._measure_page
        several = any(find_static(cls, name) is not None for name in _SEVERAL)
        return _loaded if several else self._measure_page

    def _measure_page(self, result: Any) -> int | None:
        for stored in self._rows:
            rows = stored.read(result)
            measure = self._find_measure(type(rows))
            if measure in (len, _loaded):
                return measure(rows)
        return 1


def is_plain_collection(cls: type) -> bool:
    """Whether objects of a class are Python's own collections, with their length and items."""
    return any(
        _is_of(cls, "__len__", each) and _is_of(cls, "__iter__", each) for each in _COLLECTIONS
    )


def loaded_rows(result: Any) -> list[Any] | None:
    """The rows of a query set if they are all there."""
    rows = _CACHE.read(result)
    return rows if type(rows) is list and not _MORE.read(result) else None


def events_in(result: Any) -> Any:
    """The events that a result keeps, if they are there already."""
    events = EVENTS.read(result)
    if events is None or is_plain_collection(type(events)):
        return events
    return loaded_rows(events)


def checked_events(events: Iterable[Any]) -> Collection[Any]:
    """What a hook says that the events are.

    Raises:
        TypeError: they are not several, or are used up by looking at them.
    """
    if type(events) is GeneratorType:  # of the hook, for this
        return list(events)
    if not isinstance(events, Iterable) or isinstance(events, Iterator):
        raise TypeError(f"produced= returned a {type(events).__name__}: return a list of events")
    return list(events)


def checked_size(size: Any) -> int:
    """What a hook says that a size is.

    Raises:
        TypeError, ValueError: it is no number of items.
    """
    number = index(size)
    if number < 0:
        raise ValueError(f"result_size= returned {number}: a number of items is not negative")
    return number


def _nothing(_result: None) -> int:
    return 0


def _one(_result: Any) -> int:
    return 1


def _loaded(result: Any) -> int | None:
    rows = loaded_rows(result)
    return None if rows is None else len(rows)


def _is_of(cls: type, name: str, base: type) -> bool:
    return issubclass(cls, base) and find_static(cls, name) is find_static(base, name)
