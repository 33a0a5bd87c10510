"""What is in a result: a query's rows, a command's events. The one place that measures results.

Nothing is asked of a result that may load something: no property or relation, and no length but
that of Python's own collections.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import index
from types import MemberDescriptorType
from typing import Any, Final, cast

from ._classes import ByClass
from ._names import is_mapping

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
# Where the query sets of Django and MongoEngine keep rows once they have them, and whether not all.
_LOADED, _HAS_MORE = "_result_cache", "_has_more"
# What metaclasses can neither override nor break.
_bases: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
_attributes: Callable[[type], Mapping[str, Any]] = type.__dict__["__dict__"].__get__
_dict_offset: Callable[[type], int] = type.__dict__["__dictoffset__"].__get__

PLAIN: Final = cast("Callable[[Any], Any]", object())


class Stored:
    """An attribute, read where objects of a class keep it, without running code of theirs.

    ``readers`` has by ``id`` of a class what reads it: None where there is none or it would have to
    be made, and ``PLAIN`` where ``getattr`` does no more than look.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._classes: ByClass[Callable[[Any], Any] | None] = ByClass()
        self.readers = self._classes.values

    def read(self, holder: Any) -> Any:
        """The value; None without one."""
        cls = type(holder)
        reader = self.readers[id(cls)] if id(cls) in self.readers else self.find_reader(cls)
        if reader is PLAIN:
            return getattr(holder, self._name, None)
        return None if reader is None else reader(holder)

    def find_reader(self, cls: type) -> Callable[[Any], Any] | None:
        """What reads the attribute of objects of a class; in ``readers`` from now on."""
        reader = self._choose(cls, _find_static(cls, self._name))
        self._classes.keep(cls, reader)
        return reader

    def _choose(self, cls: type, found: Any) -> Callable[[Any], Any] | None:
        name = self._name
        of_slot = type(found) is MemberDescriptorType
        of_tuple = issubclass(cls, tuple) and name in (_find_static(cls, "_fields") or ())
        if of_slot or of_tuple:
            return lambda holder: _get(found, holder)
        if hasattr(type(found), "__get__") or (found is None and not _dict_offset(cls)):
            return None  # a property, a relation, a method; or no place for one
        if _find_static(cls, "__getattr__") or not _is_of(cls, "__getattribute__", object):
            return lambda holder: _stored_in(holder).get(name, found)
        return PLAIN


EVENTS = Stored("events")  # of a command's result, as in the contract


class ResultSizes:
    """Measures results of queries."""

    def __init__(self, page_fields: Sequence[str] = PAGE_FIELDS) -> None:
        self._rows = [Stored(name) for name in page_fields]
        self._classes: ByClass[ResultSize] = ByClass()
        self._measures = self._classes.values

    def find(self, result: Any) -> int | None:
        """Items in a result; None where they are still to be loaded, or may be."""
        try:
            measure = self._measures[id(type(result))]
        except KeyError:
            measure = self._choose(type(result))
            self._classes.keep(type(result), measure)
        return measure(result)

    def _choose(self, cls: type) -> ResultSize:
        if cls is type(None):
            return _nothing
        if issubclass(cls, tuple):
            is_row = bool(_find_static(cls, "_fields")) or is_mapping(cls)
        else:
            is_row = is_mapping(cls) or bool(_find_static(cls, "_mapping"))  # SQLAlchemy's
            if is_row or issubclass(cls, _TEXT):
                return _one
        if issubclass(cls, _COLLECTIONS) and not is_row:
            return len if any(_is_of(cls, "__len__", each) for each in _COLLECTIONS) else _loaded
        if is_row or any(_find_static(cls, name) is not None for name in _FIELDS):
            return self._measure_page
        several = any(_find_static(cls, name) is not None for name in _SEVERAL)
        return _loaded if several else self._measure_page

    def _measure_page(self, result: Any) -> int | None:
        for stored in self._rows:
            rows = stored.read(result)
            if issubclass(type(rows), _COLLECTIONS) or _LOADED in _stored_in(rows):
                return self.find(rows)
        return 1


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
    """Length of a query set whose rows are there already."""
    stored = _stored_in(result)
    rows = stored.get(_LOADED)
    return len(rows) if type(rows) is list and not stored.get(_HAS_MORE) else None


def _stored_in(holder: Any) -> dict[str, Any]:
    try:
        found: dict[str, Any] = object.__getattribute__(holder, "__dict__")
    except AttributeError:
        return {}
    return found


def _get(descriptor: Any, holder: Any) -> Any:
    try:
        return descriptor.__get__(holder, type(holder))
    except AttributeError:  # a slot that is empty
        return None


def _find_static(cls: type, name: str) -> Any:
    """What a class or one of its bases has by a name, as it is; None without it."""
    for base in _bases(cls):
        attributes = _attributes(base)
        if name in attributes:
            return attributes[name]
    return None


def _is_of(cls: type, name: str, base: type) -> bool:
    return issubclass(cls, base) and _find_static(cls, name) is _find_static(base, name)
