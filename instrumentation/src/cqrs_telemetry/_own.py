"""Attributes that a service adds to its metrics and spans, such as the tenant."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from inspect import iscoroutinefunction
from typing import Any

from . import catalog
from ._bounds import BoundedNames
from .catalog import Attribute

OwnAttributes = Mapping[str, Callable[[Any], Any]]
"""By key, what returns the value for a message; None where there is none."""

MOST_OWN = 3  # each multiplies the series of every type by the number of its values
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_.]*")
_LABELS = {"job", "instance", "le", "quantile"}  # of Prometheus
_SCOPE = "otel_"  # labels of exporters begin so


def _label(key: str) -> str:
    return re.sub("[^a-zA-Z0-9]+", "_", key)  # as the exporters do


_TAKEN = {_label(v.key) for v in vars(catalog).values() if isinstance(v, Attribute)} | _LABELS


def check_own(attributes: OwnAttributes) -> None:
    """Refuse own attributes that cannot be recorded.

    Raises:
        TypeError, ValueError: there are too many, a key cannot be used, or a value is no function.
    """
    if not isinstance(attributes, Mapping):
        raise TypeError(f"attributes must be functions of a message by key, not {attributes!r}")
    if len(attributes) > MOST_OWN:
        raise ValueError(
            f"attributes must be at most {MOST_OWN}, not {len(attributes)}: each multiplies the "
            "series of every type by the number of its values"
        )
    labels = set(_TAKEN)
    for key, function in attributes.items():
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            raise ValueError(
                f"a key of attributes is made of letters, digits, '.' and '_' and begins with a "
                f"letter, not {key!r}"
            )
        if _label(key) in labels or _label(key).startswith(_SCOPE):
            raise ValueError(f"attributes has {key!r}, a label that exists already: rename it")
        if not callable(function) or iscoroutinefunction(function):
            raise TypeError(f"attributes[{key!r}] must be a plain function, not {function!r}")
        labels.add(_label(key))


class OwnAttribute:
    """One own attribute: takes its value out of messages."""

    def __init__(
        self, key: str, take: Callable[[Any], Any], bounded: Callable[[Attribute], BoundedNames]
    ) -> None:
        self.key = key
        self._take = take
        self._values = bounded(Attribute(key, "Added by the service"))

    def find(self, message: Any, count_fault: Callable[[Exception], None]) -> str:
        """The value for a message as text; empty when there is none. Never raises."""
        try:
            value = self._take(message)
            if hasattr(type(value), "__get__"):  # as attributes of a class have
                raise TypeError(f"own attribute {self.key!r} must have a value, not {value!r}")
            if value is None or (type(value) is str and not value):
                return ""
            return self._values.fold(value)
        except Exception as fault:
            count_fault(fault)
            return ""
