"""Where the operations of one type are recorded: cells and attribute sets, made once."""

from __future__ import annotations

from dataclasses import dataclass

from opentelemetry.metrics import Histogram

from . import catalog
from ._cells import Cell, Cells, InFlight, Level
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
