"""What a crash, a lost reply or a sick token left half done, and how it is finished.

Runs when a server starts and every minute. Everything here may be repeated, and stops at the first sign that the token
cannot be asked: absence is believed only of a token whose sentinel answers (`KeyStore.exists`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from kmipd.core.errors import StoreError, TokenKeyMissing
from kmipd.core.model import ManagedObject, Placement
from kmipd.core.ports import KeyStore, TokenObject
from kmipd.core.registry_port import Conflict
from kmipd.core.services import Services

# An intent is left alone for longer than any request may last, because the request may still be at work.
INTENT_AGE_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Recovered:
    adopted: int = 0  # intents whose token object turned out to be recorded
    removed: int = 0  # token objects of requests that were never answered
    destroyed: int = 0  # destroys finished
    waiting: int = 0  # the token could not be asked; tried again later


def tombstone(obj: ManagedObject) -> ManagedObject:
    return replace(
        obj,
        placement=Placement.GONE,
        sealed=b"",
        wrapping_key=b"",
        cka_id=b"",
        material_size=0,
        destroy_pending=False,
    )


def finish_destroy(services: Services, uid: str) -> None:
    """The token has confirmed: the row forgets the token object."""
    while True:
        unit = services.registry.unit()
        obj = unit.get(uid)
        if obj is None or not obj.destroy_pending:
            return
        unit.put(tombstone(obj))
        try:
            unit.commit()
        except Conflict:
            continue
        return


def recover(services: Services, *, everything: bool = False) -> Recovered:
    """Finish what is unfinished; with `everything` (no worker is running) intents of any age."""
    age = -1 if everything else INTENT_AGE_SECONDS
    adopted = removed = destroyed = waiting = 0
    for intent in services.registry.intents(services.clock.now() - age):
        store = services.stores.get(intent.store)
        # Claimed first: a slow request may still be at work, and must not record what is about to be removed.
        if not services.registry.claim_intent(intent.cka_id):
            continue
        if services.registry.knows_cka_id(intent.cka_id):
            services.registry.drop_intent(intent.cka_id)
            adopted += 1
        elif store is not None and _gone(store, intent.cka_id):
            services.registry.drop_intent(intent.cka_id)
            removed += 1
        else:
            waiting += 1
    for uid in services.registry.pending_destroys():
        obj = services.registry.unit().get(uid)
        if obj is None:
            continue
        store = services.stores.get(obj.store)
        if store is not None and _gone(store, obj.cka_id):
            finish_destroy(services, uid)
            destroyed += 1
        else:
            waiting += 1
    return Recovered(adopted, removed, destroyed, waiting)


def _gone(store: KeyStore, cka_id: bytes) -> bool:
    """Destroy the token object, or learn from a healthy token that there is none."""
    try:
        store.destroy(cka_id)
    except TokenKeyMissing:
        return True
    except StoreError:
        return False
    return True


def orphans(services: Services, store: KeyStore) -> list[TokenObject]:
    """Token objects that no row, wrapping key or intent accounts for. Listed, never deleted: the registry may be the
    one that is wrong (restored from an older backup)."""
    known = {i.cka_id for i in services.registry.intents(services.clock.now() + 1)}
    return [
        found
        for found in store.inventory()
        if not found.internal and found.cka_id not in known and not services.registry.knows_cka_id(found.cka_id)
    ]
