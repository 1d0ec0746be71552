"""Copying keys between the members of a group, on command: one, or all that a member lacks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from kmipd.core import vault
from kmipd.core.errors import (
    MechanismUnavailable,
    StoreError,
    StoreRefused,
    StoreUnavailable,
    TokenKeyMissing,
)
from kmipd.core.keystores import ConnectionState, KeyStoreRecord
from kmipd.core.model import ManagedObject, Placement, Principal
from kmipd.core.ports import TokenKey
from kmipd.core.registry_port import Conflict
from kmipd.core.replication import Copy
from kmipd.core.services import Services
from kmipd.core.syncing import SyncRefusal, SyncRefused, permit
from kmipd.keystores.auditing import OPERATOR, audit
from kmipd.registry import Registry
from kmipd_pkcs11.group import GroupStore
from kmipd_pkcs11.store import PKCS11Store

_R = SyncRefusal
T = TypeVar("T")
_PAGE = 200  # objects read at a time


@dataclass(frozen=True, slots=True)
class Synced:
    """What became of one key. `check_value` is what both tokens computed."""

    uid: str
    source: str
    target: str
    check_value: str
    copied: bool  # False: it was there already


class Syncing:
    """Syncs in the key stores that are connected. `record_of` reads a record."""

    def __init__(self, services: Services, registry: Registry, record_of: Callable[[str], KeyStoreRecord]) -> None:
        self._services = services
        self._registry = registry
        self._record_of = record_of

    def key(self, uid: str, to: str, source: str | None = None, principal: Principal | None = None) -> Synced:
        """Copy one key to the member `to`; SyncRefused says why not. A copy that is there already is no error."""
        obj = self._registry.unit().get(uid)
        if obj is None:
            raise SyncRefused(_R.UNKNOWN_KEY, f"there is no object {uid!r}")
        permit(principal, obj)
        if obj.placement is Placement.GONE or obj.destroy_pending:
            raise SyncRefused(_R.DESTROYED, f"{uid} was destroyed")
        group = self._group(obj.store, to, source)
        if obj.placement is not Placement.RESIDENT:
            raise SyncRefused(_R.NOT_IN_A_TOKEN, f"{uid} is no token object")
        made_by = OPERATOR if principal is None else principal.name
        return self._copy(group, uid, obj.token_key, to, source, made_by)

    def all(self, store: str, to: str) -> tuple[Counter[str], list[tuple[str, str]]]:
        """Copy every key that the member lacks, and seal anew what only others can open.

        How many of which outcome (copied, there already, sealed anew, refused), and why some were refused.
        """
        group = self._group(store, to, None)
        counts: Counter[str] = Counter()
        refused: list[tuple[str, str]] = []
        for obj in self._objects(store):
            try:
                if obj.placement is Placement.RESIDENT:
                    done = self._copy(group, obj.uid, obj.token_key, to, None, OPERATOR)
                    counts["copied" if done.copied else "there already"] += 1
                elif obj.placement is Placement.WRAPPED:
                    counts["sealed anew" if self._reseal(group, obj, to) else "there already"] += 1
            except SyncRefused as error:
                counts["refused"] += 1
                refused.append((obj.uid, str(error)))
        return counts, refused

    def _objects(self, store: str) -> Iterator[ManagedObject]:
        offset = 0
        while page := self._registry.objects(limit=_PAGE, offset=offset):
            yield from (obj for obj in page if obj.store == store and not obj.destroy_pending)
            offset += len(page)

    def _group(self, store: str, to: str, source: str | None) -> GroupStore:
        record = self._record_of(store)
        for name in (to, source):
            member = record.member(name) if name is not None else record.members[0]
            if member is None:
                raise SyncRefused(_R.UNKNOWN_MEMBER, f"the key store {store!r} has no member {name!r}")
            if not record.is_group or not member.transport_key or member.transport_key != record.transport_key:
                raise SyncRefused(_R.NO_COMMON_LINEAGE, f"{member.name!r} of {store!r} is no clone")
        if to == source:
            raise SyncRefused(_R.SAME_MEMBER, f"{to!r} is source and target")
        opened = self._services.stores.get(store)
        if record.state is not ConnectionState.CONNECTED or not isinstance(opened, GroupStore):
            raise SyncRefused(_R.NOT_CONNECTED, f"the key store {store!r} is {record.state.value}")
        return opened

    def _copy(self, group: GroupStore, uid: str, key: TokenKey, to: str, source: str | None, made_by: str) -> Synced:
        target = group.members[to]
        name, value = self._source(group, key, to, source)
        present = _asked(lambda: target.exists(key.cka_id), to)
        if not present:
            self._transfer(group, group.members[name], target, key)
            self._refuse_if_destroyed(uid, target, key)
        found = _asked(lambda: target.transport.check_value(group.transport_key, key.cka_id, key.key_class), to)
        if found != value:
            if not present:
                target.destroy(key.cka_id)
            raise SyncRefused(_R.CONFLICT, f"{uid} is {value} in {name!r} and {found} in {to!r}")
        copies = [Copy(one, key.cka_id, name, value) for one in (name, to)]
        self._registry.ledger(group.name, made_by).put_copies(copies)
        if not present:
            audit(self._registry, "SYNC_KEY", uid, principal=made_by)
        return Synced(uid, name, to, value, copied=not present)

    def _refuse_if_destroyed(self, uid: str, target: PKCS11Store, key: TokenKey) -> None:
        """A destroy is written down before the members are asked: one that does not show yet finds the copy."""
        obj = self._registry.unit().get(uid)
        if obj is None or obj.placement is Placement.GONE or obj.destroy_pending:
            _asked(lambda: target.destroy(key.cka_id), target.name)
            raise SyncRefused(_R.DESTROYED, f"{uid} was destroyed meanwhile; the copy was removed")

    def _source(self, group: GroupStore, key: TokenKey, to: str, source: str | None) -> tuple[str, str]:
        """A member that holds the key, and its check value."""
        why = "no other member"
        for name, store in group.members.items():
            if name == to or source not in (None, name):
                continue
            try:
                return name, store.transport.check_value(group.transport_key, key.cka_id, key.key_class)
            except (StoreUnavailable, TokenKeyMissing, MechanismUnavailable) as error:
                why = str(error)
        raise SyncRefused(_R.SOURCE_UNAVAILABLE, why)

    def _transfer(self, group: GroupStore, source: PKCS11Store, target: PKCS11Store, key: TokenKey) -> None:
        try:
            parcel = source.transport.pack(group.transport_key, key.cka_id, key.key_class)
        except StoreRefused as error:
            raise SyncRefused(_R.NOT_EXTRACTABLE, str(error)) from None
        except StoreUnavailable as error:
            raise SyncRefused(_R.SOURCE_UNAVAILABLE, str(error)) from None
        _asked(lambda: target.transport.take(group.transport_key, key.cka_id, parcel), target.name)

    def _reseal(self, group: GroupStore, obj: ManagedObject, to: str) -> bool:
        """Seal under a key that all members have; False when `to` can open it already."""
        if _asked(lambda: group.members[to].exists(obj.wrapping_key), to):
            return False
        data = vault.additional_data(obj.uid, obj.object_type, obj.key_version)
        try:
            plain = group.unseal(obj.wrapping_key, obj.sealed, data)
            sealed = vault.seal_bytes(self._services, group, plain, data)
        except StoreError as error:
            raise SyncRefused(_R.SOURCE_UNAVAILABLE, str(error)) from None
        unit = self._registry.unit()
        current = unit.get(obj.uid)
        if current is None or current.sealed != obj.sealed:
            return False  # somebody has destroyed or changed it meanwhile
        unit.put(replace(current, wrapping_key=sealed.wrapping_key, sealed=sealed.blob))
        try:
            unit.commit()
        except Conflict:
            return self._reseal(group, current, to)
        return True


def _asked(ask: Callable[[], T], to: str) -> T:
    """What the target answers, its errors as refusals."""
    try:
        return ask()
    except StoreUnavailable as error:
        raise SyncRefused(_R.TARGET_UNAVAILABLE, f"the member {to!r} does not answer: {error}") from None
    except StoreError as error:
        raise SyncRefused(_R.UNFIT, f"the member {to!r} does not take it: {error}") from None
