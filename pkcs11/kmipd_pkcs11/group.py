"""Several clones as one key store: read from any that answers, make and destroy in all.

What a member cannot do because it is away is refused, or written into the ledger and caught up when it is back, as the
store's policy says. The ledger keeps the wrapped key until then, so that keys which may never leave a token can be
caught up too. A member that lags behind says "no such key"; the next one is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from kmipd.core.errors import (
    MechanismUnavailable,
    StoreDishonest,
    StoreError,
    StoreUnavailable,
    StoreUncertain,
    TokenKeyMissing,
)
from kmipd.core.failures import FailureReason
from kmipd.core.keystores import Replication
from kmipd.core.ports import (
    CipherParameters,
    CipherResult,
    KeyClass,
    KeyTemplate,
    MACParameters,
    SignatureParameters,
    StoreHealth,
    TokenKey,
    TokenObject,
)
from kmipd.core.replication import Copy, Deferred, Ledger
from kmipd_pkcs11 import catching_up, templates
from kmipd_pkcs11.states import State
from kmipd_pkcs11.store import PKCS11Store
from kmipd_pkcs11.transport import Parcel

T = TypeVar("T")
_AWAY = (State.DOWN, State.RECOVERING, State.CLOSED)  # a call is refused at once, or waits for a recovery
_PROVABLE = templates.M.SIGN | templates.M.DECRYPT  # what a private key that may not leave can be compared by


class GroupStore:
    """Implements `kmipd.core.ports.KeyStore` over members that hold the same keys."""

    def __init__(
        self,
        name: str,
        members: Sequence[tuple[str, PKCS11Store]],
        transport_key: bytes,
        replication: Replication,
        ledger: Ledger,
    ) -> None:
        self.name = name
        self.members = dict(members)
        self.transport_key = transport_key
        self._replication = replication
        self._ledger = ledger

    # Every member --------------------------------------------------------------------------------------------

    def connect(self) -> None:
        """Log in everywhere; StoreUnavailable when no member answers. The others go on trying by themselves."""
        self._everywhere(lambda store: store.connect())

    def check(self) -> None:
        """Ask every member; StoreUnavailable when none answers."""
        self._everywhere(lambda store: store.check())

    def prepare(self) -> None:
        self._everywhere(lambda store: store.prepare())

    def close(self) -> None:
        for store in self.members.values():
            store.close()

    def stuck(self) -> str:
        return next((why for store in self.members.values() if (why := store.stuck())), "")

    def health(self) -> StoreHealth:
        """Up while any member is; the reason names those that are down. No failure while one is still connecting."""
        healths = {name: store.health() for name, store in self.members.items()}
        down = [f"{name}: {health.reason}" for name, health in healths.items() if not health.up]
        first = next((health for health in healths.values() if health.up), next(iter(healths.values())))
        reason = "; ".join(down) or "ok"
        epoch = sum(health.epoch for health in healths.values())
        failed = all(health.failure is not None for health in healths.values())
        return replace(first, reason=reason, epoch=epoch, failure=FailureReason.NO_HEALTHY_MEMBER if failed else None)

    def _everywhere(self, action: Callable[[PKCS11Store], None]) -> None:
        failures: list[StoreError] = []
        for store in self.members.values():
            try:
                action(store)
            except StoreError as error:
                failures.append(error)
        if len(failures) == len(self.members):
            raise StoreUnavailable(
                f"no member of the key store {self.name!r} answers: {failures[0]}",
                store=self.name,
                failure=FailureReason.NO_HEALTHY_MEMBER,
            )

    # Any member ----------------------------------------------------------------------------------------------

    def _any(self, action: Callable[[PKCS11Store], T]) -> T:
        """The first that can. What is missing in one, or fails its known-answer check there, may be well in the next;
        absence is believed of all together only."""
        failure: StoreError | None = None
        unable: MechanismUnavailable | None = None  # says more than the others: software may do it
        for _, store in self._in_order():
            try:
                return action(store)
            except MechanismUnavailable as error:
                unable = unable or error
            except TokenKeyMissing as error:
                failure = failure or error
            except StoreUnavailable as error:
                failure = error
        answer = unable or failure
        assert answer is not None
        raise answer

    def _in_order(self) -> Sequence[tuple[str, PKCS11Store]]:
        """As they are described, but those that answer first: one that is reconnecting may take its time."""
        members = list(self.members.items())
        if members[0][1].state is State.UP:
            return members
        return sorted(members, key=lambda member: member[1].state is not State.UP)

    def random(self, size: int) -> bytes:
        return self._any(lambda store: store.random(size))

    def seed_random(self, seed: bytes) -> int:
        return self._any(lambda store: store.seed_random(seed))

    def can_hold(self, template: KeyTemplate) -> bool:
        pair = template.algorithm in templates.PAIR_ALGORITHMS
        if pair and not template.extractable and not template.usage & _PROVABLE:
            return False  # its copies could not be proved equal
        return self._any(lambda store: store.can_hold(replace(template, extractable=True)))

    def release(self, key: TokenKey) -> bytearray:
        return self._any(lambda store: store.release(key))

    def seal(self, wrapping_key: bytes, plain: bytes, additional_data: bytes) -> bytes:
        return self._any(lambda store: store.seal(wrapping_key, plain, additional_data))

    def unseal(self, wrapping_key: bytes, sealed: bytes, additional_data: bytes) -> bytes:
        return self._any(lambda store: store.unseal(wrapping_key, sealed, additional_data))

    def encrypt(self, key: TokenKey, parameters: CipherParameters, data: bytes) -> CipherResult:
        return self._any(lambda store: store.encrypt(key, parameters, data))

    def decrypt(self, key: TokenKey, parameters: CipherParameters, data: bytes, tag: bytes) -> bytes:
        return self._any(lambda store: store.decrypt(key, parameters, data, tag))

    def sign(self, key: TokenKey, parameters: SignatureParameters, data: bytes) -> bytes:
        return self._any(lambda store: store.sign(key, parameters, data))

    def mac(self, key: TokenKey, parameters: MACParameters, data: bytes) -> bytes:
        return self._any(lambda store: store.mac(key, parameters, data))

    def exists(self, cka_id: bytes) -> bool:
        """True if any member has it. False is believed only of all members together."""
        failure: StoreUnavailable | None = None
        for store in self.members.values():
            try:
                if store.exists(cka_id):
                    return True
            except StoreUnavailable as error:
                failure = error
        if failure is not None:
            raise failure
        return False

    def inventory(self) -> Sequence[TokenObject]:
        """The objects of all members that answer, each once."""
        found: dict[tuple[bytes, KeyClass], TokenObject] = {}

        def add(store: PKCS11Store) -> None:
            for row in store.inventory():
                found.setdefault((row.cka_id, row.key_class), row)

        self._everywhere(add)
        return list(found.values())

    # All members ---------------------------------------------------------------------------------------------

    def generate_key(self, cka_id: bytes, template: KeyTemplate) -> TokenKey:
        kind = templates.secret_kind(template)
        if kind is None:
            raise MechanismUnavailable(f"no token key of {template.algorithm.name} with {template.length} bits")
        born, parcel = self._born(lambda store: store.transport.make(self.transport_key, cka_id, template))
        self._spread(cka_id, born, parcel)
        return TokenKey(cka_id, KeyClass.SECRET, template.algorithm, template.length, kind.size)

    def generate_key_pair(self, cka_id: bytes, template: KeyTemplate) -> tuple[TokenKey, bytes]:
        born, made = self._born(lambda store: store.transport.make_pair(self.transport_key, cka_id, template))
        parcel, spki = made
        self._spread(cka_id, born, parcel)
        return TokenKey(cka_id, KeyClass.PRIVATE, template.algorithm, template.length), spki

    def create_wrapping_key(self, cka_id: bytes) -> None:
        self.generate_key(cka_id, templates.WRAPPING_KEY)

    def _born(self, make: Callable[[PKCS11Store], T]) -> tuple[str, T]:
        """The member in which the key is born, and what that made: the first that answers. When all must take it, one
        that is known to be away is reason enough not to begin."""
        failure: StoreUnavailable | None = None
        if self._replication is Replication.REQUIRED:
            for name, store in self.members.items():
                if (health := store.health()).failure is not None:
                    what = f"the member {name!r} of {self.name!r} is away, and every member must take a new key"
                    raise StoreUnavailable(f"{what}: {health.reason}", store=self.name)
        for name, store in self._in_order():
            try:
                return name, make(store)
            except StoreUnavailable as error:
                failure = error
        assert failure is not None
        raise failure

    def _spread(self, cka_id: bytes, born: str, parcel: Parcel) -> None:
        """Unpack the key in every member and prove the copies equal, or take all back."""
        copies: list[Copy] = []
        failures: dict[str, StoreError] = {}
        for name, store in self.members.items():
            if self._replication is Replication.DEFERRED and store.state in _AWAY:
                failures[name] = StoreUnavailable(f"the member {name!r} is away", store=self.name)
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
            raise StoreDishonest(f"the members of {self.name!r} do not hold the same key; it was removed")
        if not copies or (failures and self._replication is Replication.REQUIRED):
            self._take_back(cka_id)
            name, why = next(iter(failures.items()))
            raise StoreUnavailable(f"the member {name!r} of {self.name!r} did not take it: {why}", store=self.name)
        work = [Deferred(name, cka_id, "create", parcel.dump()) for name in failures]
        self._ledger.defer(work, copies)

    def _taken(self, name: str, store: PKCS11Store, cka_id: bytes, born: str, parcel: Parcel) -> Copy:
        store.transport.take(self.transport_key, cka_id, parcel)
        value = store.transport.check_value(self.transport_key, cka_id, parcel.key_class)
        return Copy(name, cka_id, born, value)

    def _take_back(self, cka_id: bytes) -> None:
        """StoreUncertain when a member may still have it: the intent of the request tells recovery."""
        for store in self.members.values():
            try:
                store.destroy(cka_id)
            except TokenKeyMissing:
                continue
            except StoreError as error:
                raise StoreUncertain(
                    f"a key could not be taken back from all members: {error}", store=self.name
                ) from None

    def destroy(self, cka_id: bytes) -> None:
        """Destroyed in every member that answers; what is left to do stays in the ledger, or is refused, by policy."""
        failures: dict[str, StoreError] = {}
        self._ledger.call_off(cka_id)  # first: who is just making a copy must learn of it afterwards, and remove it
        for name, store in self.members.items():
            try:
                with suppress(TokenKeyMissing):
                    store.destroy(cka_id)
            except StoreError as error:
                failures[name] = error
        if failures and (self._replication is Replication.REQUIRED or len(failures) == len(self.members)):
            raise next(iter(failures.values()))
        self._ledger.forget(cka_id)
        if failures:
            self._ledger.defer([Deferred(name, cka_id, "destroy") for name in failures], ())

    def destroy_each(self, cka_ids: Collection[bytes]) -> frozenset[bytes]:
        """One by one, since each has its place in the ledger; what fails is left out."""
        gone = set()
        for cka_id in cka_ids:
            with suppress(StoreError):
                self.destroy(cka_id)
                gone.add(cka_id)
        return frozenset(gone)

    # Catching up ---------------------------------------------------------------------------------------------

    def catch_up(self) -> int:
        """Do what members could not do while they were away; how much was done."""
        return catching_up.catch_up(self.members, self.transport_key, self._ledger)
