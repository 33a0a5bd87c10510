"""Where the operations of one type are recorded: cells and attribute sets, made once."""

from __future__ import annotations

from dataclasses import dataclass

from opentelemetry.metrics import Histogram

from . import catalog
from ._cells import Cell, InFlight, Level
from ._instruments import Instruments
from .catalog import Attribute, Metric, Phase, Side, Status


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


@dataclass(frozen=True)
class Outcome:
    """Where one outcome of one type is recorded."""

    __slots__ = ("attributes", "cell", "last")  # read faster than those of a named tuple
    cell: Cell
    attributes: dict[str, str]  # of the duration
    last: Level | None


def fold_type(
    base: dict[str, str], path: Path, instruments: Instruments, phase: Phase, *, counts: bool
) -> dict[str, str]:
    """Attributes of a type that its total still has room for; ``counts`` what has to fold.

    The total has more sets than any other metric of the type: those need no limit of their own.
    """
    attributes = {**base, path.status.key: catalog.SUCCESS}
    if path.phase is not None:
        attributes[path.phase.key] = phase
    folded = instruments.fold(path.total, attributes, counts=counts)
    instruments.sets[path.total.name].add({**folded, path.status.key: catalog.ERROR})
    return {key: folded[key] for key in base}


class TypeRecord:
    """Everything that is the same for all operations of one type; ``base`` has its attributes."""

    __slots__ = ("_instruments", "_outcomes", "_path", "_phase", "active", "amount",
                 "base", "duration", "measures", "names", "own", "produced",
                 "span_name", "success")  # fmt: skip

    def __init__(
        self, path: Path, base: dict[str, str], instruments: Instruments, phase: Phase
    ) -> None:
        self._path = path
        self._instruments = instruments
        self._phase: dict[str, str] = {path.phase.key: phase} if path.phase else {}
        self.base = base
        self.names = tuple(base[attribute.key] for attribute in path.types)
        self.own = dict(tuple(base.items())[1 + len(self.names) :])
        self.span_name = f"{path.span_prefix}.{self.names[0]}"
        self.duration: Histogram = instruments.histograms[path.duration]
        self.measures = path is PROJECTIONS  # at the end; the amount of others comes before
        self.amount: Histogram | None = None
        if path.amount is not None:
            self.amount = instruments.histograms[path.amount]
        self.active: InFlight | None = None
        if path.active is not None:
            self.active = instruments.in_flight[path.active].cell(self.base)
        self.produced: dict[str, Cell] = {}  # by event type
        self._outcomes: dict[tuple[Status, str | None], Outcome] = {}
        self.success = self.outcome(catalog.SUCCESS, None)

    def outcome(self, status: Status, error_type: str | None) -> Outcome:
        """Counter and attributes of an outcome."""
        outcome = self._outcomes.get((status, error_type))
        if outcome is None:
            path, instruments = self._path, self._instruments
            attributes = {**self.base, path.status.key: status, **self._phase}
            if error_type is not None:
                attributes[catalog.ERROR_TYPE.key] = error_type
            folded = instruments.fold(path.total, attributes)
            cell = instruments.counters[path.total].cell(folded)
            duration = {k: v for k, v in folded.items() if k != catalog.ERROR_TYPE.key}
            last = None
            if path.last is not None:
                of_last = {a.key: folded[a.key] for a in path.last.attributes}
                last = instruments.gauges[path.last].cell(of_last)
            outcome = Outcome(cell, duration, last)
            if folded == attributes:  # of others there is no end, and each counts as an overflow
                self._outcomes[status, error_type] = outcome
        return outcome
