"""Connections: SQLite in WAL mode, a commit is on the disk before it returns, one kept connection a thread.

Transactions are begun by hand (`BEGIN IMMEDIATE`), because a transaction that starts with a read and then writes can
fail half-way when another worker has written meanwhile.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from weakref import WeakSet

from sqlalchemy import Connection, CursorResult, Dialect, Engine, Executable, create_engine, event, exc

from kmipd.core.registry_port import RegistryUnavailable
from kmipd.registry.changes import Changes

BUSY_TIMEOUT_MS = 15_000  # longer than any transaction of ours, shorter than the time-out of storage clients (30 s)
# Pages of 4 KiB in the write-ahead log before they are copied home: the same pages change all the time, so that four
# times SQLite's default copies each a quarter as often, for 16 MiB of disk.
CHECKPOINT_PAGES = 4_000


class RegistryError(RegistryUnavailable):
    """The registry cannot be used. The message says which file, what happened and what to do."""


def open_engine(path: Path) -> Engine:
    """An engine over the SQLite file at `path`."""
    # A connection for every thread, without limit (0): how many threads there are is decided where they start.
    engine = create_engine(f"sqlite:///{path}", isolation_level="AUTOCOMMIT", pool_size=0)

    @event.listens_for(engine, "connect")
    def _configure(dbapi_connection: Any, _record: object) -> None:
        cursor = dbapi_connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA secure_delete = ON")  # what a destroyed object leaves behind is zeros
        cursor.close()

    return engine


class Duplicate(Exception):
    """A row of this key is there already."""


class WriteLock:
    """One writer at a time, among the threads of this process and among processes.

    SQLite would let only one through as well, but has the others poll with growing sleeps: 16 writers then get a third
    of the throughput of one. A thread lock and flock(2) queue them; the kernel frees the latter when a process dies.
    """

    def __init__(self, path: Path) -> None:
        self._threads = threading.Lock()
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self.changes = Changes(self._fd)
        except OSError as error:
            os.close(self._fd)
            raise RegistryError(f"the registry's lock {path} cannot be written: {error.strerror}") from None

    def __enter__(self) -> None:
        self._threads.acquire()
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX)
        except BaseException:
            self._threads.release()
            raise
        self.changes.begin()

    def __exit__(self, *_: object) -> None:
        self.changes.end()
        fcntl.flock(self._fd, fcntl.LOCK_UN)
        self._threads.release()

    def close(self) -> None:
        self.changes.close()
        os.close(self._fd)


class Link:
    """A thread's connection: SQLAlchemy's for statements that are made on the spot, the driver's for prepared ones."""

    __slots__ = ("__weakref__", "_errors", "dialect", "raw", "sql")

    def __init__(self, connection: Connection) -> None:
        self.sql = connection
        self.raw: Any = connection.connection.dbapi_connection
        self.dialect: Dialect = connection.dialect
        dbapi: Any = connection.dialect.loaded_dbapi
        self._errors = (dbapi.IntegrityError, dbapi.DatabaseError)  # the latter: a file that is damaged, or no database

    def execute(self, statement: Executable) -> CursorResult[Any]:
        try:
            return self.sql.execute(statement)
        except exc.DatabaseError as error:
            if isinstance(error, exc.IntegrityError):
                raise
            raise RegistryError(f"the registry cannot be read or written: {error.orig}") from None

    def run(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """A cursor of the driver."""
        try:
            return self.raw.execute(sql, values)
        except self._errors as error:
            raise self._translated(error) from None

    def run_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        try:
            self.raw.executemany(sql, rows)
        except self._errors as error:
            raise self._translated(error) from None

    def _translated(self, error: Exception) -> Exception:
        if isinstance(error, self._errors[0]):
            return Duplicate(str(error))
        return RegistryError(f"the registry cannot be read or written: {error}")


class Connections:
    """One connection a thread, kept open: opening one costs more than any query."""

    def __init__(self, engine: Engine, write_lock: WriteLock) -> None:
        self._engine = engine
        self._write_lock = write_lock
        self.changes = write_lock.changes
        self._local = threading.local()
        self._all: WeakSet[Link] = WeakSet()  # of threads that are alive; the pool takes back those of the others
        self._lock = threading.Lock()

    def get(self) -> Link:
        link: Link | None = getattr(self._local, "link", None)
        if link is None:
            try:
                link = Link(self._engine.connect())
            except exc.DatabaseError as error:
                raise RegistryError(f"cannot open the registry {self._engine.url.database}: {error.orig}") from None
            self._local.link = link
            with self._lock:
                self._all.add(link)
        return link

    @contextmanager
    def transaction(self) -> Iterator[Link]:
        """A write transaction: everything or nothing, on the disk when it ends."""
        link = self.get()
        with self._write_lock:
            link.run("BEGIN IMMEDIATE")
            try:
                yield link
                link.run("COMMIT")
            except BaseException as error:
                with suppress(RegistryError):  # SQLite has rolled back by itself when the disk is full
                    link.run("ROLLBACK")
                if isinstance(error, exc.OperationalError):
                    raise RegistryError(f"the registry could not be written: {error.orig}") from None
                raise

    def close(self) -> None:
        with self._lock:
            for link in list(self._all):
                link.sql.close()
            self._all.clear()
        self._engine.dispose()
        self._write_lock.close()
