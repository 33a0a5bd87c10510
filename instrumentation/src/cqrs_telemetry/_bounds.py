"""How many values an attribute may have."""

from __future__ import annotations

import logging
from typing import Any

from . import catalog
from ._cells import Cell
from ._ends import Ends
from ._names import clean
from .catalog import Attribute

_logger = logging.getLogger("cqrs_telemetry")


class BoundedNames:
    """The first ``limit`` values of an attribute; later ones fold into ``_other``.

    Names come from class names, which code can make without end; every new one costs about 20
    series in Prometheus and memory here.
    """

    def __init__(self, attribute: Attribute, limit: int, overflow: Cell, ends: Ends) -> None:
        self._ends = ends
        self._attribute = attribute
        self._limit = limit
        self._overflow = overflow
        self._names: dict[Any, str] = {}
        self._warned = False

    def fold(self, name: Any, *, counts: bool = True) -> str:
        """``name``, cleaned, or ``_other`` when there have been too many; ``counts`` that."""
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
                "raise max_types if they are all real",
                self._limit, self._attribute.key, name, catalog.OTHER_TYPE,
            )  # fmt: skip
        if counts:
            next(self._overflow.steps)
        return catalog.OTHER_TYPE
