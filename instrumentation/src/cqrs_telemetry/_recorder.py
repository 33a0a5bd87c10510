"""What operations of one side record to: names resolved once, cells and attribute sets kept."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from opentelemetry.trace import Tracer

from . import catalog
from ._bounds import BoundedNames
from ._cells import Cell
from ._classes import ByClass
from ._faults import Faults
from ._instruments import Instruments
from ._names import Names, Naming, encodable, error_name
from ._outcomes import find_outcome
from ._own import OwnAttribute, OwnAttributes
from ._records import PROJECTIONS, Path, TypeRecord, fold_type
from ._results import ResultSizes
from .catalog import Attribute, Phase, Status

Measure = Callable[[Any], Any]  # of a result

_NAMES = (str, type)  # a message may be given by its name or class


class Recorder:
    """One side's tracer, instruments and types."""

    __slots__ = (
        "__weakref__", "_bounds", "_by_class", "_handled", "_max_types", "_named", "_naming",
        "_options", "_rejections", "_types", "by_class", "count_fault", "ends", "error_types",
        "events", "excluded", "instruments", "measure", "names", "own", "path", "rebuilds",
        "records", "silent", "sizes", "tracer", "waiting",
    )  # fmt: skip

    def __init__(
        self,
        path: Path,
        tracer: Tracer,
        instruments: Instruments,
        rejections: tuple[type[BaseException], ...],
        max_types: int,
        message_type: Naming,
        event_type: Naming,
        sizes: ResultSizes,
        excluded: Collection[str | type],
        own: OwnAttributes,
        options: Mapping[str, Any],
    ) -> None:
        self.excluded = excluded  # names and classes of messages
        self._options = options  # of the telemetry, for a process that gets this pickled
        self.path = path
        self.tracer = tracer
        self.instruments = instruments
        self.ends = instruments.ends
        self.waiting = self.ends.waiting
        self.rebuilds = instruments.rebuilds
        self._rejections = rejections
        self._max_types = max_types
        self._bounds: dict[Attribute, BoundedNames] = {}
        self._types = tuple(self.bounded(attribute) for attribute in path.types)
        self.error_types = self.bounded(catalog.ERROR_TYPE)
        self.count_fault = Faults(path.side, instruments, self.error_types).count
        self.own = tuple(OwnAttribute(key, own[key], self.bounded) for key in own)
        self.records: dict[Phase, dict[tuple[str, ...], TypeRecord]]  # by names and own values
        self.records = {catalog.LIVE: {}, catalog.REPLAY: {}}
        self._handled: set[str] = set()
        self._naming = event_type if path is PROJECTIONS else message_type
        self.sizes = sizes
        self.measure: Measure | None = None
        self.events = Names(event_type, self.count_fault)  # that commands produce
        self.name_messages()
        self.silent = False  # the last span showed that there is no SDK

    def name_messages(self, **named: Any) -> None:
        """Name messages by options of ``Names``."""
        self._named = named
        self.names = Names(self._naming, self.count_fault, **named)
        self._by_class: ByClass[TypeRecord | None] = ByClass()
        self.by_class = self._by_class.values  # see find()

    def adapted(self, measure: Measure | None = None, **named: Any) -> Recorder:
        """A recorder that names messages by these options, and takes measures so out of results."""
        if measure is not None and not callable(measure):
            raise TypeError(f"a result is measured by a function of it, not {measure!r}")
        other = Recorder.__new__(Recorder)
        for slot in set(self.__slots__) - {"__weakref__"}:
            setattr(other, slot, getattr(self, slot))
        other.measure = measure
        other.name_messages(**named)
        return other

    def __copy__(self) -> Recorder:
        return self  # what a copied bus records is of the same series

    def __deepcopy__(self, _memo: object) -> Recorder:
        return self

    def __reduce__(self) -> Any:
        from .telemetry import restore_recorder  # which imports this module

        return restore_recorder, (self._options, self.path.side, self.measure, self._named)

    def bounded(self, attribute: Attribute) -> BoundedNames:
        """The limit on one attribute's values."""
        bound = self._bounds.get(attribute)
        if bound is None:
            overflow = self.instruments.overflow(self.path.side, attribute.key)
            bound = BoundedNames(attribute, self._max_types, overflow, self.ends)
        return self._bounds.setdefault(attribute, bound)

    def record(
        self,
        names: tuple[str, ...],
        phase: Phase = catalog.LIVE,
        own: tuple[str, ...] = (),
        *,
        counts: bool = True,
    ) -> TypeRecord:
        """The record of a type in a phase; types past a limit share one, which ``counts``."""
        records = self.records[phase]
        record = records.get(names + own)
        if record is None:
            base: dict[str, str] = {catalog.SIDE.key: self.path.side}
            for attribute, types, name in zip(self.path.types, self._types, names, strict=True):
                base[attribute.key] = types.fold(name, counts=counts)
            for index, each in enumerate(self.own):
                base[each.key] = own[index] if own else ""
            base = fold_type(base, self.path, self.instruments, phase, counts=counts)
            folded = tuple(base.values())[1:]
            record = records.get(folded)
            if record is None:
                record = TypeRecord(self.path, base, self.instruments, phase)
                # A counter that appears with its first increment hides that increment from
                # rate(), and a panel without series cannot be told from a broken one.
                record.outcome(catalog.ERROR, None)
                if self.path is PROJECTIONS:
                    self.skew(record)  # starts it at 0
                record = records.setdefault(folded, record)
        return record

    def find(self, message: Any) -> tuple[TypeRecord | None, str]:
        """The record of a message, None if it is excluded, and its name.

        In ``by_class`` from now on, unless the name folds or is not that of the class, or the
        message has own attributes.
        """
        name = self.names.find(message)
        excluded = self.excludes(message, name)
        record = None if excluded else self.record((name,), own=self.find_own(message))
        if id(type(message)) in self.names.by_class and (
            record is None or (record.names == (name,) and not self.own)
        ):
            self._by_class.keep(type(message), record)
        return record, name

    def find_own(self, message: Any) -> tuple[str, ...]:
        """Values of the service's own attributes. Never raises."""
        return tuple(own.find(message, self.count_fault) for own in self.own)

    def excludes(self, message: Any, name: str) -> bool:
        """Whether a message of this name is not to be recorded."""
        cls = type(message)
        return any(each is cls or each == name for each in self.excluded)

    def declare(self, keys: Iterable[str | type]) -> None:
        """Start the counters of known types at 0, before the first message."""
        for name in filter(None, map(self.names.declared, keys)):
            if name not in self.excluded:
                self.record((name,), counts=False)

    def events_cell(self, record: TypeRecord, event_type: str) -> Cell:
        """The cell that counts one type of domain event from one type of command."""
        name = self.bounded(catalog.EVENT_TYPE).fold(event_type)
        attributes = {**record.base, catalog.EVENT_TYPE.key: name}
        cell = self.instruments.counter(catalog.EVENTS_PRODUCED, attributes)
        if name == event_type and cell.attributes == attributes:
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
                    if given is None:  # as events of the eventsourcing library have it
                        given = getattr(message, "originator_id", None)
            text = "" if given is None else str(given)
            return text if text.isascii() else encodable(text)
        except Exception as fault:
            self.count_fault(fault)
            return ""

    def take(self, function: Callable[[Any], Any], message: Any) -> Any:
        """What a function of the service's says of a message; None if it fails. Never raises."""
        try:
            return function(message)
        except Exception as fault:
            self.count_fault(fault)
            return None

    def name_attributes(self, name: str) -> dict[str, str]:
        """Side and name, of what is told of a projection or type as a whole."""
        return {
            catalog.SIDE.key: self.path.side,
            self.path.types[0].key: self._types[0].fold(name),
        }

    def count_handler(self, name: str, handler: object) -> None:
        """Count a handler of a projection for as long as it lives. Never raises."""
        try:
            instruments, attributes = self.instruments, self.name_attributes(name)
            folded = instruments.fold(catalog.PROJECTION_HANDLERS, attributes)
            instruments.handlers.cell(folded).add_until_collected(handler)
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

    def classify(self, exception: BaseException) -> tuple[Status, str]:
        """The outcome that an exception stands for, and the name of its type. Never raises."""
        try:
            return find_outcome(exception, self._rejections)
        except Exception as fault:
            self.count_fault(fault)
            return catalog.ERROR, error_name(exception)
