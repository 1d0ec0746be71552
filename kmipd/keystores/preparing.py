"""What one attempt to connect does: each token is logged in to and recognised, and the store gets a wrapping key."""

from __future__ import annotations

from dataclasses import replace

from kmipd.core import vault
from kmipd.core.errors import StoreError
from kmipd.core.failures import FailureReason
from kmipd.core.keystores import KeyStoreRecord, Member
from kmipd.core.services import Services
from kmipd.keystores.opening import Opener
from kmipd.registry import Registry
from kmipd.registry.replication import RegistryLedger
from kmipd_pkcs11.reasons import failure_of


class NotPrepared(Exception):
    """The store cannot be connected: why, enumerated, and in a sentence."""

    def __init__(self, failure: FailureReason, why: str) -> None:
        super().__init__(why)
        self.failure = failure


def prepare(services: Services, registry: Registry, opener: Opener, record: KeyStoreRecord) -> None:
    """Log in to the store's tokens and make what they need; NotPrepared says what is wrong.

    Of a group one member is enough: it can be connected while another is away.
    """
    if strangers := [m.name for m in record.members if not _is_clone(record, m)]:
        why = f"{', '.join(strangers)} of {record.name!r} have not taken part in a ceremony"
        raise NotPrepared(FailureReason.NO_COMMON_LINEAGE, why)
    failures: list[NotPrepared] = []
    for member in record.members:
        try:
            prepare_member(registry, opener, record, member)
        except NotPrepared as error:
            failures.append(error)
    if len(failures) == len(record.members):
        if not record.is_group:
            raise failures[0]
        raise NotPrepared(FailureReason.NO_HEALTHY_MEMBER, "; ".join(map(str, failures)))
    store = opener.open(registry.key_stores.get(record.name) if not record.root else record)
    try:
        if record.is_group:
            ledger, names = registry.ledger(record.name), {member.name for member in record.members}
            registry.retire_wrapping_keys(record.name, lambda cka_id: names == _holders(ledger, cka_id))
        vault.ensure_wrapping_key(services, store)
    except StoreError as error:
        raise NotPrepared(store.health().failure or failure_of(error), str(error)) from None
    finally:
        store.close()


def _holders(ledger: RegistryLedger, cka_id: bytes) -> set[str]:
    """The members that have a copy, or will have it as soon as they are back."""
    waiting = {work.member for work in ledger.pending() if work.cka_id == cka_id and work.action == "create"}
    return waiting | {copy.member for copy in ledger.copies(cka_id)}


def _is_clone(record: KeyStoreRecord, member: Member) -> bool:
    return not record.is_group or (bool(record.transport_key) and member.transport_key == record.transport_key)


def prepare_member(registry: Registry, opener: Opener, record: KeyStoreRecord, member: Member) -> None:
    """Log in to one token: its PIN is settled, its sentinel is made or recognised."""
    try:
        opener.settle_pin(record, member)
    except StoreError as error:
        raise NotPrepared(failure_of(error), str(error)) from None
    store = opener.member(record, member)
    try:
        if member.sentinel:
            store.check()
        else:
            store.prepare()
        _remember(registry, record.name, member.name, store.fingerprint)
    except StoreError as error:
        raise NotPrepared(store.health().failure or failure_of(error), str(error)) from None
    finally:
        store.close()


def _remember(registry: Registry, store: str, name: str, sentinel: bytes) -> None:
    """What tells this token from another; its PIN may have been changed since the record was read."""
    member = registry.key_stores.get(store).member(name)
    if member is not None and member.sentinel != sentinel:
        registry.key_stores.put_member(store, replace(member, sentinel=sentinel))
