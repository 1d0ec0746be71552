"""Several clones as one key store: read from any that answers, make and destroy in all (`replicas`).

A member that lags behind says "no such key"; the next one is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from kmipd.core.errors import (
    MechanismUnavailable,
    StoreError,
    StoreUnavailable,
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
from kmipd.core.replication import Ledger
from kmipd_pkcs11 import templates
from kmipd_pkcs11.replicas import Replicas
from kmipd_pkcs11.store import PKCS11Store

T = TypeVar("T")
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
        self._replicas = Replicas(name, self.members, transport_key, replication, ledger)

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
        for _, store in self._replicas.in_order():
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
        born, parcel = self._replicas.born(lambda store: store.transport.make(self.transport_key, cka_id, template))
        self._replicas.spread(cka_id, born, parcel)
        return TokenKey(cka_id, KeyClass.SECRET, template.algorithm, template.length, kind.size)

    def generate_key_pair(self, cka_id: bytes, template: KeyTemplate) -> tuple[TokenKey, bytes]:
        born, made = self._replicas.born(lambda store: store.transport.make_pair(self.transport_key, cka_id, template))
        parcel, spki = made
        self._replicas.spread(cka_id, born, parcel)
        return TokenKey(cka_id, KeyClass.PRIVATE, template.algorithm, template.length), spki

    def create_wrapping_key(self, cka_id: bytes) -> None:
        self.generate_key(cka_id, templates.WRAPPING_KEY)

    def destroy(self, cka_id: bytes) -> None:
        """Destroyed in every member that answers; what is left to do stays in the ledger, or is refused, by policy."""
        self._replicas.destroy(cka_id)

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
        return self._replicas.catch_up()
