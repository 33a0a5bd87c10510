"""What messages, events and errors are called: the one place that finds names and cleans them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from . import catalog
from ._classes import ByClass, own_name, own_qualified_name
from ._values import is_mapping, is_value, name_in

Naming = Callable[[Any], Any] | str
"""What names messages: a function of one, or the key that has the name of one that is a mapping."""

DEFAULT_KEY = "type"
MOST_CHARACTERS = 128  # class names are shorter; every series of the name carries it as a label


def class_name(cls: type) -> str:
    """Name of a class of messages: with the classes that it is nested in, without the module.

    ``Order.Created`` is another event than ``Customer.Created``.
    """
    name, qualified = own_name(cls), own_qualified_name(cls).rpartition("<locals>.")[2]
    # Factories of classes often set __name__ alone.
    return clean(qualified if qualified.endswith(f".{name}") else name)


def error_name(exception: BaseException) -> str:
    """Name of an exception's class, as the contract has it."""
    return clean(own_name(type(exception)))


def function_name(function: Any) -> str:
    """Name of a callable; of an object that has none, its class's."""
    while issubclass(type(function), partial | staticmethod | classmethod):
        is_partial = issubclass(type(function), partial)
        function = function.func if is_partial else function.__func__
    try:
        name = function.__name__
    except Exception:  # a mock or proxy
        name = None
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
    """Escape lone surrogates: one label with them makes every scrape fail."""
    return text.encode(errors="backslashreplace").decode()


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

    ``given`` is the name of all of them. ``otherwise`` is the name of those that are values, such
    as text, numbers and ids: a value never becomes a name.
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
            # Of what wrapped callables take, a request is a mapping as well.
            if self._otherwise is None or issubclass(cls, dict) or is_value(cls):
                name = name_in(message, self._key)
            if name is None:
                return self._name_class(cls)
        return None if name is None else clean(name)

    def _name_class(self, cls: type) -> str:
        if self._otherwise is not None and is_value(cls):
            return self._otherwise
        return class_name(cls)

    def select_messages(self, values: Iterable[Any]) -> list[Any]:
        """Those of some values that are messages: no ids, numbers, plain mappings or exceptions.

        Never raises.
        """
        try:
            kinds = {cls: self._is_message(cls) for cls in set(map(type, values))}
            if not any(kinds.values()):
                return []
            return [each for each in values if kinds[type(each)] and self._has_name(each)]
        except Exception as fault:
            self._count_fault(fault)
            return []

    def _is_message(self, cls: type) -> bool:
        return is_mapping(cls) or not is_value(cls)

    def _has_name(self, message: Any) -> bool:
        if self._hook is not None or not is_mapping(type(message)):
            return True
        try:
            return name_in(message, self._key) is not None
        except Exception as fault:
            self._count_fault(fault)
            return False

    def declared(self, key: str | type) -> str | None:
        """The name of messages that a handler is for; None where only they can tell."""
        if self._hook is not None:
            return None
        return class_name(key) if isinstance(key, type) else clean(key)
