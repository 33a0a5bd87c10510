"""Tells messages from values. A value, which may be personal data, never becomes a name."""

from __future__ import annotations

import os
import sys
from enum import Enum
from pathlib import Path
from typing import Any

from ._classes import ByClass, bases, has_method, is_static_type, own_module, own_name

_NAMES = (str, bytes, type, Enum)  # what a name in a mapping may be
_SCALARS = (str, bytes, bytearray, int, float, complex, BaseException)
# Packages of Python's own whose classes messages may derive from.
_OF_MESSAGES = {
    "abc",
    "builtins",
    "collections",
    "contextlib",
    "dataclasses",
    "types",
    "typing",
    "unittest",
}
_OF_SCALARS = {"numpy", "bson"}  # numbers and ids that derive from none of Python's
_LIBRARY = str(Path(os.__file__).parent)


def is_mapping(cls: type) -> bool:
    """Whether instances have keys; rows of databases do without being mappings by name."""
    return has_method(cls, "keys") and has_method(cls, "__getitem__")


def name_in(mapping: Any, key: str) -> Any:
    """The name in a mapping, None where it has none that is one."""
    if has_method(type(mapping), "get"):  # a defaultdict would make the value
        found = mapping.get(key)
    else:
        try:
            found = mapping[key]
        except LookupError:  # rows of sqlite3 raise IndexError
            return None
    return found if issubclass(type(found), _NAMES) else None


def is_value(cls: type) -> bool:
    """Whether instances are values: numbers, text, ids, and instances of Python's own classes."""
    known = _values.values.get(id(cls))
    if known is None:
        known = issubclass(cls, _SCALARS) or _is_standard(cls) or any(map(_is_scalar, bases(cls)))
        _values.keep(cls, known)
    return known


_values: ByClass[bool] = ByClass()


def _is_scalar(base: type) -> bool:
    package = _package(base)
    return package in _OF_SCALARS or (package not in _OF_MESSAGES and _is_standard(base))


def _is_standard(cls: type) -> bool:
    """Whether a class belongs to Python's standard library, whatever its ``__module__`` says."""
    package = _package(cls)
    if package not in sys.stdlib_module_names or package == "types":
        return False
    module = sys.modules.get(str(own_module(cls)))
    file = getattr(module, "__file__", None)
    if file is not None and not str(file).startswith(_LIBRARY):
        return False  # a module of the service with the same name
    return is_static_type(cls) or getattr(module, own_name(cls), None) is cls


def _package(cls: type) -> str:
    return str(own_module(cls)).partition(".")[0]
