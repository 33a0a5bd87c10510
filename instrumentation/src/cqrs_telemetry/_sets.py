"""How many attribute sets a metric may have.

Past 2,000 sets per instrument the SDK reports all others as one without names, and says nothing.
Sets fold here before that, one attribute at a time and the least useful first.
"""

from __future__ import annotations

import logging
import threading
from operator import itemgetter

from . import catalog
from ._ends import Ends
from .catalog import Metric

MOST_SETS = 2_000  # the SDK's own limit
FEWEST_SETS = 100
_SPARE = 50  # sets in which every attribute is folded always have room

# How full a metric may be when a new value still gets a set of its own: least of all attributes
# that the service adds, fully where no other attribute is left to fold.
_OWN_SHARE = 0.5
_SHARES = {catalog.ERROR_TYPE: 0.6, catalog.EVENT_TYPE: 0.7, catalog.QUERY_TYPE: 0.8}

_logger = logging.getLogger("cqrs_telemetry")

Folded = tuple[dict[str, str], list[str]]
"""The set to record under, and the keys of the attributes in it that had to fold."""


def checked_limit(most: int) -> int:
    """A limit that leaves room to fold.

    Raises:
        TypeError, ValueError: it is no number of sets, or too low.
    """
    if not isinstance(most, int):
        raise TypeError(f"max_attribute_sets must be a whole number, not {most!r}")
    if most < FEWEST_SETS:
        raise ValueError(f"max_attribute_sets must be at least {FEWEST_SETS}, not {most}")
    return most


class AttributeSets:
    """The attribute sets of one metric, of one meter provider."""

    def __init__(self, metric: Metric, ends: Ends) -> None:
        self.limit = MOST_SETS
        self._name = metric.name
        self._ends = ends
        self._keys = {attribute.key for attribute in metric.attributes}
        shares = ((a.key, _SHARES.get(a, 1.0)) for a in metric.attributes if not a.values)
        self._shares = sorted(shares, key=itemgetter(1))
        self._known: set[frozenset[tuple[str, str]]] = set()
        self._warned: set[str] = set()
        self.restart()

    def restart(self) -> None:
        """Take a new lock, in a forked child."""
        self._lock = threading.RLock()

    def fold(self, attributes: dict[str, str]) -> Folded:
        """Fold one attribute after another, the least useful first, until the set has room."""
        if frozenset(attributes.items()) in self._known:
            return attributes, []
        fails = catalog.ERROR_TYPE.key in attributes and len(self._shares) > 1
        with self._lock:
            folded, keys = (self._fold_error if fails else self._fold)(attributes)
        for key in keys:
            self._warn(key)
        return folded, keys

    def _fold(self, attributes: dict[str, str]) -> Folded:
        folded = attributes
        keys: list[str] = []
        for key, share in self._foldable(attributes):
            if folded[key] == catalog.OTHER_TYPE:
                continue
            if self._admit(folded, share):
                return folded, keys
            folded = {**folded, key: catalog.OTHER_TYPE}
            keys.append(key)
        self.add(folded)
        return folded, keys

    def _fold_error(self, attributes: dict[str, str]) -> Folded:
        # The type of message has sets already. If it failed under another name than it succeeds,
        # its ratio of errors would be wrong.
        if self._admit(attributes, _SHARES[catalog.ERROR_TYPE]):
            return attributes, []
        key = catalog.ERROR_TYPE.key
        other = {**attributes, key: catalog.OTHER_TYPE}
        without = {each: value for each, value in attributes.items() if each != key}
        keys = [] if attributes == other else [key]
        for folded in (other, without):
            if self._admit(folded, 1.0):
                return folded, keys
        folded, more = self._fold(other)
        return folded, keys + more

    def add(self, attributes: dict[str, str]) -> None:
        """Have room for a set, whatever the limit."""
        self._known.add(frozenset(attributes.items()))

    def _admit(self, attributes: dict[str, str], share: float) -> bool:
        key = frozenset(attributes.items())
        if key not in self._known:
            if len(self._known) >= share * (self.limit - _SPARE):
                return False
            self._known.add(key)
        return True

    def _foldable(self, attributes: dict[str, str]) -> list[tuple[str, float]]:
        """Attributes that may fold and their shares, the least useful attribute first."""
        found = [(key, _OWN_SHARE) for key in attributes if key not in self._keys]
        found += [(key, share) for key, share in self._shares if key in attributes]
        return [*found[:-1], *((key, 1.0) for key, _ in found[-1:])]

    def _warn(self, key: str) -> None:
        if key in self._warned:
            return
        self._warned.add(key)
        self._ends.run(
            _logger.warning,
            "%s has too many attribute sets for its limit of %d: further values of %s are recorded "
            "as %r; if all are real, raise max_attribute_sets and with it the cardinality limit of "
            "the SDK's metric reader",
            self._name, self.limit, key, catalog.OTHER_TYPE,
        )  # fmt: skip
