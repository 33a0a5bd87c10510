"""The read side's tables: one SQLite file per projection, written by it alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

from eventsourcing.persistence import Tracking
from eventsourcing.sqlite import SQLiteTrackingRecorder

from .domain import TracedEvent

Statement = tuple[str, Mapping[str, Any]]


class NotProjectedError(Exception):
    """The read tables do not exist: their projection has never run on this data."""


class View(SQLiteTrackingRecorder):
    """Read tables that remember how far into the events they reach.

    Every view keeps the history of what it applied: of each event the position, both timestamps and
    the order or product it was about.
    """

    tables: ClassVar[tuple[str, ...]] = ()

    # SQLite's own clock writes when an event became visible; julianday is the form of it that
    # counts milliseconds in every version of SQLite.
    INSERT_HISTORY = """
        INSERT INTO history VALUES (
            :position, :event, :subject, :occurred_at, (julianday('now') - 2440587.5) * 86400.0
        )"""

    def construct_create_table_statements(self) -> list[str]:
        """Declare the view's tables beside the library's tracking table."""
        return [
            *super().construct_create_table_statements(),
            """CREATE TABLE IF NOT EXISTS history (
                position INTEGER PRIMARY KEY, event TEXT, subject TEXT,
                occurred_at REAL, projected_at REAL
            )""",
            "CREATE INDEX IF NOT EXISTS history_of_subject ON history (subject, position)",
            *self.tables,
        ]

    def record(
        self, tracking: Tracking, event: TracedEvent, statements: Iterable[Statement]
    ) -> None:
        """Change the tables and the position in one transaction.

        Raises:
            IntegrityError: The view has recorded this position before.
        """
        happened = {
            "position": tracking.notification_id,
            "event": type(event).__name__,
            "subject": event.aggregate_id,
            "occurred_at": event.timestamp.timestamp(),
        }
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            for statement, parameters in statements:
                cursor.execute(statement, parameters)
            cursor.execute(self.INSERT_HISTORY, happened)

    def empty(self) -> None:
        """Forget all rows and the position: the next event to apply is the first one."""
        with self.datastore.transaction(commit=True) as cursor:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            for row in cursor.fetchall():
                cursor.execute(f'DELETE FROM "{row["name"]}"')  # noqa: S608 - a table's own name


class OrdersView(View):
    """Orders as customers see them, and what they consist of."""

    tables = (
        """CREATE TABLE IF NOT EXISTS orders (
            order_id TEXT PRIMARY KEY, customer TEXT, status TEXT, total INTEGER,
            placed_at REAL, changed_at REAL
        )""",
        "CREATE INDEX IF NOT EXISTS orders_by_age ON orders (placed_at DESC)",
        """CREATE TABLE IF NOT EXISTS order_lines (
            order_id TEXT, sku TEXT, quantity INTEGER, PRIMARY KEY (order_id, sku)
        ) WITHOUT ROWID""",
    )


class StockView(View):
    """What the shop sells and how much of it is there."""

    tables = (
        """CREATE TABLE IF NOT EXISTS products (
            product_id TEXT PRIMARY KEY, sku TEXT UNIQUE, price INTEGER, quantity INTEGER
        )""",
    )


class ReadModel:
    """Read-only access to the views of a data folder; each call has its own connection."""

    def __init__(self, data: Path) -> None:
        self._data = data

    def select(self, view: str, query: str, **parameters: Any) -> list[dict[str, Any]]:
        """Return all rows as dictionaries.

        Raises:
            NotProjectedError: The view's tables do not exist.
        """
        return list(self.stream(view, query, **parameters))

    def stream(self, view: str, query: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Return an iterator over the rows, which closes its connection at the end.

        Raises:
            NotProjectedError: The view's tables do not exist.
        """
        connection = self._connect(view)

        def rows() -> Iterator[dict[str, Any]]:
            with closing(connection):
                for row in connection.execute(query, parameters):
                    yield dict(row)

        return rows()

    def position(self, view: str) -> int:
        """Of the last event that a view has applied; 0 before the first. Others it never hears of.

        Raises:
            NotProjectedError: The view's tables do not exist.
        """
        (row,) = self.select(view, "SELECT max(notification_id) AS position FROM tracking")
        return row["position"] or 0

    def _connect(self, view: str) -> sqlite3.Connection:
        path = view_path(self._data, view)
        try:
            # mode=rw instead of ro: a reader of a WAL database takes part in its locking.
            # Rows may be consumed by another thread than the one that asked, never by two at once.
            connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=rw", uri=True, check_same_thread=False
            )
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA query_only = ON")
            exists = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'history'")
            if exists.fetchone() is None:
                connection.close()
                raise NotProjectedError(self._advice(path))
        except sqlite3.OperationalError as error:
            if path.exists():
                raise
            raise NotProjectedError(self._advice(path)) from error
        return connection

    def _advice(self, path: Path) -> str:
        return f"{path} has no tables yet; start `orders project --data {self._data}`"


def view_path(data: Path, view: str) -> Path:
    """The file that holds a view."""
    return data / f"view-{view}.sqlite"
