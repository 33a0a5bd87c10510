"""Errors of the instrumentation itself, which never reach the business code."""

from __future__ import annotations

import logging

from . import catalog
from ._bounds import BoundedNames
from ._cells import Cell
from ._instruments import Instruments
from ._names import error_name
from .catalog import Side

_logger = logging.getLogger("cqrs_telemetry")


class Faults:
    """The faults of one side: counted by type, the first of each type logged."""

    def __init__(self, side: Side, instruments: Instruments, error_types: BoundedNames) -> None:
        self._side = side
        self._instruments = instruments
        self._error_types = error_types
        self._logged: set[str] = set()
        self._cell({})  # starts at 0

    def _cell(self, attributes: dict[str, str]) -> Cell:
        attributes = {catalog.SIDE.key: self._side, **attributes}
        return self._instruments.counter(catalog.TELEMETRY_FAULTS, attributes)

    def count(self, fault: Exception) -> None:
        """Count an error, and log the first of its type. Never raises."""
        try:
            name = self._error_types.fold(error_name(fault))
            next(self._cell({catalog.ERROR_TYPE.key: name}).steps)
            if name not in self._logged:
                self._logged.add(name)
                self._instruments.ends.run(
                    _logger.warning,
                    "telemetry of the %s side failed; the business code is not affected. "
                    "Further faults of this type are only counted",
                    self._side, exc_info=fault,
                )  # fmt: skip
        except Exception:  # noqa: S110 - nothing is left that could report it
            pass
