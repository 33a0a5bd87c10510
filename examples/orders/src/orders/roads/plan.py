"""Which roads there are, and with which names and histograms Prometheus can have each."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from cqrs_alerts.config import Config
from cqrs_alerts.dashboard_settings import DashboardSettings
from cqrs_alerts.naming import STRATEGIES, Histograms, Strategy, escapes

Export = Literal["scraped", "collector", "otlp"]  # how telemetry leaves the service
Arrival = Literal["scraped", "remote_write", "otlp"]  # how it reaches Prometheus
# classic: the catalogue's buckets. converted: Prometheus makes native histograms of these.
# exponential: the service exports such ones, and Prometheus keeps them as native ones.
Kind = Literal["classic", "converted", "exponential"]
KINDS: tuple[Kind, ...] = get_args(Kind)
# What is killed under load: the collector and Prometheus, or one of the workers.
Disturbance = Literal["servers", "worker"]

INTERVAL = "4s"  # between two samples, and between two evaluations
WORKERS = 3  # where there are several
CELLS_AT_ONCE = 6  # servers that one run feeds: more, and two processors are late with scrapes
_DEFAULT: tuple[Strategy, ...] = STRATEGIES[:1]
_ESCAPED = tuple(strategy for strategy in STRATEGIES if escapes(strategy))


@dataclass(frozen=True)
class Road:
    """One way to Prometheus, and the strategies that it has for each kind of histogram."""

    name: str
    title: str
    export: Export
    arrival: Arrival
    classic: tuple[Strategy, ...]
    converted: tuple[Strategy, ...] = ()
    exponential: tuple[Strategy, ...] = ()
    workers: int = 1
    server: str = "prometheus"  # name of the program
    disturbance: Disturbance | None = None

    def strategies(self, kind: Kind) -> tuple[Strategy, ...]:
        """Those that it has for a kind of histogram."""
        by_kind: dict[Kind, tuple[Strategy, ...]] = {
            "classic": self.classic,
            "converted": self.converted,
            "exponential": self.exponential,
        }
        return by_kind[kind]


# https://prometheus.io/docs/specs/native_histograms/ and docs/naming.md say what can be combined.
ROADS: dict[str, Road] = {
    road.name: road
    for road in (
        # OpenTelemetry's Python exporter knows one strategy and no exponential histograms.
        Road(
            "scraped", "Python exporter, scraped", "scraped", "scraped",
            _DEFAULT, converted=_DEFAULT,
        ),
        Road(
            "scraped-by-prometheus-2", "the same, scraped by Prometheus 2", "scraped", "scraped",
            _DEFAULT, server="prometheus2",
        ),
        # Exponential ones leave the collector as protobuf, in which it escapes names.
        Road(
            "collector-scraped", "OTLP, collector, scraped", "collector", "scraped",
            STRATEGIES, converted=STRATEGIES, exponential=_ESCAPED,
        ),
        Road(
            "collector-remote-write", "OTLP, collector, remote write", "collector", "remote_write",
            STRATEGIES, exponential=STRATEGIES,
        ),
        Road(
            "otlp", "OTLP straight into Prometheus", "otlp", "otlp",
            STRATEGIES, converted=STRATEGIES, exponential=STRATEGIES,
        ),
        Road(
            "workers-collector-scraped", f"{WORKERS} workers, OTLP, collector, scraped",
            "collector", "scraped", STRATEGIES, workers=WORKERS,
        ),
        Road(
            "workers-collector-remote-write", f"{WORKERS} workers, OTLP, collector, remote write",
            "collector", "remote_write", STRATEGIES, workers=WORKERS,
        ),
        Road(
            "workers-otlp", f"{WORKERS} workers, OTLP straight into Prometheus", "otlp", "otlp",
            STRATEGIES, exponential=_DEFAULT, workers=WORKERS,
        ),
        Road(
            "killed-collector-scraped", "collector and Prometheus killed, scraped",
            "collector", "scraped", _DEFAULT, disturbance="servers",
        ),
        Road(
            "killed-collector-remote-write", "collector and Prometheus killed, remote write",
            "collector", "remote_write", _DEFAULT, disturbance="servers",
        ),
        Road(
            "killed-otlp", "Prometheus killed, OTLP straight into it", "otlp", "otlp",
            _DEFAULT, disturbance="servers",
        ),
        Road(
            "killed-worker-otlp", f"one of {WORKERS} workers killed, OTLP straight", "otlp", "otlp",
            _DEFAULT, workers=WORKERS, disturbance="worker",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One field of the matrix: a road with a strategy and a kind of histogram."""

    road: Road
    strategy: Strategy
    kind: Kind

    @property
    def name(self) -> str:
        """As ``--only`` takes it."""
        return f"{self.road.name}/{self.strategy}/{self.kind}"

    @property
    def histograms(self) -> Histograms:
        """The setting that fits."""
        return "classic" if self.kind == "classic" else "native"

    @property
    def config(self) -> Config:
        """What a user of this road writes into cqrs.yaml."""
        return Config(
            naming=self.strategy,
            histograms=self.histograms,
            dashboards=DashboardSettings(
                scraped=self.road.export == "scraped", collector=self.road.export == "collector"
            ),
        )


