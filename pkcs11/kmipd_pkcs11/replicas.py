"""The keys of a group are made, copied and destroyed in all members.

What a member cannot do because it is away is refused, or written into the ledger and caught up when it is back, as the
store's policy says. The ledger keeps the wrapped key until then, so that keys which may never leave a token can be
caught up too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

from kmipd.core.errors import StoreDishonest, StoreError, StoreUnavailable, StoreUncertain, TokenKeyMissing
from kmipd.core.keystores import Replication
from kmipd.core.replication import Copy, Deferred, Ledger
from kmipd_pkcs11 import catching_up
from kmipd_pkcs11.states import State
from kmipd_pkcs11.store import PKCS11Store
from kmipd_pkcs11.transport import Parcel

T = TypeVar("T")
_AWAY = (State.DOWN, State.RECOVERING, State.CLOSED)  # a call is refused at once, or waits for a recovery


class Replicas:
    """Of one group: its members by name, and what they are owed."""

    def __init__(
        self,
        name: str,
        members: Mapping[str, PKCS11Store],
        transport_key: bytes,
        replication: Replication,
        ledger: Ledger,
    ) -> None:
        self._name = name
        self._members = members
        self._transport_key = transport_key
        self._replication = replication
        self._ledger = ledger

    def in_order(self) -> Sequence[tuple[str, PKCS11Store]]:
        """As they are described, but those that answer first: one that is reconnecting may take its time."""
        members = list(self._members.items())
        if members[0][1].state is State.UP:
            return members
        return sorted(members, key=lambda member: member[1].state is not State.UP)

    def born(self, make: Callable[[PKCS11Store], T]) -> tuple[str, T]:
        """The member in which the key is born, and what that made: the first that answers. When all must take it, one
        that is known to be away is reason enough not to begin."""
        failure: StoreUnavailable | None = None
        if self._replication is Replication.REQUIRED:
            for name, store in self._members.items():
                if (health := store.health()).failure is not None:
                    what = f"the member {name!r} of {self._name!r} is away, and every member must take a new key"
                    raise StoreUnavailable(f"{what}: {health.reason}", store=self._name)
        for name, store in self.in_order():
            try:
                return name, make(store)
            except StoreUnavailable as error:
                failure = error
        assert failure is not None
        raise failure

    def spread(self, cka_id: bytes, born: str, parcel: Parcel) -> None:
        """Unpack the key in every member and prove the copies equal, or take all back."""
        copies: list[Copy] = []
        failures: dict[str, StoreError] = {}
        for name, store in self._members.items():
            if self._replication is Replication.DEFERRED and store.state in _AWAY:
                failures[name] = StoreUnavailable(f"the member {name!r} is away", store=self._name)
                continue
            try:
                copies.append(self._taken(name, store, cka_id, born, parcel))
            except StoreDishonest:
                self._take_back(cka_id)
                raise
            except StoreError as error:
                failures[name] = error
        if len({copy.check_value for copy in copies}) > 1:
            self._take_back(cka_id)
            raise StoreDishonest(f"the members of {self._name!r} do not hold the same key; it was removed")
        if not copies or (failures and self._replication is Replication.REQUIRED):
            self._take_back(cka_id)
            name, why = next(iter(failures.items()))
            raise StoreUnavailable(f"the member {name!r} of {self._name!r} did not take it: {why}", store=self._name)
        work = [Deferred(name, cka_id, "create", parcel.dump()) for name in failures]
        self._ledger.defer(work, copies)

    def _taken(self, name: str, store: PKCS11Store, cka_id: bytes, born: str, parcel: Parcel) -> Copy:
        store.transport.take(self._transport_key, cka_id, parcel)
        value = store.transport.check_value(self._transport_key, cka_id, parcel.key_class)
        return Copy(name, cka_id, born, value)

    def _take_back(self, cka_id: bytes) -> None:
        """StoreUncertain when a member may still have it: the intent of the request tells recovery."""
        for store in self._members.values():
            try:
                store.destroy(cka_id)
            except TokenKeyMissing:
                continue
            except StoreError as error:
                raise StoreUncertain(
                    f"a key could not be taken back from all members: {error}", store=self._name
                ) from None

    def destroy(self, cka_id: bytes) -> None:
        """Destroyed in every member that answers; what is left to do stays in the ledger, or is refused, by policy."""
        failures: dict[str, StoreError] = {}
        self._ledger.call_off(cka_id)  # first: who is just making a copy must learn of it afterwards, and remove it
        for name, store in self._members.items():
            try:
                with suppress(TokenKeyMissing):
                    store.destroy(cka_id)
            except StoreError as error:
                failures[name] = error
        if failures and (self._replication is Replication.REQUIRED or len(failures) == len(self._members)):
            raise next(iter(failures.values()))
        self._ledger.forget(cka_id)
        if failures:
            self._ledger.defer([Deferred(name, cka_id, "destroy") for name in failures], ())

    def catch_up(self) -> int:
        """Do what members could not do while they were away; how much was done."""
        return catching_up.catch_up(self._members, self._transport_key, self._ledger)
