"""What operations of one side record to: names resolved once, cells and attribute sets kept."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from opentelemetry.metrics import Histogram
from opentelemetry.trace import Tracer

from . import catalog
from ._cells import Cell, Cells, InFlight, Level
from ._ends import Ends
from ._instruments import Instruments
from ._operation import type_name
from ._outcomes import is_cancellation
from .catalog import Attribute, Metric, Phase, Side, Status

_logger = logging.getLogger("cqrs_telemetry")
_NAMES = (str, type)  # a message may be given by its name or class


@dataclass(frozen=True)
class Path:
    """What distinguishes commands, queries and projections in the catalogue."""

    side: Side
    scope: str
    span_prefix: str
    types: tuple[Attribute, ...]
    status: Attribute
    duration: Metric
    total: Metric
    active: Metric | None
    amount: Metric | None  # what only this side measures: the result's size, the event's lag
    span_status: Attribute
    last: Metric | None = None  # when a message last ended so
    phase: Attribute | None = None


COMMANDS = Path(
    catalog.WRITE, catalog.WRITE_SCOPE, "command", (catalog.COMMAND_TYPE,), catalog.COMMAND_STATUS,
    catalog.COMMAND_DURATION, catalog.COMMAND_TOTAL, catalog.COMMAND_ACTIVE,
    None, catalog.SPAN_COMMAND_STATUS,
)  # fmt: skip
QUERIES = Path(
    catalog.READ, catalog.READ_SCOPE, "query", (catalog.QUERY_TYPE,), catalog.QUERY_STATUS,
    catalog.QUERY_DURATION, catalog.QUERY_TOTAL, catalog.QUERY_ACTIVE,
    catalog.QUERY_RESULT_SIZE, catalog.SPAN_QUERY_STATUS,
)  # fmt: skip
PROJECTIONS = Path(
    catalog.PROJECTION, catalog.PROJECTION_SCOPE, "projection",
    (catalog.PROJECTION_NAME, catalog.EVENT_TYPE), catalog.PROJECTION_STATUS,
    catalog.PROJECTION_DURATION, catalog.PROJECTION_TOTAL, None,
    catalog.PROJECTION_LAG, catalog.SPAN_PROJECTION_STATUS,
    catalog.PROJECTION_LAST_EVENT, catalog.PROJECTION_PHASE,
)  # fmt: skip


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
        self._names: set[str] = set()
        self._warned = False

    def fold(self, name: str) -> str:
        """``name``, or ``_other`` when there have been too many."""
        if name in self._names:
            return name
        with self._overflow.lock:  # which a forked child gets anew
            if len(self._names) < self._limit:
                self._names.add(name)
                return name
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


@dataclass(frozen=True)
class Outcome:
    """Where one outcome of one type is recorded."""

    __slots__ = ("attributes", "cell", "last")  # read faster than those of a named tuple
    cell: Cell
    attributes: dict[str, str]  # of the duration
    last: Level | None


class TypeRecord:
    """Everything that is the same for all operations of one type."""

    __slots__ = ("_last", "_outcomes", "_path", "_phase", "_totals", "active", "amount", "base",
                 "duration", "measures", "names", "produced", "span_name", "success")  # fmt: skip

    def __init__(
        self, path: Path, names: tuple[str, ...], instruments: Instruments, phase: Phase
    ) -> None:
        self._path = path
        self._phase: dict[str, str] = {path.phase.key: phase} if path.phase else {}
        self.names = names
        self.span_name = f"{path.span_prefix}.{names[0]}"
        keys = (attribute.key for attribute in path.types)
        self.base = {catalog.SIDE.key: path.side, **dict(zip(keys, names, strict=True))}
        self.duration: Histogram = instruments.histograms[path.duration]
        self.measures = path is PROJECTIONS  # at the end; the amount of others comes before
        self.amount: Histogram | None = instruments.histograms[path.amount] if path.amount else None
        self.active: InFlight | None = (
            instruments.in_flight[path.active].cell(self.base) if path.active else None
        )
        self.produced: dict[str, Cell] = {}  # by event type
        self._totals: Cells[Cell] = instruments.counters[path.total]
        self._last: Cells[Level] | None = instruments.gauges[path.last] if path.last else None
        self._outcomes: dict[tuple[Status, str | None], Outcome] = {}
        self.success = self.outcome(catalog.SUCCESS, None)

    def outcome(self, status: Status, error_type: str | None) -> Outcome:
        """Counter and attributes of an outcome."""
        outcome = self._outcomes.get((status, error_type))
        if outcome is None:
            duration = {**self.base, self._path.status.key: status, **self._phase}
            total = duration
            if error_type is not None:
                total = {**duration, catalog.ERROR_TYPE.key: error_type}
            last = None
            if self._last is not None and self._path.last is not None:
                last = self._last.cell({a.key: duration[a.key] for a in self._path.last.attributes})
            outcome = Outcome(self._totals.cell(total), duration, last)
            self._outcomes[status, error_type] = outcome
        return outcome


class Recorder:
    """One side's tracer, instruments and types."""

    def __init__(
        self,
        path: Path,
        tracer: Tracer,
        instruments: Instruments,
        rejections: tuple[type[BaseException], ...],
        max_types: int,
    ) -> None:
        self.path = path
        self.tracer = tracer
        self.instruments = instruments
        self.ends = instruments.ends
        self.waiting = self.ends.waiting
        self.rebuilds = instruments.rebuilds
        self._rejections = rejections
        self._max_types = max_types
        self._types = tuple(self.bounded(attribute) for attribute in path.types)
        self.error_types = self.bounded(catalog.ERROR_TYPE)
        self.records: dict[Phase, dict[tuple[str, ...], TypeRecord]]
        self.records = {catalog.LIVE: {}, catalog.REPLAY: {}}
        self._handled: set[str] = set()
        self.by_name: dict[str, TypeRecord] = {}  # of one name; see find()
        self.silent = False  # the last span showed that there is no SDK
        self._logged_faults: set[str] = set()
        self._faults({})

    @cached_property
    def event_types(self) -> BoundedNames:
        """The limit on types of events that commands produce."""
        return self.bounded(catalog.EVENT_TYPE)

    def bounded(self, attribute: Attribute) -> BoundedNames:
        """A limit on one attribute's values."""
        overflow = self.instruments.counters[catalog.TELEMETRY_OVERFLOW].cell(
            {catalog.SIDE.key: self.path.side, catalog.ATTRIBUTE_KEY.key: attribute.key}
        )
        return BoundedNames(attribute, self._max_types, overflow, self.ends)

    def record(self, names: tuple[str, ...], phase: Phase = catalog.LIVE) -> TypeRecord:
        """The record of a type in a phase; types past the limit share one."""
        records = self.records[phase]
        record = records.get(names)
        if record is None:
            folded = tuple(types.fold(name) for types, name in zip(self._types, names, strict=True))
            record = records.get(folded)
            if record is None:
                record = TypeRecord(self.path, folded, self.instruments, phase)
                # A counter that appears with its first increment hides that increment from
                # rate(), and a panel without series cannot be told from a broken one.
                record.outcome(catalog.ERROR, None)
                if self.path is PROJECTIONS:
                    self.skew(record)  # starts it at 0
                record = records.setdefault(folded, record)
        return record

    def find(self, message: Any) -> tuple[TypeRecord, str]:
        """The record of a message and its name, by which it is in ``by_name`` from now on.

        Not so for names that fold, and for messages that are names: their classes tell nothing.
        """
        name = type_name(message)
        record = self.record((name,))
        if record.names == (name,) and name == type(message).__name__:
            self.by_name[name] = record
        return record, name

    def declare(self, names: Iterable[str]) -> None:
        """Start the counters of known types at 0, before the first message."""
        for name in names:
            self.record((name,))

    def events_cell(self, record: TypeRecord, event_type: str) -> Cell:
        """The cell that counts one type of domain event from one type of command."""
        name = self.event_types.fold(event_type)
        attributes = {**record.base, catalog.EVENT_TYPE.key: name}
        cell = self.instruments.counters[catalog.EVENTS_PRODUCED].cell(attributes)
        if name == event_type:
            record.produced[name] = cell
        return cell

    def identify(
        self, message: Any, given: Any = None, take: Callable[[Any], Any] | None = None
    ) -> str:
        """The aggregate's id as text: given, taken from the message, or empty."""
        try:
            if given is None:
                if take is not None:
                    given = take(message)
                elif not issubclass(type(message), _NAMES):
                    given = getattr(message, "aggregate_id", None)
            return "" if given is None else str(given)
        except Exception as fault:
            self.count_fault(fault)
            return ""

    def name_attributes(self, name: str) -> dict[str, str]:
        """Side and name, of what is told of a projection or type as a whole."""
        return {
            catalog.SIDE.key: self.path.side,
            self.path.types[0].key: self._types[0].fold(name),
        }

    def count_handler(self, name: str, handler: object) -> None:
        """Count a handler of a projection for as long as it lives. Never raises."""
        try:
            self.instruments.handlers.cell(self.name_attributes(name)).add_until_collected(handler)
        except Exception as fault:
            self.count_fault(fault)

    def count_as_handler(self, name: str) -> None:
        """Count this itself as the handler of a projection that has no other object for it."""
        try:
            if name not in self._handled and len(self._handled) < self._max_types:
                self._handled.add(name)
                self.count_handler(name, self)
        except Exception as fault:
            self.count_fault(fault)

    def skew(self, record: TypeRecord) -> Cell:
        """The cell that counts a projection's events from the future."""
        keys = (attribute.key for attribute in catalog.PROJECTION_CLOCK_SKEW.attributes)
        attributes = {key: record.base[key] for key in keys}
        return self.instruments.counters[catalog.PROJECTION_CLOCK_SKEW].cell(attributes)

    def classify(self, exception: BaseException) -> Status:
        """The outcome that an exception stands for."""
        if isinstance(exception, self._rejections):
            return catalog.REJECTED
        return catalog.CANCELLED if is_cancellation(exception) else catalog.ERROR

    def _faults(self, attributes: dict[str, str]) -> Cell:
        cells = self.instruments.counters[catalog.TELEMETRY_FAULTS]
        return cells.cell({catalog.SIDE.key: self.path.side, **attributes})

    def count_fault(self, fault: Exception) -> None:
        """Count an error of the instrumentation itself; log the first of each type."""
        try:
            name = self.error_types.fold(type(fault).__name__)
            next(self._faults({catalog.ERROR_TYPE.key: name}).steps)
            if name not in self._logged_faults:
                self._logged_faults.add(name)
                self.ends.run(
                    _logger.warning,
                    "telemetry of the %s side failed; the business code is not affected. "
                    "Further faults of this type are only counted",
                    self.path.side, exc_info=fault,
                )  # fmt: skip
        except Exception:  # noqa: S110 - nothing is left that could report it
            pass