@dataclass(frozen=True)
class Run:
    """One service under load, and all cells that it can feed at once."""

    cells: tuple[Cell, ...]
    part: int = 0  # where cells that could share a service are too many for one

    @property
    def road(self) -> Road:
        """What the cells have in common, but for the way from the collector to Prometheus."""
        return self.cells[0].road

    @property
    def exponential(self) -> bool:
        """Whether the service exports exponential histograms."""
        return self.cells[0].kind == "exponential"

    @property
    def name(self) -> str:
        """As a file's name."""
        if self.road.export == "otlp":
            return self.cells[0].name.replace("/", "-")
        workers = "workers-" if self.road.workers > 1 else ""
        part = f"-{self.part + 1}" if self.part else ""
        killed = "killed-" if self.road.disturbance else ""
        return (
            f"{killed}{workers}{self.road.export}{'-exponential' if self.exponential else ''}{part}"
        )


class UnknownCellError(Exception):
    """No cell has such a name."""


def all_cells() -> list[Cell]:
    """Every cell of the matrix, road by road."""
    return [
        Cell(road, strategy, kind)
        for road in ROADS.values()
        for kind in KINDS
        for strategy in road.strategies(kind)
    ]


def choose_cells(only: Sequence[str] = ()) -> list[Cell]:
    """All cells, or those under a road's name or a pattern such as ``*/NoTranslation/*``.

    Raises:
        UnknownCellError: A pattern fits none.
    """
    cells = all_cells()
    chosen = set[Cell]()
    for pattern in only:
        found = {
            cell
            for cell in cells
            if cell.road.name == pattern or fnmatch.fnmatch(cell.name, pattern)
        }
        if not found:
            raise UnknownCellError(
                f"no cell is called {pattern!r}; write a road ({', '.join(ROADS)}),"
                " ROAD/STRATEGY/KIND or a pattern such as 'otlp/*/classic'"
            )
        chosen |= found
    return [cell for cell in cells if cell in chosen or not only]


def plan_runs(cells: Iterable[Cell]) -> list[Run]:
    """The runs that fill the cells; the longest first, so that none is left alone at the end.

    Prometheus takes what is pushed as one strategy and one kind, so cells without a collector
    between need a service of their own; behind a collector, or scraped, they share one.
    """
    shared: dict[tuple[object, ...], list[Cell]] = {}
    for cell in cells:
        own = (cell.name,) if cell.road.export == "otlp" else ()
        road = cell.road
        key = (road.export, road.workers, road.disturbance, cell.kind == "exponential", *own)
        shared.setdefault(key, []).append(cell)
    runs = [
        Run(tuple(each[start : start + CELLS_AT_ONCE]), start // CELLS_AT_ONCE)
        for each in shared.values()
        for start in range(0, len(each), CELLS_AT_ONCE)
    ]
    return sorted(runs, key=lambda run: -len(run.cells))
