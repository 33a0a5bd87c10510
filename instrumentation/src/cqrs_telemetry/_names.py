"""What messages, events and errors are called: the one place that finds names and cleans them."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from . import catalog
from ._cells import Cell
from ._classes import ByClass
from ._ends import Ends
from .catalog import Attribute

_logger = logging.getLogger("cqrs_telemetry")

Naming = Callable[[Any], Any] | str
"""What names messages: a function of one, or the key that has the name of one that is a mapping."""

DEFAULT_KEY = "type"
MOST_CHARACTERS = 128  # class names are shorter; a label of kilobytes is in every series of it

# What metaclasses can neither override nor break.
_name: Callable[[type], str] = type.__dict__["__name__"].__get__
_qualified_name: Callable[[type], str] = type.__dict__["__qualname__"].__get__
_module: Callable[[type], Any] = type.__dict__["__module__"].__get__
_attribute = type.__getattribute__

_AROUND = (partial, staticmethod, classmethod)
_VALUES = (str, bytes, bytearray, int, float, complex)  # and what derives from them
_STANDARD = sys.stdlib_module_names - {"types"}  # which is where make_dataclass puts its classes


def class_name(cls: type) -> str:
    """Name of a class of messages: with the classes that it is nested in, without the module.

    ``Order.Created`` is another event than ``Customer.Created``.
    """
    name, qualified = _name(cls), _qualified_name(cls).rpartition("<locals>.")[2]
    # Factories of classes often set the one alone.
    return clean(qualified if qualified.endswith(f".{name}") else name)


def error_name(exception: BaseException) -> str:
    """Name of an exception's class, as the contract has it."""
    return clean(_name(type(exception)))


def function_name(function: Any) -> str:
    """Name of a callable; of an object that has none, its class's."""
    while issubclass(type(function), _AROUND):
        function = getattr(function, "func", None) or function.__func__
    name = getattr(function, "__name__", None)
    return clean(name) if isinstance(name, str) else class_name(type(function))


def given_name(name: Any) -> str | None:
    """A name that the service gives to all messages of a callable, if it does.

    Raises:
        ValueError: it is empty or no text.
    """
    if name is None:
        return None
    if not isinstance(name, str) or not name:
        raise ValueError(f"name must be text that is not empty, not {name!r}")
    return clean(name)


def clean(name: Any) -> str:
    """A name as text that every exporter can encode, neither empty nor long. Never raises."""
    if type(name) is str and 0 < len(name) <= MOST_CHARACTERS and name.isidentifier():
        return name  # as nearly all are
    try:
        text = encodable(_text(name))
    except Exception:
        text = ""
    if len(text) > MOST_CHARACTERS:
        text = f"{text[: MOST_CHARACTERS - 3]}..."
    return text if text and not text.isspace() else catalog.UNNAMED_TYPE


def encodable(text: str) -> str:
    """Text without lone surrogates, with which one label makes every scrape fail."""
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


def _text(name: Any) -> str:
    cls = type(name)
    if issubclass(cls, str):
        return str.__str__(name)  # an enum's own would be the member's name
    if issubclass(cls, bytes):
        return bytes.decode(name, errors="backslashreplace")
    if issubclass(cls, type):
        return class_name(name)
    return "" if name is None else str(name)


class Names:
    """Names of the messages that one bus, handler or callable takes.

    ``given`` is the name of all of them. ``otherwise`` names those that are no objects of a domain:
    text, numbers, ids and what else Python's own classes have, whose values never become names.
    """

    def __init__(
        self,
        naming: Naming,
        count_fault: Callable[[Exception], None],
        *,
        given: str | None = None,
        otherwise: str | None = None,
        takes_names: bool = False,
    ) -> None:
        self._hook = None if isinstance(naming, str) else naming
        self._key = naming if isinstance(naming, str) else DEFAULT_KEY
        self._count_fault = count_fault
        self._given = given
        self._otherwise = otherwise
        self._takes_names = takes_names  # text is a name here
        self._classes: ByClass[str] = ByClass()
        self.by_class = self._classes.values  # where the class decides

    def find(self, message: Any) -> str:
        """The name of a message. Never raises."""
        cls = type(message)  # not isinstance: a proxy's __class__ may raise
        if cls is str and self._takes_names:
            return clean(message)
        name = self.by_class.get(id(cls))
        if name is None:
            try:
                name = self._ask(cls, message)
            except Exception as fault:
                self._count_fault(fault)
                return self._name_class(cls)
            if name is None:
                name = self._given or self._name_class(cls)
                if self._hook is None or self._given:
                    self._classes.keep(cls, name)
        return name

    def _ask(self, cls: type, message: Any) -> str | None:
        """The name that a message has itself; None where its class is to decide."""
        if self._given is not None:
            return None
        if issubclass(cls, type):
            return class_name(message)
        if self._takes_names and issubclass(cls, str):
            return clean(message)
        name = None if self._hook is None else self._hook(message)
        if name is None and is_mapping(cls):
            name = _value(message, self._key)
            if name is None:
                return self._name_class(cls)
        return None if name is None else clean(name)

    def _name_class(self, cls: type) -> str:
        if self._otherwise is not None and _is_value(cls):
            return self._otherwise
        return class_name(cls)

    def is_message(self, value: Any) -> bool:
        """Whether this is a message, and not a value such as an id or a percentage."""
        cls = type(value)
        if is_mapping(cls):
            return self._hook is not None or _value(value, self._key) is not None
        return not _is_value(cls)

    def declared(self, key: str | type) -> str | None:
        """The name of messages that a handler is for; None where only they can tell."""
        if self._hook is not None:
            return None
        return class_name(key) if isinstance(key, type) else clean(key)


def is_mapping(cls: type) -> bool:
    """Whether instances have keys; rows of databases do without being mappings by name."""
    try:
        return bool(_attribute(cls, "keys") and _attribute(cls, "__getitem__"))
    except AttributeError:
        return False


def _value(mapping: Any, key: str) -> Any:
    if hasattr(mapping, "get"):  # a defaultdict would make the value
        return mapping.get(key)
    try:
        return mapping[key]
    except LookupError:  # rows of sqlite3 raise IndexError
        return None


def _is_value(cls: type) -> bool:
    """Whether instances are no messages: numbers, text, and what Python's own classes make."""
    return issubclass(cls, _VALUES) or str(_module(cls)).partition(".")[0] in _STANDARD


class BoundedNames:
    """The first ``limit`` values of an attribute; later ones fold into ``_other``.

    Names come from class names, which code can make without end; every new one costs some twenty
    series in Prometheus and memory here.
    """

    def __init__(self, attribute: Attribute, limit: int, overflow: Cell, ends: Ends) -> None:
        self._ends = ends
        self._attribute = attribute
        self._limit = limit
        self._overflow = overflow
        self._names: dict[Any, str] = {}
        self._warned = False

    def fold(self, name: Any) -> str:
        """``name``, cleaned, or ``_other`` when there have been too many."""
        try:
            return self._names[name]
        except Exception:  # one that is new, or that cannot be a key
            name = clean(name)
        with self._overflow.lock:  # which a forked child gets anew
            if name in self._names or len(self._names) < self._limit:
                return self._names.setdefault(name, name)
            warn, self._warned = not self._warned, True
        if warn:
            self._ends.run(
                _logger.warning,
                "more than %d values of %s: %r and further ones are recorded as %r; "
                "raise max_types if they are all real types",
                self._limit, self._attribute.key, name, catalog.OTHER_TYPE,
            )  # fmt: skip
        next(self._overflow.steps)
        return catalog.OTHER_TYPE
