"""The registry: units of work, intents, wrapping keys, clients. See `core.registry_port.RegistryPort`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, or_, select, update

from kmipd.core.model import AuditEvent, ManagedObject, Placement
from kmipd.core.registry_port import Conflict, Intent
from kmipd.registry import identifiers, listing
from kmipd.registry.asynchronous import AsynchronousRequests
from kmipd.registry.audit_log import AuditLog
from kmipd.registry.clients import Clients
from kmipd.registry.default_members import DefaultMembers
from kmipd.registry.engine import Connections, Duplicate, RegistryError, WriteLock, open_engine
from kmipd.registry.group_commit import GroupCommit
from kmipd.registry.group_rules import KeptRules
from kmipd.registry.indexing import Indexer
from kmipd.registry.keystores import KeyStores
from kmipd.registry.object_cache import ObjectCache
from kmipd.registry.prepared import Prepared
from kmipd.registry.replication import RegistryLedger
from kmipd.registry.tables import CLAIMED, intent, managed_object, store_member, wrapping_key
from kmipd.registry.tickets import SQLTickets
from kmipd.registry.unit_of_work import SQLUnitOfWork

# Uses of a wrapping key are taken from the table in blocks: one write for many seals, and a crash only wastes a block.
USES_BLOCK = 1_000

_OPEN_INTENT = Prepared(insert(intent).values({c.name: bindparam(c.name) for c in intent.columns if c.name != "id"}))
_RESERVE = Prepared(
    update(wrapping_key)
    .where(
        wrapping_key.c.store == bindparam("in_store"),
        wrapping_key.c.uses + bindparam("block") <= wrapping_key.c.uses_max,
    )
    .values(uses=wrapping_key.c.uses + bindparam("block"))
    .returning(wrapping_key.c.cka_id)
)


class Registry:
    """One per process; safe to use from many threads."""

    def __init__(self, path: Path, audit_log: Path) -> None:
        if not path.exists():  # SQLite would make an empty one, for everybody to read
            raise RegistryError(f"there is no registry at {path}: run `kmipd init`, or restore it from a backup")
        self.path = path
        self._connections = Connections(open_engine(path), WriteLock(path.with_name(f"{path.name}.lock")))
        self._group = GroupCommit(self._connections)
        self._cache = ObjectCache()
        self._indexer = Indexer(self._connections)
        self._rules = KeptRules(self._connections)
        self._audit_log = AuditLog(audit_log)
        self._uses: dict[str, tuple[bytes, int]] = {}
        self._uses_lock = threading.Lock()
        self.clients = Clients(self._connections)
        self.default_members = DefaultMembers(self._connections)
        self.tickets = SQLTickets(self._connections)
        self.requests = AsynchronousRequests(self._connections)
        self.key_stores = KeyStores(self._connections)

    def unit(self) -> SQLUnitOfWork:
        return SQLUnitOfWork(self._connections, self._group, self._cache, self._indexer, self._rules)

    def new_identifier(self) -> str:
        return identifiers.new()

    def record(self, event: AuditEvent) -> None:
        self._audit_log.write(event)

    def reopen_audit_log(self) -> None:
        self._audit_log.reopen()

    def close(self) -> None:
        self._connections.close()
        self._audit_log.close()

    # Intents -------------------------------------------------------------------------------------------------

    def open_intent(self, cka_id: bytes, store: str, purpose: str, now: int) -> None:
        values = {"cka_id": cka_id, "store": store, "purpose": purpose, "created": now}
        try:
            self._group.write(lambda link: _OPEN_INTENT.run(link, values))
        except Duplicate:
            raise Conflict("another request is about to do something with this token object") from None

    def intents(self, created_before: int) -> Sequence[Intent]:
        statement = select(intent).where(intent.c.created < created_before).order_by(intent.c.id)
        rows = self._connections.get().execute(statement)
        return [Intent(r.cka_id, r.store, r.purpose, r.created) for r in rows]

    def claim_intent(self, cka_id: bytes) -> bool:
        with self._connections.transaction() as link:
            claimed = update(intent).where(intent.c.cka_id == cka_id).values(purpose=CLAIMED)
            return bool(link.execute(claimed).rowcount)

    def drop_intent(self, cka_id: bytes) -> None:
        with self._connections.transaction() as connection:
            connection.execute(delete(intent).where(intent.c.cka_id == cka_id))

    def ledger(self, store: str, by: str = "kmipd") -> RegistryLedger:
        """What a group of clones remembers; `by` is who makes copies."""
        return RegistryLedger(self._connections, store, by)

    def knows_cka_id(self, cka_id: bytes) -> bool:
        connection = self._connections.get()
        rows = select(managed_object.c.uid).where(
            managed_object.c.cka_id == cka_id, managed_object.c.placement == Placement.RESIDENT.value
        )
        keys = select(wrapping_key.c.store).where(wrapping_key.c.cka_id == cka_id)
        transport = select(store_member.c.store).where(
            or_(store_member.c.transport_key == cka_id, store_member.c.ceremony_key == cka_id)
        )
        return any(connection.execute(statement).first() is not None for statement in (rows, keys, transport))

    def pending_destroys(self) -> Sequence[str]:
        statement = select(managed_object.c.uid).where(managed_object.c.destroy_pending.is_(True))
        return list(self._connections.get().execute(statement).scalars())

    # Wrapping keys -------------------------------------------------------------------------------------------

    def take_wrapping_use(self, store: str) -> bytes | None:
        with self._uses_lock:
            cka_id, left = self._uses.get(store, (b"", 0))
            if not left:
                reserved = self._reserve(store)
                if reserved is None:
                    return None
                cka_id, left = reserved, USES_BLOCK
            self._uses[store] = (cka_id, left - 1)
            return cka_id

    def _reserve(self, store: str) -> bytes | None:
        with self._connections.transaction() as connection:
            row = _RESERVE.run(connection, {"in_store": store, "block": USES_BLOCK}).fetchone()
        return None if row is None else bytes(row[0])

    def add_wrapping_key(self, cka_id: bytes, store: str, uses_max: int, now: int) -> None:
        with self._connections.transaction() as connection:
            row = {"cka_id": cka_id, "store": store, "created": now, "uses": 0, "uses_max": uses_max}
            connection.execute(insert(wrapping_key).values(row))
            closed = delete(intent).where(intent.c.cka_id == cka_id, intent.c.purpose != CLAIMED)
            if connection.execute(closed).rowcount != 1:
                raise Conflict("the intent of this wrapping key is gone")  # and so may be the key

    def retire_wrapping_keys(self, store: str, shared: Callable[[bytes], bool]) -> None:
        """Seal nothing more under keys that are not `shared` by all members of a group: only one could open it."""
        rows = self._connections.get().execute(select(wrapping_key.c.cka_id).where(wrapping_key.c.store == store))
        retired = [row.cka_id for row in rows if not shared(row.cka_id)]
        if retired:
            with self._connections.transaction() as connection:
                used_up = update(wrapping_key).where(wrapping_key.c.cka_id.in_(retired))
                connection.execute(used_up.values(uses=wrapping_key.c.uses_max))
        self.forget_wrapping_uses(store)

    def forget_wrapping_uses(self, store: str) -> None:
        """Uses that were taken in advance are lost; the next seal asks the table which key counts."""
        with self._uses_lock:
            self._uses.pop(store, None)

    # What is there -------------------------------------------------------------------------------------------

    def objects(self, *, group: str | None = None, limit: int = 100, offset: int = 0) -> Sequence[ManagedObject]:
        return listing.objects(self._connections.get(), group=group, limit=limit, offset=offset)

    def history(self, uid: str) -> Sequence[AuditEvent]:
        return listing.history(self._connections.get(), uid)

    def last_event(self) -> int:
        return listing.last_event(self._connections.get())

    def events_after(self, number: int, group: str, limit: int) -> Sequence[tuple[int, str, str]]:
        return listing.events_after(self._connections.get(), number, group, limit)

    def counts(self) -> dict[str, int]:
        """Objects by placement, for `kmipd status`."""
        statement = select(managed_object.c.placement, func.count()).group_by(managed_object.c.placement)
        rows: Iterable[Any] = self._connections.get().execute(statement)
        return {placement: count for placement, count in rows}  # noqa: C416 - rows are not pairs to mypy
