"""Not finding a key is believed only of a view of the token that can know."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import pytest
from pkcs11.constants import Attribute as A

from kmipd.core.errors import TokenKeyMissing
from kmipd.core.ports import CipherParameters, KeyTemplate, TokenKey
from kmipd.spec.enumerations import BlockCipherMode, CryptographicAlgorithm
from kmipd.spec.masks import CryptographicUsageMask
from kmipd_pkcs11 import absence, objects
from kmipd_pkcs11.absence import Absences
from kmipd_pkcs11.objects import Objects
from kmipd_pkcs11.raw import Functions
from kmipd_pkcs11.sessions import PooledSession
from kmipd_pkcs11.store import PKCS11Store
from tests.tokens.conftest import Token

ECB = CipherParameters(algorithm=CryptographicAlgorithm.AES, block_cipher_mode=BlockCipherMode.ECB)
AES = KeyTemplate(
    algorithm=CryptographicAlgorithm.AES,
    length=256,
    usage=CryptographicUsageMask.ENCRYPT | CryptographicUsageMask.DECRYPT,
)


@pytest.fixture
def two(token: Token, open_store: Callable[..., PKCS11Store]) -> tuple[PKCS11Store, PKCS11Store]:
    """One token as two workers see it."""
    return open_store(token), open_store(token)


def _lag_behind(monkeypatch: pytest.MonkeyPatch, store: PKCS11Store, key: TokenKey) -> None:
    """Until the module is initialised again, `store` does not list the key."""
    find = Functions.find
    module = store._connection._module
    assert module is not None
    view = module.generation

    def blind(self: Functions, session: int, template: Any) -> list[int]:
        if module.generation == view and (A.ID, key.cka_id) in tuple(template):
            return []
        return find(self, session, template)

    monkeypatch.setattr(Functions, "find", blind)


def test_a_key_that_a_view_lacks_is_destroyed_all_the_same(
    two: tuple[PKCS11Store, PKCS11Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = two
    key = one.generate_key(secrets.token_bytes(16), AES)
    other.check()
    _lag_behind(monkeypatch, other, key)
    other.destroy(key.cka_id)
    monkeypatch.undo()
    assert not other.exists(key.cka_id)
    assert key.cka_id not in [found.cka_id for found in other.inventory()]


def test_a_key_that_a_view_lacks_is_used_all_the_same(
    two: tuple[PKCS11Store, PKCS11Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = two
    key = one.generate_key(secrets.token_bytes(16), AES)
    made = one.encrypt(key, ECB, bytes(16))
    other.check()
    _lag_behind(monkeypatch, other, key)
    assert other.encrypt(key, ECB, bytes(16)) == made


def test_a_lost_key_is_looked_for_in_a_new_view_once(store: PKCS11Store) -> None:
    key = store.generate_key(secrets.token_bytes(16), AES)
    stranger = TokenKey(secrets.token_bytes(16), key.key_class, key.algorithm, 256, 32)
    epochs = [store.health().epoch]
    for _ in range(3):
        with pytest.raises(TokenKeyMissing):
            store.release(stranger)
        epochs.append(store.health().epoch)
    assert epochs[1] > epochs[0]
    assert epochs[1:] == [epochs[1]] * 3


@pytest.mark.parametrize("reads", [0, 1_000_000], ids=["searched", "listed"])
def test_many_keys_are_looked_for_in_one_new_view(
    two: tuple[PKCS11Store, PKCS11Store], monkeypatch: pytest.MonkeyPatch, reads: int
) -> None:
    monkeypatch.setattr(objects, "_READ_FOR_ONE_SEARCH", reads)
    one, other = two
    kept, *going = [one.generate_key(secrets.token_bytes(16), AES).cka_id for _ in range(3)]
    lost = [secrets.token_bytes(16) for _ in range(5)]
    other.check()
    epoch = other.health().epoch
    assert other.destroy_each([*going, *lost]) == {*going, *lost}
    assert other.health().epoch <= epoch + 1, "one new view, where one is needed, for all of them"
    assert one.exists(kept)
    assert not any(map(one.exists, going))


@pytest.mark.parametrize("void", [True, False], ids=["void", "another key's"])
def test_a_handle_that_was_given_to_another_key_meanwhile_destroys_nothing(
    store: PKCS11Store, monkeypatch: pytest.MonkeyPatch, void: bool
) -> None:
    """Somebody else destroys a key between the look for many and its turn; tokens use numbers again."""
    going, kept = (store.generate_key(secrets.token_bytes(16), AES).cka_id for _ in range(2))
    looks = []
    by_id = Objects._by_id

    def overtaken(self: Objects, session: PooledSession, cka_ids: Any) -> dict[bytes, list[int]]:
        looks.append(cka_ids)
        if len(looks) > 1:
            return by_id(self, session, cka_ids)
        found, others = by_id(self, session, [going]), by_id(self, session, [kept])
        for handle in found[going]:
            store._connection.functions.destroy(session.handle, handle)
        return {going: found[going] if void else others[kept]}

    monkeypatch.setattr(Objects, "_by_id", overtaken)
    assert store.destroy_each([going]) == {going}
    assert len(looks) == 2
    assert store.exists(kept)


def test_what_was_made_or_destroyed_here_is_known_here(store: PKCS11Store) -> None:
    key = store.generate_key(secrets.token_bytes(16), AES)
    epoch = store.health().epoch
    store.destroy(key.cka_id)
    store.destroy(key.cka_id)
    with pytest.raises(TokenKeyMissing):
        store.release(key)
    assert store.health().epoch == epoch


def test_without_the_vendors_defect_every_view_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Absences(lags=False).believed(b"k", fresh=False)
    lagging = Absences(lags=True)
    assert not lagging.believed(b"k", fresh=False)
    assert lagging.believed(b"k", fresh=True)
    assert lagging.believed(b"k", fresh=False), "proved a moment ago"
    monkeypatch.setattr(absence, "PROVED_SECONDS", 0.0)
    assert not lagging.believed(b"k", fresh=False)
