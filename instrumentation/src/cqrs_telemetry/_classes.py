"""Values that belong to classes."""

from __future__ import annotations

import weakref
from functools import partial
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


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
