"""Connections: SQLite in WAL mode, a commit is on the disk before it returns, one kept connection a thread.

Transactions are begun by hand (`BEGIN IMMEDIATE`), because a transaction that starts with a read and then writes can
fail half-way when another worker has written meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, exc

from kmipd.core.registry_port import RegistryUnavailable

BUSY_TIMEOUT_MS = 15_000  # longer than any transaction of ours, shorter than the time-out of storage clients (30 s)


class RegistryError(RegistryUnavailable):
    """The registry cannot be used. The message says which file, what happened and what to do."""


def open_engine(path: Path) -> Engine:
    """An engine over the SQLite file at `path`."""
    engine = create_engine(f"sqlite:///{path}", isolation_level="AUTOCOMMIT")

    @event.listens_for(engine, "connect")
    def _configure(dbapi_connection: Any, _record: object) -> None:
        cursor = dbapi_connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA secure_delete = ON")  # what a destroyed object leaves behind is zeros
        cursor.close()

    return engine


class Connections:
    """One connection a thread, kept open: opening one costs more than any query."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._local = threading.local()
        self._all: list[Connection] = []
        self._lock = threading.Lock()

    def get(self) -> Connection:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            try:
                connection = self._engine.connect()
            except exc.OperationalError as error:
                raise RegistryError(f"cannot open the registry {self._engine.url.database}: {error.orig}") from None
            self._local.connection = connection
            with self._lock:
                self._all.append(connection)
        return connection

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A write transaction: everything or nothing, on the disk when it ends."""
        connection = self.get()
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        except exc.OperationalError as error:
            raise RegistryError(f"the registry is busy or cannot be written: {error.orig}") from None
        try:
            yield connection
            connection.exec_driver_sql("COMMIT")
        except BaseException as error:
            self._roll_back(connection)
            if isinstance(error, exc.OperationalError):
                raise RegistryError(f"the registry could not be written: {error.orig}") from None
            raise

    def _roll_back(self, connection: Connection) -> None:
        try:
            connection.exec_driver_sql("ROLLBACK")
        except exc.OperationalError:  # SQLite has rolled back by itself (disk full)
            return

    def close(self) -> None:
        with self._lock:
            for connection in self._all:
                connection.close()
            self._all.clear()
        self._engine.dispose()
