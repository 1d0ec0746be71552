"""What a crash, a lost reply or a sick token left half done, and how it is finished.

Runs when a server starts and every minute. Everything here may be repeated, and stops at the first sign that the token
cannot be asked: absence is believed only of a token whose sentinel answers (`KeyStore.exists`).
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

from kmipd.core.errors import StoreError
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
    registry = services.registry
    adopted = 0
    unanswered: list[tuple[str, bytes]] = []  # key store, CKA_ID
    for intent in registry.intents(services.clock.now() - age):
        # Claimed first: a slow request may still be at work, and must not record what is about to be removed.
        if not registry.claim_intent(intent.cka_id):
            continue
        if registry.knows_cka_id(intent.cka_id):
            registry.drop_intent(intent.cka_id)
            adopted += 1
        else:
            unanswered.append((intent.store, intent.cka_id))
    unfinished = [obj for uid in registry.pending_destroys() if (obj := registry.unit().get(uid)) is not None]
    gone = _gone(services, unanswered + [(obj.store, obj.cka_id) for obj in unfinished])
    removed = [key for key in unanswered if key in gone]
    for _, cka_id in removed:
        registry.drop_intent(cka_id)
    destroyed = [obj for obj in unfinished if (obj.store, obj.cka_id) in gone]
    for obj in destroyed:
        finish_destroy(services, obj.uid)
    waiting = len(unanswered) + len(unfinished) - len(removed) - len(destroyed)
    return Recovered(adopted, len(removed), len(destroyed), waiting)


def _gone(services: Services, keys: Iterable[tuple[str, bytes]]) -> set[tuple[str, bytes]]:
    """Destroy these token objects, store by store, or learn from a healthy token that there are none."""
    by_store: dict[str, list[bytes]] = {}
    for name, cka_id in keys:
        by_store.setdefault(name, []).append(cka_id)
    gone: set[tuple[str, bytes]] = set()
    for name, cka_ids in by_store.items():
        store = services.stores.get(name)
        if store is not None:
            with suppress(StoreError):  # it cannot be asked now
                gone |= {(name, cka_id) for cka_id in store.destroy_each(cka_ids)}
    return gone


def orphans(services: Services, store: KeyStore) -> list[TokenObject]:
    """Token objects that no row, wrapping key or intent accounts for. Listed, never deleted: the registry may be the
    one that is wrong (restored from an older backup)."""
    known = {i.cka_id for i in services.registry.intents(services.clock.now() + 1)}
    return [
        found
        for found in store.inventory()
        if not found.internal and found.cka_id not in known and not services.registry.knows_cka_id(found.cka_id)
    ]
