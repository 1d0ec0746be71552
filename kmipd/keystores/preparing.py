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
from kmipd_pkcs11.reasons import failure_of


def _remember(registry: Registry, store: str, name: str, sentinel: bytes) -> None:
    """What tells this token from another; its PIN may have been changed since the record was read."""
    member = registry.key_stores.get(store).member(name)
    if member is not None and member.sentinel != sentinel:
        registry.key_stores.put_member(store, replace(member, sentinel=sentinel))


class NotPrepared(Exception):
    """The store cannot be connected: why, enumerated, and in a sentence."""

    def __init__(self, failure: FailureReason, why: str) -> None:
        super().__init__(why)
        self.failure = failure


def prepare(services: Services, registry: Registry, opener: Opener, record: KeyStoreRecord) -> None:
    """Log in to the store's tokens and make what they need; NotPrepared says what is wrong."""
    for member in record.members:
        _prepare_member(registry, opener, record, member)
    store = opener.open(registry.key_stores.get(record.name))
    try:
        vault.ensure_wrapping_key(services, store)
    except StoreError as error:
        raise NotPrepared(store.health().failure or failure_of(error), str(error)) from None
    finally:
        store.close()


def _prepare_member(registry: Registry, opener: Opener, record: KeyStoreRecord, member: Member) -> None:
    try:
        opener.settle_pin(registry, record, member)
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
