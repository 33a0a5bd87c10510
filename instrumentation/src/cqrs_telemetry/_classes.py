"""What is known of classes, without asking them."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")

# What metaclasses can neither override nor break.
own_name: Callable[[type], str] = type.__dict__["__name__"].__get__
own_qualified_name: Callable[[type], str] = type.__dict__["__qualname__"].__get__
own_module: Callable[[type], Any] = type.__dict__["__module__"].__get__
bases: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
_flags: Callable[[type], int] = type.__dict__["__flags__"].__get__
_attributes: Callable[[type], Mapping[str, Any]] = type.__dict__["__dict__"].__get__
_HEAP_TYPE = 1 << 9  # https://docs.python.org/3/c-api/typeobj.html#c.Py_TPFLAGS_HEAPTYPE


def find_static(cls: type, name: str) -> Any:
    """What a class or one of its bases has by a name, as it is; None without it."""
    for base in bases(cls):
        attributes = _attributes(base)
        if name in attributes:
            return attributes[name]
    return None


def has_method(cls: type, name: str) -> bool:
    """Whether a class has a method, which a field or property of that name is not."""
    return callable(find_static(cls, name))


def is_static_type(cls: type) -> bool:
    """Whether a class is written in C, as most of Python's own are."""
    return not _flags(cls) & _HEAP_TYPE


class ByClass(Generic[Value]):
    """Values by class, which do not keep the class alive.

    Read ``values`` by ``id(cls)``: that asks nothing of the class, whose metaclass may answer
    anything, and costs less than a ``WeakKeyDictionary``.
    """

    __slots__ = ("_references", "values")

    def __init__(self) -> None:
        self.values: dict[int, Value] = {}
        self._references: dict[int, weakref.ref[type]] = {}

    def keep(self, cls: type, value: Value) -> None:
        """Set a class's value."""
        key = id(cls)
        forget = partial(_forget, key, self.values, self._references)
        self._references[key] = weakref.ref(cls, forget)
        self.values[key] = value


def _forget(key: int, values: dict[int, Any], references: dict[int, Any], _dead: Any) -> None:
    # A finalizer: it runs before another class can have this id, and takes no lock.
    values.pop(key, None)
    references.pop(key, None)
