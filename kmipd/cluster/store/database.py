"""Opening the store, and units of work on it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from kmipd.cluster.errors import ClusterError
from kmipd.cluster.files import SECRET
from kmipd.cluster.store import rows, tables

R = TypeVar("R")
_BUSY_SECONDS = 10  # several threads write; each transaction takes milliseconds
KEEP_EVENTS = 10_000  # the oldest go; an event log must not fill the disk


class Rows(Generic[R]):
    """One table inside a transaction. Conditions are equalities; what needs more is a method of Unit."""

    def __init__(self, connection: sa.Connection, table: sa.Table, cls: type[R]) -> None:
        self._connection, self._table, self._cls = connection, table, cls
        self._columns = [table.c[f.name] for f in fields(cls)]  # type: ignore[arg-type]

    def all(self, **equals: object) -> list[R]:
        """The matching rows in the order of their ids."""
        query = sa.select(*self._columns).where(*self._conditions(equals)).order_by(self._table.c.id)
        return [self._cls(*row) for row in self._connection.execute(query)]

    def one(self, **equals: object) -> R | None:
        """The last matching row, or None."""
        query = sa.select(*self._columns).where(*self._conditions(equals)).order_by(self._table.c.id.desc()).limit(1)
        row = self._connection.execute(query).first()
        return None if row is None else self._cls(*row)

    def add(self, **values: object) -> int:
        """Insert; returns the new id."""
        result = self._connection.execute(sa.insert(self._table).values(**values))
        key = result.inserted_primary_key
        assert key is not None
        return int(key[0])

    def update(self, identifier: int, **values: object) -> None:
        self._connection.execute(sa.update(self._table).where(self._table.c.id == identifier).values(**values))

    def delete(self, **equals: object) -> None:
        self._connection.execute(sa.delete(self._table).where(*self._conditions(equals)))

    def _conditions(self, equals: dict[str, object]) -> list[sa.ColumnElement[bool]]:
        return [self._table.c[name] == value for name, value in equals.items()]


class Unit:
    """One transaction."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self.cluster = Rows(connection, tables.cluster, rows.ClusterRow)
        self.nodes = Rows(connection, tables.nodes, rows.Node)
        self.admins = Rows(connection, tables.admins, rows.Admin)
        self.key_pairs = Rows(connection, tables.key_pairs, rows.KeyPair)
        self.providers = Rows(connection, tables.providers, rows.Provider)
        self.key_servers = Rows(connection, tables.key_servers, rows.KeyServer)
        self.master_keys = Rows(connection, tables.master_keys, rows.MasterKey)
        self.volumes = Rows(connection, tables.volumes, rows.Volume)
        self.data_keys = Rows(connection, tables.data_keys, rows.DataKey)
        self.async_results = Rows(connection, tables.async_results, rows.AsyncResult)
        self.rekeys = Rows(connection, tables.rekeys, rows.Rekey)
        self.faults = Rows(connection, tables.faults, rows.Fault)
        self.events = Rows(connection, tables.events, rows.Event)

    def not_rewrapped(self, old_id: int, new_id: int, limit: int) -> Sequence[rows.DataKey]:
        """Data keys that have a copy under the old master key and none under the new."""
        old, new = tables.data_keys.alias("old"), tables.data_keys.alias("new")
        query = (
            sa.select(old.c.id, old.c.volume_id, old.c.master_key_id, old.c.wrapped)
            .outerjoin(new, sa.and_(new.c.volume_id == old.c.volume_id, new.c.master_key_id == new_id))
            .where(old.c.master_key_id == old_id, new.c.id.is_(None))
            .order_by(old.c.id)
            .limit(limit)
        )
        return [rows.DataKey(*row) for row in self._connection.execute(query)]

    def events_between(self, first: int, last: int | None, kind: str | None, limit: int) -> list[rows.Event]:
        """Newest first, as ListEvents gives them."""
        table = tables.events
        query = sa.select(*[table.c[f.name] for f in fields(rows.Event)]).where(table.c.id >= first)
        if last is not None:
            query = query.where(table.c.id <= last)
        if kind is not None:
            query = query.where(table.c.kind == kind)
        return [rows.Event(*row) for row in self._connection.execute(query.order_by(table.c.id.desc()).limit(limit))]

    def trim_events(self, newest: int) -> None:
        self._connection.execute(sa.delete(tables.events).where(tables.events.c.id <= newest - KEEP_EVENTS))


class Store:
    """The file, its schema and its transactions. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # Made by us before SQLite sees it: its journal files take over this mode.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, SECRET))
        self._engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": _BUSY_SECONDS})
        sa.event.listen(self._engine, "connect", _configure)
        sa.event.listen(self._engine, "begin", _begin)
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def unit(self) -> Iterator[Unit]:
        """A transaction: committed and on the disk when the block ends, undone when it raises."""
        with self._engine.begin() as connection:
            yield Unit(connection)

    def close(self) -> None:
        self._engine.dispose()

    def _prepare(self) -> None:
        try:
            with self._engine.begin() as connection:
                if not sa.inspect(connection).has_table("schema"):
                    tables.metadata.create_all(connection)
                    connection.execute(sa.insert(tables.schema).values(version=tables.SCHEMA_VERSION))
                found = connection.execute(sa.select(tables.schema.c.version)).scalar_one()
        except sa.exc.DatabaseError as error:
            raise ClusterError(f"{self.path} cannot be opened: {error.orig}") from None
        if found != tables.SCHEMA_VERSION:
            raise ClusterError(f"{self.path} has schema {found}, this release has {tables.SCHEMA_VERSION}; use its own")


def _configure(connection: Any, _record: object) -> None:
    # The driver's own BEGIN comes too late for us (before the first write); `_begin` starts every transaction.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")  # what a unit has read is still so when it writes
