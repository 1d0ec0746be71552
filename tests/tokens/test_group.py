"""A group of clones as one key store: any member answers, all members hold, and one that was away catches up."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from pkcs11.mechanisms import Mechanism

from kmipd.core.errors import MechanismUnavailable, StoreDishonest, StoreError, StoreUnavailable, TokenKeyMissing
from kmipd.core.failures import FailureReason
from kmipd.core.keystores import Replication
from kmipd.core.ports import KeyClass, KeyTemplate, TokenKey
from kmipd.core.replication import Copy, Deferred
from kmipd.registry import Registry, schema
from kmipd.registry.replication import RegistryLedger
from kmipd.spec.enumerations import CryptographicAlgorithm as CA
from kmipd.spec.enumerations import RecommendedCurve
from kmipd.spec.masks import CryptographicUsageMask as M
from kmipd_pkcs11 import proofs
from kmipd_pkcs11.catching_up import catch_up
from kmipd_pkcs11.group import GroupStore
from kmipd_pkcs11.mechanisms import Plan
from kmipd_pkcs11.store import PKCS11Store
from tests.tokens.conftest import Token

AES = KeyTemplate(algorithm=CA.AES, length=256, usage=M.ENCRYPT | M.DECRYPT, label="a key")
FIXED = replace(AES, extractable=False)
EC = KeyTemplate(algorithm=CA.EC, length=256, curve=RecommendedCurve.P_256, usage=M.SIGN, public_usage=M.VERIFY)


@dataclass
class Group:
    tokens: dict[str, Token]
    stores: dict[str, PKCS11Store]
    ledger: RegistryLedger
    transport_key: bytes

    def store(self, replication: Replication = Replication.REQUIRED) -> GroupStore:
        return GroupStore("ha", list(self.stores.items()), self.transport_key, replication, self.ledger)

    def vanish(self, name: str) -> None:
        tokens = self.tokens[name].directory / "tokens"
        tokens.rename(tokens.with_name("away"))
        tokens.mkdir()
        with pytest.raises(StoreError):
            self.stores[name].check()

    def come_back(self, name: str) -> None:
        tokens = self.tokens[name].directory / "tokens"
        tokens.rmdir()
        tokens.with_name("away").rename(tokens)
        until = time.monotonic() + 30
        while not self.stores[name].health().up:
            assert time.monotonic() < until
            time.sleep(0.05)

    def values(self, cka_id: bytes, key_class: KeyClass = KeyClass.SECRET) -> set[str]:
        """What the members compute of their copies: one value when these are equal."""
        return {s.transport.check_value(self.transport_key, cka_id, key_class) for s in self.stores.values()}


@pytest.fixture
def group(make_token: Callable[..., Token], tmp_path: Path) -> Iterator[Group]:
    tokens = {name: make_token(name) for name in ("first", "second")}
    stores = {name: PKCS11Store(token.settings()) for name, token in tokens.items()}
    for store in stores.values():
        store.prepare()
    transport_key, ceremony_key = fresh(), fresh()
    public = stores["second"].ceremony.begin(ceremony_key)
    stores["second"].ceremony.inherit(
        transport_key, ceremony_key, stores["first"].ceremony.bequeath(transport_key, b"", public)
    )
    schema.upgrade(tmp_path / "registry.db")
    registry = Registry(tmp_path / "registry.db", tmp_path / "audit.log")
    yield Group(tokens, stores, registry.ledger("ha"), transport_key)
    for store in stores.values():
        store.close()
    registry.close()


def fresh() -> bytes:
    return secrets.token_bytes(16)


def token_key(cka_id: bytes) -> TokenKey:
    return TokenKey(cka_id, KeyClass.SECRET, CA.AES, 256, 32)


@pytest.mark.parametrize("template", [AES, FIXED], ids=["extractable", "not extractable"])
def test_a_key_is_in_every_member_before_it_is_answered(group: Group, template: KeyTemplate) -> None:
    store, cka_id = group.store(), fresh()
    assert store.can_hold(template)
    store.generate_key(cka_id, template)
    assert len(group.values(cka_id)) == 1
    copies = group.ledger.copies(cka_id)
    assert [(copy.member, copy.source) for copy in copies] == [("first", "first"), ("second", "first")]
    assert {copy.check_value for copy in copies} == group.values(cka_id)
    store.destroy(cka_id)
    assert not any(one.exists(cka_id) for one in group.stores.values())
    assert group.ledger.copies(cka_id) == []


def test_a_pair_is_in_every_member(group: Group) -> None:
    store, cka_id = group.store(), fresh()
    store.generate_key_pair(cka_id, EC)
    assert len(group.values(cka_id, KeyClass.PRIVATE)) == 1


def test_a_pair_that_could_not_be_compared_is_not_held(group: Group) -> None:
    assert group.store().can_hold(replace(EC, extractable=False))
    assert not group.store().can_hold(replace(EC, extractable=False, usage=M.KEY_AGREEMENT))


@pytest.mark.parametrize("away", ["first", "second"])
def test_any_member_opens_what_was_sealed_and_releases_what_was_made(group: Group, away: str) -> None:
    store, cka_id, kek = group.store(), fresh(), fresh()
    store.generate_key(cka_id, AES)
    store.create_wrapping_key(kek)
    released, sealed = bytes(store.release(token_key(cka_id))), store.seal(kek, b"material", b"bound")
    group.vanish(away)
    assert bytes(store.release(token_key(cka_id))) == released
    assert store.unseal(kek, sealed, b"bound") == b"material"
    health = store.health()
    assert health.up
    assert health.failure is None
    assert health.reason.startswith(f"{away}: ")


@pytest.mark.parametrize("other", ["well", "unable too", "away"])
def test_a_member_that_fails_its_known_answer_check_is_passed_over(
    group: Group, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    store, kek = group.store(), fresh()
    store.create_wrapping_key(kek)
    sealed = store.seal(kek, b"material", b"bound")
    monkeypatch.setattr(proofs, "prove", lambda *_: False)
    group.stores["first"]._proofs._epoch = -1
    assert group.stores["second"]._proofs.mechanisms()
    if other == "unable too":
        group.stores["second"]._proofs._epoch = -1
    elif other == "away":
        group.vanish("second")
    with pytest.raises(MechanismUnavailable):
        group.stores["first"].unseal(kek, sealed, b"bound")
    if other == "well":
        group.stores["second"]._proofs._held.add(Plan(Mechanism.AES_GCM).proof)
        assert store.unseal(kek, sealed, b"bound") == b"material"
    else:
        with pytest.raises(MechanismUnavailable, match="known answer"):
            store.unseal(kek, sealed, b"bound")


def test_without_any_member_the_reason_is_said(group: Group) -> None:
    store = group.store()
    for name in group.stores:
        group.vanish(name)
    with pytest.raises(StoreUnavailable):
        store.random(16)
    with pytest.raises(StoreUnavailable, match="no member") as caught:
        store.check()
    assert caught.value.failure is FailureReason.NO_HEALTHY_MEMBER
    assert store.health().failure is FailureReason.NO_HEALTHY_MEMBER


def test_a_group_that_is_still_connecting_has_not_failed(group: Group) -> None:
    """Whoever waits for it goes on waiting."""
    members = [(name, PKCS11Store(token.settings())) for name, token in group.tokens.items()]
    store = GroupStore("ha", members, group.transport_key, Replication.REQUIRED, group.ledger)
    assert (store.health().up, store.health().failure) == (False, None)
    assert "not connected yet" in store.health().reason
    store.close()


@pytest.mark.parametrize("away", ["first", "second"])
def test_when_all_must_have_it_nothing_is_made_while_one_is_away(group: Group, away: str) -> None:
    store, cka_id = group.store(Replication.REQUIRED), fresh()
    kept = fresh()
    store.generate_key(kept, AES)
    group.vanish(away)
    with pytest.raises(StoreUnavailable, match=f"'{away}'"):
        store.generate_key(cka_id, AES)
    with pytest.raises(StoreUnavailable):
        store.destroy(kept)
    group.come_back(away)
    assert not any(one.exists(cka_id) for one in group.stores.values())
    assert group.ledger.pending() == []
    store.destroy(kept)
    assert not any(one.exists(kept) for one in group.stores.values())


@pytest.mark.parametrize("unwilling", ["first", "second"])
def test_a_key_that_one_member_does_not_take_is_taken_back_from_the_others(
    group: Group, monkeypatch: pytest.MonkeyPatch, unwilling: str
) -> None:
    """It was well when the key was begun."""
    store, cka_id = group.store(Replication.REQUIRED), fresh()
    taken = []

    def refuse(*_: object) -> None:
        taken.extend(name for name, one in group.stores.items() if one.exists(cka_id))
        raise StoreUnavailable("away by now")

    monkeypatch.setattr(group.stores[unwilling].transport, "take", refuse)
    with pytest.raises(StoreUnavailable, match=f"'{unwilling}'.*away by now"):
        store.generate_key(cka_id, AES)
    assert taken == (["first"] if unwilling == "second" else [])
    assert not any(one.exists(cka_id) for one in group.stores.values())
    assert group.ledger.pending() == []
    assert group.ledger.copies(cka_id) == []


def test_copies_that_are_not_equal_are_all_taken_back(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    store, cka_id, taken = group.store(), fresh(), []
    second = group.stores["second"].transport
    check_value = second.check_value

    def other(transport_key: bytes, cka_id: bytes, key_class: KeyClass) -> str:
        taken.extend(name for name, one in group.stores.items() if one.exists(cka_id))
        return check_value(transport_key, cka_id, key_class)[:-1] + "x"

    monkeypatch.setattr(second, "check_value", other)
    with pytest.raises(StoreDishonest, match="do not hold the same key"):
        store.generate_key(cka_id, AES)
    assert taken == ["first", "second"]
    assert not any(one.exists(cka_id) for one in group.stores.values())
    assert group.ledger.copies(cka_id) == []


@pytest.mark.parametrize("template", [AES, FIXED], ids=["extractable", "not extractable"])
@pytest.mark.parametrize("away", ["first", "second"])
def test_a_member_that_was_away_catches_up(group: Group, away: str, template: KeyTemplate) -> None:
    store, made, gone, neither = group.store(Replication.DEFERRED), fresh(), fresh(), fresh()
    store.generate_key(gone, template)
    group.vanish(away)
    store.generate_key(made, template)
    store.generate_key(neither, template)
    store.destroy(gone)
    store.destroy(neither)
    assert {(work.cka_id, work.action) for work in group.ledger.pending()} == {
        (made, "create"),
        (gone, "destroy"),
        (neither, "destroy"),
    }
    assert store.catch_up() == 0
    assert group.ledger.problems()
    group.come_back(away)
    assert store.exists(made), "one that lags behind does not hide the key"
    assert store.catch_up() == 3
    assert len(group.values(made)) == 1
    assert not any(one.exists(gone) or one.exists(neither) for one in group.stores.values())
    assert group.ledger.pending() == []
    assert {copy.member for copy in group.ledger.copies(made)} == {"first", "second"}
    assert group.ledger.copies(gone) == group.ledger.copies(neither) == [], "nothing is kept of what is gone"


def test_a_key_that_is_missing_everywhere_is_missing(group: Group) -> None:
    with pytest.raises(TokenKeyMissing):
        group.store().release(token_key(fresh()))
    group.vanish("second")
    with pytest.raises(StoreUnavailable):
        group.store().release(token_key(fresh()))
    with pytest.raises(StoreUnavailable):
        group.store().exists(fresh())


def test_many_keys_are_destroyed_in_every_member_or_said_to_be_left(group: Group) -> None:
    store = group.store(Replication.REQUIRED)
    keys = {fresh() for _ in range(2)}
    for cka_id in keys:
        store.generate_key(cka_id, AES)
    group.vanish("second")
    assert store.destroy_each(keys) == frozenset(), "one member has them still"
    group.come_back("second")
    assert store.destroy_each(keys) == keys
    assert not any(member.exists(cka_id) for member in group.stores.values() for cka_id in keys)


def test_a_key_destroyed_while_a_member_catches_up_is_not_left_there(group: Group) -> None:
    store, cka_id = group.store(Replication.DEFERRED), fresh()
    group.vanish("second")
    store.generate_key(cka_id, AES)
    group.come_back("second")
    pending = group.ledger.pending()

    class Late(RegistryLedger):
        """The ledger as it was read before the destroy."""

        def pending(self) -> list[Deferred]:
            return list(pending)

    ledger = Late(group.ledger._connections, "ha")
    late = GroupStore("ha", list(group.stores.items()), group.transport_key, Replication.DEFERRED, ledger)
    store.destroy(cka_id)
    late.catch_up()
    assert not any(one.exists(cka_id) for one in group.stores.values())


def test_a_member_that_catches_up_in_the_midst_of_a_destroy_keeps_nothing(
    group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first member has been asked and has nothing; then the copy comes; then the second one is asked."""
    store, cka_id = group.store(Replication.DEFERRED), fresh()
    group.vanish("first")
    store.generate_key(cka_id, AES)
    group.come_back("first")
    pending = group.ledger.pending()
    second = group.stores["second"]
    destroy = second.destroy

    class Late(RegistryLedger):
        def pending(self) -> list[Deferred]:
            return list(pending)

    def meanwhile(cka_id: bytes) -> None:
        catch_up(group.stores, group.transport_key, Late(group.ledger._connections, "ha"))
        destroy(cka_id)

    monkeypatch.setattr(second, "destroy", meanwhile)
    store.destroy(cka_id)
    assert not any(one.exists(cka_id) for one in group.stores.values())
    assert group.ledger.pending() == []


def test_a_copy_that_differs_is_found_out(group: Group) -> None:
    """A member was given another key under the same identifier while it was away from us."""
    store, cka_id = group.store(Replication.DEFERRED), fresh()
    group.vanish("second")
    store.generate_key(cka_id, AES)
    group.come_back("second")
    group.stores["second"].generate_key(cka_id, AES)
    assert store.catch_up() == 0
    assert "differs" in group.ledger.problems()["second"]
    assert store.catch_up() == 1
    assert len(group.values(cka_id)) == 1


def test_the_ledger_forgets_what_is_called_off(group: Group) -> None:
    ledger, cka_id = group.ledger, fresh()
    create = Deferred("second", cka_id, "create", b"parcel")
    ledger.defer([create], [Copy("first", cka_id, "first", "wrap:1234")])
    ledger.defer([Deferred("second", cka_id, "destroy")], ())
    assert not ledger.caught_up(create, Copy("second", cka_id, "first", "wrap:1234"))
    assert [work.action for work in ledger.pending()] == ["destroy"]
    assert "parcel" not in repr(create)
