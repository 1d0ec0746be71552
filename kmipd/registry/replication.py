"""The ledger of a group of clones in the registry. See `core.replication.Ledger`."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, insert, select, update

from kmipd.core.replication import Copy, Deferred
from kmipd.registry.engine import Connections, Link
from kmipd.registry.tables import key_copy, replication


class RegistryLedger:
    """The ledger of one store. `by` says who makes copies, for their provenance."""

    def __init__(self, connections: Connections, store: str, by: str = "kmipd") -> None:
        self._connections = connections
        self._store = store
        self._by = by

    def defer(self, work: Sequence[Deferred], copies: Sequence[Copy]) -> None:
        with self._connections.transaction() as link:
            for one in work:
                link.execute(delete(replication).where(*self._of(one)))
                link.execute(insert(replication).values(self._row(one)))
            for copy in copies:
                self._put_copy(link, copy)

    def pending(self) -> Sequence[Deferred]:
        statement = select(replication).where(replication.c.store == self._store).order_by(replication.c.created)
        rows = self._connections.get().execute(statement)
        return [Deferred(row.member, row.cka_id, row.action, row.parcel) for row in rows]

    def caught_up(self, work: Deferred, copy: Copy | None) -> bool:
        with self._connections.transaction() as link:
            same = (*self._of(work), replication.c.action == work.action)
            if not link.execute(delete(replication).where(*same)).rowcount:
                return False
            if copy is not None:
                self._put_copy(link, copy)
            else:
                self._drop_copy(link, work)
            return True

    def call_off(self, cka_id: bytes) -> None:
        here = (replication.c.store == self._store, replication.c.cka_id == cka_id)
        if self._connections.get().execute(select(replication.c.member).where(*here)).first() is None:
            return  # the usual case costs no write; no row comes to be later, they are written when a key is made
        with self._connections.transaction() as link:
            link.execute(delete(replication).where(*here))

    def failed(self, work: Deferred, problem: str) -> None:
        said = select(replication.c.problem).where(*self._of(work))
        if self._connections.get().execute(said).scalar() == problem:
            return  # a member that is away for a day is not written down every second
        with self._connections.transaction() as link:
            link.execute(update(replication).where(*self._of(work)).values(problem=problem))

    def forget(self, cka_id: bytes) -> None:
        with self._connections.transaction() as link:
            for table in (replication, key_copy):
                link.execute(delete(table).where(table.c.store == self._store, table.c.cka_id == cka_id))

    def copies(self, cka_id: bytes) -> Sequence[Copy]:
        statement = select(key_copy).where(key_copy.c.store == self._store, key_copy.c.cka_id == cka_id)
        rows = self._connections.get().execute(statement.order_by(key_copy.c.created))
        return [Copy(row.member, row.cka_id, row.source, f"{row.method}:{row.check_value}") for row in rows]

    def put_copies(self, copies: Sequence[Copy]) -> None:
        """Copies that were made by a command."""
        self.defer((), copies)

    def counts(self) -> dict[str, int]:
        """How much each member has still to do."""
        return dict(Counter(work.member for work in self.pending()))

    def problems(self) -> dict[str, str]:
        """Why a member has not caught up, as it was said last."""
        return {
            row.member: row.problem
            for row in self._connections.get().execute(select(replication).where(replication.c.store == self._store))
            if row.problem
        }

    def _of(self, work: Deferred) -> tuple[ColumnElement[bool], ...]:
        return (
            replication.c.store == self._store,
            replication.c.member == work.member,
            replication.c.cka_id == work.cka_id,
        )

    def _row(self, work: Deferred) -> dict[str, object]:
        return {
            "store": self._store,
            "member": work.member,
            "cka_id": work.cka_id,
            "action": work.action,
            "parcel": work.parcel,
            "created": int(time.time()),
            "problem": "",
        }

    def _put_copy(self, link: Link, copy: Copy) -> None:
        method, _, value = copy.check_value.partition(":")
        self._drop_copy(link, Deferred(copy.member, copy.cka_id, "create"))
        row = {
            "store": self._store,
            "member": copy.member,
            "cka_id": copy.cka_id,
            "source": copy.source,
            "method": method,
            "check_value": value,
            "made_by": self._by,
            "created": int(time.time()),
        }
        link.execute(insert(key_copy).values(row))

    def _drop_copy(self, link: Link, work: Deferred) -> None:
        same = (key_copy.c.store == self._store, key_copy.c.member == work.member, key_copy.c.cka_id == work.cka_id)
        link.execute(delete(key_copy).where(*same))
