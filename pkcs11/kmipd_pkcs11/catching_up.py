"""A member of a group that is back: it makes and destroys what it could not while it was away."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from kmipd.core.errors import StoreDishonest, StoreError, StoreUnavailable, TokenKeyMissing
from kmipd.core.replication import Copy, Deferred, Ledger
from kmipd_pkcs11.store import PKCS11Store
from kmipd_pkcs11.transport import Parcel


def catch_up(members: Mapping[str, PKCS11Store], transport_key: bytes, ledger: Ledger) -> int:
    """Do what is in the ledger; how much was done. A member that is still away is asked once."""
    done = 0
    away: set[str] = set()
    for work in ledger.pending():
        store = members.get(work.member)
        if store is None or work.member in away:
            continue
        try:
            _do(work, store, transport_key, ledger)
            done += 1
        except StoreError as error:
            if isinstance(error, StoreUnavailable):
                away.add(work.member)
            ledger.failed(work, str(error))
    return done


def _do(work: Deferred, store: PKCS11Store, transport_key: bytes, ledger: Ledger) -> None:
    if work.action == "destroy":
        with suppress(TokenKeyMissing):
            store.destroy(work.cka_id)
        ledger.caught_up(work, None)
        return
    parcel = Parcel.load(work.parcel)
    if not store.exists(work.cka_id):
        store.transport.take(transport_key, work.cka_id, parcel)
    value = store.transport.check_value(transport_key, work.cka_id, parcel.key_class)
    known = ledger.copies(work.cka_id)
    if any(copy.check_value != value for copy in known):
        store.destroy(work.cka_id)
        raise StoreDishonest(f"the copy of {work.cka_id.hex()} in {work.member!r} differs; it was removed")
    source = known[0].source if known else work.member
    if not ledger.caught_up(work, Copy(work.member, work.cka_id, source, value)):
        # It was destroyed everywhere while we made it. Written down first, should the member go away just now.
        again = Deferred(work.member, work.cka_id, "destroy")
        ledger.defer([again], ())
        _do(again, store, transport_key, ledger)
