"""The entries that Locate searches follow the objects, many objects at a time.

An object's sixteen entries lie in as many pages of the two indexes by value; written with the object they were more
than half of what a durable Create cost. So a commit writes the object and its Names, which must be unique, and the rest
is written before somebody looks: `catch_up` runs before every Locate, and after every `BATCH` new objects. How far the
entries go is itself a row, so that a crash loses nothing. Identifiers of rows grow in the order of commits, since there
is one writer at a time: "every object up to this one" is a safe mark.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

from sqlalchemy import bindparam, delete, insert, select, update

from kmipd.core.model import ManagedObject
from kmipd.core.registry_port import RegistryUnavailable
from kmipd.registry.engine import Connections, Link
from kmipd.registry.prepared import Prepared
from kmipd.registry.rows import ROW, from_row, index_entries, index_entry
from kmipd.registry.tables import index_progress, managed_object, object_attribute
from kmipd.spec.tags import Tag

BATCH: Final = 256  # new objects of one worker without entries: to catch up takes 10 ms, in which nobody else writes
_ROUND: Final = 1_000  # objects in one transaction at most, so that no other writer waits for long

_THROUGH = select(index_progress.c.through).scalar_subquery()
_MARK = Prepared(select(index_progress.c.through))
_SET_MARK = Prepared(update(index_progress).values(through=bindparam("row_id")))
_BEHIND = Prepared(select(managed_object.c.id).where(managed_object.c.id > _THROUGH).limit(1))
_PENDING = Prepared(
    select(managed_object).where(managed_object.c.id > _THROUGH).order_by(managed_object.c.id).limit(bindparam("most"))
)
_ENTRY = ("object_id", "attribute", "position", "number", "digest")
_INSERT = Prepared(insert(object_attribute).values({name: bindparam(name) for name in _ENTRY}))
_DELETE = Prepared(delete(object_attribute).where(object_attribute.c.object_id == bindparam("object_id")))

Entry = tuple[int, int, int, int | None, bytes | None]


class Indexer:
    """Of one process; safe to use from many threads."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._fresh: dict[int, ManagedObject] = {}  # by row: what this process has added and need not read again
        self._lock = threading.Lock()

    # In the transaction of a unit of work ----------------------------------------------------------------------

    def added(self, link: Link, row_id: int, obj: ManagedObject) -> None:
        """Write what must be there at once: a Name may not be taken twice."""
        _INSERT.run_many(link, _names(row_id, obj))

    def changed(self, link: Link, row_id: int, obj: ManagedObject) -> None:
        """Replace the entries of an object, or its Names when the rest of it has yet to be written."""
        _DELETE.run(link, {"object_id": row_id})
        behind = row_id > _MARK.run(link, {}).fetchone()[0]
        _INSERT.run_many(link, _names(row_id, obj) if behind else _entries(row_id, obj))

    # Outside of one --------------------------------------------------------------------------------------------

    def committed(self, added: Mapping[int, ManagedObject]) -> None:
        """Objects were added by this process; now and then that is the time to catch up."""
        if not added:
            return
        with self._lock:
            if len(self._fresh) >= 4 * BATCH:  # catching up fails all the time: the rows can be read again
                self._fresh.clear()
            self._fresh.update(added)
            due = len(self._fresh) >= BATCH
        if due:
            with suppress(RegistryUnavailable):  # what was committed is safe, and will be indexed another time
                self.catch_up()

    def catch_up(self) -> None:
        """Write all entries that are missing; RegistryUnavailable when they cannot be written."""
        link = self._connections.get()
        while _BEHIND.run(link, {}).fetchone() is not None:
            self._write_round()
        with self._lock:
            self._fresh.clear()

    def unindexed(self) -> dict[str, ManagedObject]:
        """Catch up, and return the objects that have no entries all the same: none, unless the disk is full."""
        try:
            self.catch_up()
        except RegistryUnavailable:
            rows = _PENDING.run(self._connections.get(), {"most": -1}).fetchall()  # -1: all of them
            return {obj.uid: obj for obj in (from_row(ROW(*row)) for row in rows)}
        return {}

    def _write_round(self) -> None:
        with self._connections.transaction() as link:
            rows: list[Any] = [ROW(*row) for row in _PENDING.run(link, {"most": _ROUND}).fetchall()]
            if not rows:
                return  # another worker was faster
            entries = [entry for row in rows for entry in _but_names(_entries(row.id, self._decoded(row)))]
            _INSERT.run_many(link, entries)
            _SET_MARK.run(link, {"row_id": rows[-1].id})

    def _decoded(self, row: Any) -> ManagedObject:
        fresh = self._fresh.get(row.id)
        return fresh if fresh is not None and fresh.row_version == row.row_version else from_row(row)


def _entries(row_id: int, obj: ManagedObject) -> list[Entry]:
    return [(row_id, attribute, n, number, digest) for n, (attribute, number, digest) in enumerate(index_entries(obj))]


def _names(row_id: int, obj: ManagedObject) -> list[Entry]:
    found = [index_entry(Tag.NAME, name) for name in obj.attributes.values(Tag.NAME)]
    return [(row_id, Tag.NAME, n, None, entry.digest) for n, entry in enumerate(found)]


def _but_names(entries: Iterable[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry[1] != Tag.NAME]
