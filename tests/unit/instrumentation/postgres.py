"""A PostgreSQL server for tests, in a folder of its own and reached through a socket in it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from waits import LIMIT, wait_for

ROOT = Path(__file__).parents[3]
USER = "shop"
# Nothing has to outlive a test.
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "shared_buffers": "16MB",
    "jit": "off",
    "timezone": "GMT",  # known without the zones' files
    "log_timezone": "GMT",
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_format": "json",
}


class PostgresServer:
    """One server; it can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        # PostgreSQL refuses to run as root, who therefore lends it another user.
        self._identity: dict[str, Any] = {}
        if os.getuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self._identity = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        self._run(
            "initdb", "--username", USER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C",
            "--no-sync", "-D", folder / "data",
        ).wait(LIMIT)  # fmt: skip
        self.start()

    def _run(self, name: str, *arguments: str | Path) -> subprocess.Popen[bytes]:
        program = ROOT / ".tools/bin" / name
        if not program.exists():
            pytest.fail(f"no {name} in {program.parent}; run `make tools`")
        program = program.resolve()  # whose folder may be open to nobody where ours is not
        try:
            with self.log.open("ab") as log:
                return subprocess.Popen(
                    [program, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    cwd=self.folder, env={"PATH": os.defpath, "TZ": "GMT"}, **self._identity,
                )  # fmt: skip
        except PermissionError:
            pytest.fail(
                f"{program}: as root, PostgreSQL is run by the user nobody, who may not read this; "
                "open the folders above it (chmod o+x), install postgresql, or be another user"
            )

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = [word for item in SETTINGS.items() for word in ("-c", "=".join(item))]
        process = self._process = self._run(
            "postgres", "-D", self.folder / "data", "-k", self.folder, *options
        )
        refused: psycopg.OperationalError | None = None

        def answers() -> bool:
            nonlocal refused
            try:
                self.connect("postgres").close()
            except psycopg.OperationalError as error:
                if process.poll() is not None:
                    pytest.fail(f"PostgreSQL does not start: {error}\n{self.log.read_text()}")
                refused = error
                return False
            return True

        wait_for("answer of PostgreSQL", answers, saw=lambda: f"{refused}\n{self.log.read_text()}")

    def stop(self) -> None:
        """End it, and each connection to it, at once."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(LIMIT)

    def connect(self, database: str) -> psycopg.Connection[Any]:
        """A connection of our own, each of whose statements is a transaction."""
        return psycopg.connect(host=str(self.folder), user=USER, dbname=database, autocommit=True)

    def create(self, database: str) -> dict[str, str]:
        """A new database, as the environment of an application tells of it."""
        with self.connect("postgres") as connection:
            connection.execute(f'CREATE DATABASE "{database}"'.encode())
        return {
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": database,
            "POSTGRES_HOST": str(self.folder),
            "POSTGRES_USER": USER,
            "POSTGRES_PASSWORD": "",
            "POSTGRES_POOL_SIZE": "1",
            "POSTGRES_CONNECT_TIMEOUT": "1",
        }

    def explain(self, database: str) -> None:
        """Write into the log how each statement is executed, on connections from now on."""
        with self.connect("postgres") as connection:
            connection.execute(
                f'ALTER DATABASE "{database}" SET auto_explain.log_min_duration = 0'.encode()
            )


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A server for the length of a ``with``."""
    # Not pytest's folder, which belongs to one user; the path of a socket has to be short, too.
    folder = Path(tempfile.mkdtemp(prefix="cqrs-postgres-"))
    try:
        server = PostgresServer(folder)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)
