"""Key stores in the registry: their records, and the commands that move their state. See `core.keystores`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, exc, func, insert, or_, select, update

from kmipd.core.failures import FailureReason
from kmipd.core.keystores import (
    Command,
    ConnectionState,
    KeyStoreRecord,
    Member,
    PinKind,
    PinSource,
    Replication,
    after,
)
from kmipd.registry.engine import Connections, Link
from kmipd.registry.prepared import Prepared
from kmipd.registry.tables import intent, key_copy, key_store, managed_object, replication, store_member, wrapping_key

_STORE_ROWS = Prepared(select(key_store))
_MEMBER_ROWS = Prepared(select(store_member))


class KeyStoreExists(Exception):
    """There is a key store, or a member, of this name already."""


class KeyStoreUnknown(Exception):
    """There is no key store, or no member, of this name."""


class KeyStoreInUse(Exception):
    """The key store holds keys that are not destroyed. It is not deleted with them."""


class KeyStores:
    """The rows of `key_store` and `store_member`. What changes a state is one transaction."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def all(self) -> Sequence[KeyStoreRecord]:
        """Every key store, the root store first."""
        return _load(self._connections.get())

    def rows(self) -> object:
        """All that is remembered, as it lies there: equal to what this returned before when nothing has changed."""
        link = self._connections.get()
        return _STORE_ROWS.run(link, {}).fetchall(), _MEMBER_ROWS.run(link, {}).fetchall()

    def get(self, name: str) -> KeyStoreRecord:
        """KeyStoreUnknown when there is none of this name."""
        return _one(self._connections.get(), name)

    def add(self, record: KeyStoreRecord) -> None:
        """A new key store with its members; KeyStoreExists when the name is taken."""
        try:
            with self._connections.transaction() as link:
                link.execute(insert(key_store).values(_store_row(record)))
                _put_members(link, record)
        except exc.IntegrityError:
            raise KeyStoreExists(f"there is a key store {record.name!r} already") from None

    def command(self, name: str, command: Command) -> KeyStoreRecord:
        """Move the state; InvalidState when the command is not for it. The record afterwards."""
        with self._connections.transaction() as link:
            record = _one(link, name)
            state = after(name, record.state, command)
            values: dict[str, Any] = {"state": state.value}
            if state is not record.state:
                values |= {"failure": None, "failure_text": ""}
                if state is ConnectionState.CONNECTING:
                    values["connection"] = record.connection + 1
            link.execute(update(key_store).where(key_store.c.name == name).values(values))
        return self.get(name)

    def finish(
        self,
        name: str,
        was: ConnectionState,
        state: ConnectionState,
        failure: FailureReason | None = None,
        why: str = "",
    ) -> bool:
        """End CONNECTING or DISCONNECTING; False when somebody else has moved the state meanwhile."""
        values = {"state": state.value, "failure": None if failure is None else failure.name, "failure_text": why}
        with self._connections.transaction() as link:
            moved = update(key_store).where(key_store.c.name == name, key_store.c.state == was.value).values(values)
            return bool(link.execute(moved).rowcount)

    def replace(self, record: KeyStoreRecord, command: Command) -> None:
        """Write a changed description (any state) or changed settings and members (only while DISCONNECTED)."""
        with self._connections.transaction() as link:
            after(record.name, _one(link, record.name).state, command)
            row = _store_row(record)
            del row["state"], row["failure"], row["failure_text"], row["connection"]
            link.execute(update(key_store).where(key_store.c.name == record.name).values(row))
            if command is Command.UPDATE:
                link.execute(delete(store_member).where(store_member.c.store == record.name))
                _put_members(link, record)

    def put_member(self, store: str, member: Member) -> None:
        """What is learnt about a member while it is used: its sentinel, its PINs, its transport key."""
        row = _member_row(store, 0, member)
        del row["position"]
        with self._connections.transaction() as link:
            here = (store_member.c.store == store) & (store_member.c.name == member.name)
            if not link.execute(update(store_member).where(here).values(row)).rowcount:
                raise KeyStoreUnknown(f"the key store {store!r} has no member {member.name!r}")

    def delete(self, name: str) -> None:
        """Forget a key store that is DISCONNECTED and holds no keys. Its tokens are not touched."""
        with self._connections.transaction() as link:
            record = _one(link, name)
            if record.root:
                raise KeyStoreInUse(f"{name!r} is the root store, the one of kmipd.toml: it stays")
            after(name, record.state, Command.DELETE)
            if keys := _keys(link, name):
                raise KeyStoreInUse(
                    f"the key store {name!r} still has {keys} keys: destroy them first; disconnecting keeps them"
                )
            for table in (key_copy, replication, wrapping_key, store_member):
                link.execute(delete(table).where(table.c.store == name))
            link.execute(delete(key_store).where(key_store.c.name == name))

    def keys(self, name: str) -> int:
        """Objects that live in, or are sealed under, this store."""
        return _keys(self._connections.get(), name)


def _keys(link: Link, name: str) -> int:
    """Objects that are not destroyed, destroys the token has not confirmed, and requests that are not settled."""
    objects = select(func.count()).where(
        managed_object.c.store == name, or_(managed_object.c.placement != "gone", managed_object.c.destroy_pending)
    )
    intents = select(func.count()).select_from(intent).where(intent.c.store == name)
    return int(link.execute(objects).scalar_one()) + int(link.execute(intents).scalar_one())


def _one(link: Link, name: str) -> KeyStoreRecord:
    found = next((record for record in _load(link) if record.name == name), None)
    if found is None:
        raise KeyStoreUnknown(f"there is no key store {name!r}; `kmipd store list` shows all")
    return found


def _load(link: Link) -> list[KeyStoreRecord]:
    members: dict[str, list[Member]] = {}
    for row in link.execute(select(store_member).order_by(store_member.c.store, store_member.c.position)):
        members.setdefault(row.store, []).append(_member(dict(row._mapping)))
    rows = link.execute(select(key_store).order_by(key_store.c.root.desc(), key_store.c.name))
    return [_record(dict(row._mapping), tuple(members.get(row.name, ()))) for row in rows]


def _record(values: dict[str, Any], members: tuple[Member, ...]) -> KeyStoreRecord:
    failure = values.pop("failure")
    return KeyStoreRecord(
        **values
        | {
            "state": ConnectionState(values["state"]),
            "failure": None if failure is None else FailureReason[failure],
            "replication": Replication(values["replication"]),
            "members": members,
        }
    )


def _store_row(record: KeyStoreRecord) -> dict[str, Any]:
    row = {field.name: getattr(record, field.name) for field in dataclasses.fields(record) if field.name != "members"}
    failure = None if record.failure is None else record.failure.name
    return row | {"state": record.state.value, "replication": record.replication.value, "failure": failure}


def _member(values: dict[str, Any]) -> Member:
    del values["store"], values["position"]
    kind, *words = json.loads(values["pin_source"])
    source = PinSource(PinKind(kind), tuple(words))
    return Member(**values | {"environment": json.loads(values["environment"]), "pin_source": source})


def _member_row(store: str, position: int, member: Member) -> dict[str, Any]:
    row = {field.name: getattr(member, field.name) for field in dataclasses.fields(member)}
    source = [member.pin_source.kind.value, *member.pin_source.value]
    return row | {
        "store": store,
        "position": position,
        "environment": json.dumps(dict(member.environment)),
        "pin_source": json.dumps(source),
    }


def _put_members(link: Link, record: KeyStoreRecord) -> None:
    for position, member in enumerate(record.members):
        link.execute(insert(store_member).values(_member_row(record.name, position, member)))
