"""One unit of work: changes staged in memory, written in one transaction, checked against what was read.

Staging, rather than holding a database transaction open, keeps SQLite's single write lock out of the time that a token
needs, and lets the intents of token objects be committed while the unit is still undecided.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from kmipd.core.model import AuditEvent, ManagedObject, Placement
from kmipd.core.registry_port import Conflict, LocateQuery, LocateResult, NameTaken, Unfinished
from kmipd.registry import group_rules
from kmipd.registry import locate as locating
from kmipd.registry import staged as staging
from kmipd.registry.engine import Connections, Duplicate, Link
from kmipd.registry.group_commit import GroupCommit
from kmipd.registry.indexing import Indexer
from kmipd.registry.object_cache import ObjectCache
from kmipd.registry.prepared import Prepared
from kmipd.registry.rows import ROW, from_row, index_entries, index_entry, to_row
from kmipd.registry.tables import CLAIMED, audit_event, intent, logical_key, managed_object, object_attribute
from kmipd.spec.tags import Tag

_COLUMNS = [c.name for c in managed_object.columns if c.name != "id"]
_VERSION = Prepared(select(managed_object.c.row_version).where(managed_object.c.uid == bindparam("uid")))
_OBJECT = Prepared(select(managed_object).where(managed_object.c.uid == bindparam("uid")))
_INSERT = Prepared(insert(managed_object).values({c: bindparam(c) for c in _COLUMNS}))
_UPDATE = Prepared(
    update(managed_object)
    .where(managed_object.c.uid == bindparam("uid"), managed_object.c.row_version == bindparam("was"))
    .values({c: bindparam(c) for c in _COLUMNS if c != "uid"})
)
_ROW_ID = Prepared(select(managed_object.c.id).where(managed_object.c.uid == bindparam("uid")))
_INSERT_KEY = Prepared(
    insert(logical_key).values({c.name: bindparam(c.name) for c in logical_key.columns}).prefix_with("OR IGNORE")
)
_SET_PRIMARY = Prepared(
    update(logical_key).where(logical_key.c.id == bindparam("key")).values(primary_uid=bindparam("uid"))
)
_CLOSE_INTENT = Prepared(delete(intent).where(intent.c.cka_id == bindparam("cka_id"), intent.c.purpose != CLAIMED))
_INSERT_AUDIT = Prepared(
    insert(audit_event).values({c.name: bindparam(c.name) for c in audit_event.columns if c.name != "id"})
)
_NAME_IN_USE = Prepared(
    select(managed_object.c.uid)
    .select_from(object_attribute.join(managed_object, managed_object.c.id == object_attribute.c.object_id))
    .where(
        object_attribute.c.digest == bindparam("digest"),
        managed_object.c.group_name == bindparam("group"),
        managed_object.c.placement != Placement.GONE.value,
    )
)


class SQLUnitOfWork:
    """See `core.registry_port.UnitOfWork`."""

    def __init__(
        self,
        connections: Connections,
        group: GroupCommit,
        cache: ObjectCache,
        indexer: Indexer,
        laid_down: group_rules.KeptRules,
    ) -> None:
        self._connections = connections
        self._group = group
        self._cache = cache
        self._indexer = indexer
        self._laid_down = laid_down
        self._read: dict[str, ManagedObject] = {}
        self._staged: dict[str, ManagedObject] = {}
        self._new: set[str] = set()
        self._names: list[tuple[str, bytes, str]] = []
        self._rules: dict[tuple[str, str], bytes | None] = {}
        self._closed_intents: list[bytes] = []
        self._events: list[AuditEvent] = []
        self._after_commit: list[tuple[str, Callable[[], None]]] = []
        self._on_rollback: list[Callable[[], None]] = []

    @property
    def changed(self) -> bool:
        return bool(self._staged or self._closed_intents or self._events or self._rules)

    def get(self, uid: str) -> ManagedObject | None:
        found = self._staged.get(uid) or self._read.get(uid) or self._load(uid)
        if found is not None and uid not in self._staged:
            self._read[uid] = found
        return found

    def _load(self, uid: str) -> ManagedObject | None:
        mark = self._connections.changes.mark()  # before anything is read
        cached = self._cache.get(uid)
        if cached is not None and mark is not None and cached.mark == mark:
            return cached.obj
        link = self._connections.get()
        version = _VERSION.run(link, {"uid": uid}).fetchone()
        if version is None:
            return None
        if cached is not None and cached.obj.row_version == version[0]:
            self._cache.put(cached.obj, mark)
            return cached.obj
        row = _OBJECT.run(link, {"uid": uid}).fetchone()
        if row is None:
            return None
        obj = from_row(ROW(*row))
        self._cache.put(obj, mark)
        return obj

    def add(self, obj: ManagedObject) -> None:
        self._staged[obj.uid] = obj
        self._new.add(obj.uid)

    def put(self, obj: ManagedObject) -> None:
        if obj.uid not in self._read and obj.uid not in self._staged:
            raise ValueError(f"{obj.uid} was not read in this unit")
        self._staged[obj.uid] = obj

    def locate(self, query: LocateQuery) -> LocateResult:
        link = self._connections.get()
        ahead = self._indexer.unindexed()
        if ahead or self._staged:
            return staging.locate(link, query, ahead | self._staged)
        return locating.run(link, query)

    def require_unique_name(self, group: str, name: Any, uid: str) -> None:
        digest = index_entry(Tag.NAME, name).digest
        assert digest is not None
        self._refuse_taken(self._connections.get(), group, digest, uid)
        for obj in self._staged.values():
            if obj.uid != uid and obj.group == group and _has_name(obj, digest):
                raise NameTaken(obj.uid)
        self._names.append((group, digest, uid))

    def _refuse_taken(self, link: Link, group: str, digest: bytes, uid: str) -> None:
        for (owner,) in _NAME_IN_USE.run(link, {"group": group, "digest": digest}):
            staged = self._staged.get(owner)
            if owner != uid and (staged is None or _has_name(staged, digest)):
                raise NameTaken(owner)

    def rules(self, group: str) -> Mapping[str, bytes]:
        laid_down = self._laid_down.of(group)
        if not self._rules:
            return laid_down
        found = dict(laid_down)
        for (whose, kind), body in self._rules.items():
            if whose == group:
                found[kind] = body or b""
        return {kind: body for kind, body in found.items() if body}

    def put_rules(self, group: str, kind: str, body: bytes | None) -> None:
        self._rules[group, kind] = body

    def close_intent(self, cka_id: bytes) -> None:
        self._closed_intents.append(cka_id)

    def audit(self, event: AuditEvent) -> None:
        self._events.append(event)

    def after_commit(self, action: Callable[[], None], uid: str = "") -> None:
        self._after_commit.append((uid, action))

    def on_rollback(self, action: Callable[[], None]) -> None:
        self._on_rollback.append(action)

    def rollback(self) -> None:
        actions, self._on_rollback = self._on_rollback, []
        self._after_commit.clear()
        self._forget()
        for action in actions:
            action()

    def commit(self) -> None:
        if self.changed:
            added: dict[int, ManagedObject] = {}
            rows = {uid: to_row(obj) for uid, obj in self._staged.items()}  # now: in there, everybody waits for us
            self._group.write(lambda link: self._write(link, rows, added))
            for uid in self._staged:
                self._cache.drop(uid)
            self._forget()
            self._indexer.committed(added)
        else:
            self._read.clear()  # there is nothing else to forget
        self._on_rollback.clear()
        if self._after_commit:
            self._follow_up()

    def _follow_up(self) -> None:
        actions, self._after_commit = self._after_commit, []
        problems: dict[str, Exception] = {}
        for uid, action in actions:
            try:
                action()
            except Exception as error:  # noqa: BLE001 - the others are done all the same, and the caller is told
                problems[uid] = error
        if problems:
            raise Unfinished(problems)

    def _forget(self) -> None:
        self._read.clear()
        self._staged.clear()
        self._new.clear()
        self._names.clear()
        self._rules.clear()
        self._closed_intents.clear()
        self._events.clear()

    def _write(self, link: Link, rows: Mapping[str, dict[str, Any]], added: dict[int, ManagedObject]) -> None:
        for group, digest, uid in self._names:
            self._refuse_taken(link, group, digest, uid)
        for uid, obj in self._staged.items():
            if uid in self._new:
                added[self._insert(link, obj, rows[uid])] = obj
            else:
                self._update(link, obj, rows[uid])
        if self._rules:
            self._connections.changes.begin_rules()
            for (group, kind), body in self._rules.items():
                group_rules.put(link, group, kind, body)
        for cka_id in self._closed_intents:
            if _CLOSE_INTENT.run(link, {"cka_id": cka_id}).rowcount != 1:
                # Recovery thought this request dead and took the token object away: nothing may refer to it.
                raise Conflict("the intent of this token object is gone")
        for event in self._events:
            _INSERT_AUDIT.run(link, audit_row(event))

    def _insert(self, link: Link, obj: ManagedObject, row: Mapping[str, Any]) -> int:
        created = obj.attributes.get(Tag.INITIAL_DATE, 0)
        key = {"id": obj.key_id, "group_name": obj.group, "created": created, "primary_uid": obj.uid}
        _INSERT_KEY.run(link, key)
        if obj.key_version > 1:
            _SET_PRIMARY.run(link, {"key": obj.key_id, "uid": obj.uid})
        try:
            row_id: int = _INSERT.run(link, row).lastrowid
        except Duplicate:
            raise Conflict("somebody else made this version of the key first") from None
        self._indexer.added(link, row_id, obj)
        return row_id

    def _update(self, link: Link, obj: ManagedObject, row: dict[str, Any]) -> None:
        values = row | {"was": obj.row_version, "row_version": obj.row_version + 1}
        if _UPDATE.run(link, values).rowcount != 1:
            self._cache.drop(obj.uid)
            raise Conflict(obj.uid)
        before = self._read.get(obj.uid)
        if before is not None and Counter(index_entries(before)) == Counter(index_entries(obj)):
            return
        found = _ROW_ID.run(link, {"uid": obj.uid}).fetchone()
        assert found is not None
        self._indexer.changed(link, found[0], obj)


def _has_name(obj: ManagedObject, digest: bytes) -> bool:
    if obj.placement is Placement.GONE:
        return False
    return digest in [index_entry(Tag.NAME, name).digest for name in obj.attributes.values(Tag.NAME)]


def audit_row(event: AuditEvent) -> dict[str, Any]:
    return {
        "time": event.time,
        "principal": event.principal,
        "group_name": event.group,
        "operation": event.operation,
        "uid": event.uid,
        "result": event.result,
        "reason": event.reason,
        "peer": event.peer,
        "place": event.place,
    }
