"""Resident keys: made as asked, read back, released whole, destroyed for good."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)
from pkcs11.constants import Attribute as A
from pkcs11.mechanisms import Mechanism

from kmipd.core.errors import MechanismUnavailable, StoreDishonest, StoreRefused, TokenKeyMissing
from kmipd.core.ports import KeyClass, KeyTemplate, TokenKey
from kmipd.spec.enumerations import CryptographicAlgorithm as Algorithm
from kmipd.spec.enumerations import RecommendedCurve
from kmipd.spec.masks import CryptographicUsageMask as Usage
from kmipd_pkcs11 import objects, sentinel, templates
from kmipd_pkcs11.errors import Verb
from kmipd_pkcs11.raw import FALSE, TRUE
from kmipd_pkcs11.store import PKCS11Store
from kmipd_pkcs11.templates import WRAPPING_KEY

AES = KeyTemplate(algorithm=Algorithm.AES, length=256, usage=Usage.ENCRYPT | Usage.DECRYPT, label="test")
SECRETS = [
    *((Algorithm.AES, bits, bits // 8) for bits in (128, 192, 256)),
    (Algorithm.TRIPLE_DES, 168, 24),
    (Algorithm.TRIPLE_DES, 192, 24),
    *((Algorithm.HMAC_SHA256, bits, bits // 8) for bits in (8, 160, 256, 264, 1000, 4096)),
    (Algorithm.HMAC_SHA1, 160, 20),
    (Algorithm.HMAC_SHA512, 512, 64),
]
PAIRS = [
    *((Algorithm.RSA, bits, None) for bits in (2048, 3072, 4096)),
    (Algorithm.EC, 256, RecommendedCurve.P_256),
    (Algorithm.ECDSA, 384, RecommendedCurve.P_384),
    (Algorithm.EC, 521, RecommendedCurve.P_521),
]


def new_id() -> bytes:
    return secrets.token_bytes(16)


def read(store: PKCS11Store, key: TokenKey, *attributes: A) -> list[bytes | None]:
    """Attributes as the token has them."""

    def look(session: Any) -> list[bytes | None]:
        handle = store._objects.handle(session, key.cka_id, key.key_class)
        return store._connection.functions.attributes(session.handle, handle, [(one, 64) for one in attributes])

    return store._connection.run(Verb.FIND, look)


@pytest.mark.parametrize(("algorithm", "bits", "size"), SECRETS, ids=str)
def test_secret_keys_come_back_at_their_true_length(
    shared: PKCS11Store, algorithm: Algorithm, bits: int, size: int
) -> None:
    template = KeyTemplate(algorithm=algorithm, length=bits)
    assert shared.can_hold(template)
    cka_id = new_id()
    key = shared.generate_key(cka_id, template)
    assert key == TokenKey(cka_id, KeyClass.SECRET, algorithm, bits, size)
    material = shared.release(key)
    assert isinstance(material, bytearray)
    assert len(material) == size
    assert shared.release(key) == material
    shared.destroy(cka_id)


@pytest.mark.parametrize(("algorithm", "bits", "curve"), PAIRS, ids=str)
def test_key_pairs_come_back_as_pkcs8(
    shared: PKCS11Store, algorithm: Algorithm, bits: int, curve: RecommendedCurve | None
) -> None:
    template = KeyTemplate(
        algorithm=algorithm, length=bits, curve=curve, usage=Usage.SIGN, public_usage=Usage.VERIFY, label="pair"
    )
    assert shared.can_hold(template)
    key, spki = shared.generate_key_pair(new_id(), template)
    assert (key.key_class, key.algorithm, key.length) == (KeyClass.PRIVATE, algorithm, bits)
    public = load_der_public_key(spki)
    assert isinstance(public, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
    assert public.key_size == bits
    private = load_der_private_key(bytes(shared.release(key)), None)
    assert private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == spki
    shared.destroy(key.cka_id)
    assert not shared.exists(key.cka_id)


@pytest.mark.parametrize(
    ("usage", "public_usage"),
    [
        (Usage(0), Usage(0)),
        (Usage.SIGN, Usage(0)),
        (Usage.DECRYPT, Usage.VERIFY),
        (Usage.UNRESTRICTED, Usage.UNRESTRICTED),
    ],
    ids=str,
)
def test_pairs_of_any_usage(shared: PKCS11Store, usage: Usage, public_usage: Usage) -> None:
    """Barbican gives no mask at all."""
    for algorithm, bits, curve in ((Algorithm.RSA, 2048, None), (Algorithm.EC, 256, RecommendedCurve.P_256)):
        template = KeyTemplate(algorithm=algorithm, length=bits, curve=curve, usage=usage, public_usage=public_usage)
        key, _ = shared.generate_key_pair(new_id(), template)
        assert shared.release(key)


@pytest.mark.parametrize(
    "template",
    [
        KeyTemplate(algorithm=Algorithm.AES, length=64),
        KeyTemplate(algorithm=Algorithm.AES, length=512),
        KeyTemplate(algorithm=Algorithm.TRIPLE_DES, length=112),
        KeyTemplate(algorithm=Algorithm.HMAC_SHA256, length=12),
        KeyTemplate(algorithm=Algorithm.HMAC_SHA256, length=0),
        KeyTemplate(algorithm=Algorithm.RSA, length=1024),
        KeyTemplate(algorithm=Algorithm.RSA, length=2049),
        KeyTemplate(algorithm=Algorithm.EC, length=256),
        KeyTemplate(algorithm=Algorithm.EC, length=224, curve=RecommendedCurve.P_224),
        KeyTemplate(algorithm=Algorithm.EC, length=384, curve=RecommendedCurve.P_256),
        KeyTemplate(algorithm=Algorithm.DSA, length=2048),
        KeyTemplate(algorithm=Algorithm.CAMELLIA, length=256),
    ],
    ids=lambda one: f"{one.algorithm.name}-{one.length}",
)
def test_what_a_token_cannot_hold(shared: PKCS11Store, template: KeyTemplate) -> None:
    assert not shared.can_hold(template)
    with pytest.raises(MechanismUnavailable):
        shared.generate_key(new_id(), template)
    with pytest.raises(MechanismUnavailable):
        shared.generate_key_pair(new_id(), template)


def test_attributes_are_final(shared: PKCS11Store) -> None:
    usage = Usage.ENCRYPT | Usage.WRAP_KEY | Usage.MAC_VERIFY
    key = shared.generate_key(new_id(), KeyTemplate(algorithm=Algorithm.AES, length=256, usage=usage, label="x"))
    on = read(shared, key, A.TOKEN, A.PRIVATE, A.SENSITIVE, A.EXTRACTABLE, A.ALWAYS_SENSITIVE, A.LOCAL, A.ENCRYPT)
    assert on == [TRUE] * 7
    assert read(shared, key, A.WRAP, A.VERIFY) == [TRUE, TRUE]
    assert read(shared, key, A.MODIFIABLE, A.DECRYPT, A.UNWRAP, A.SIGN, A.DERIVE) == [FALSE] * 5
    assert read(shared, key, A.LABEL) == [b"x"]


def test_a_key_that_is_not_extractable_is_not_released(shared: PKCS11Store) -> None:
    template = KeyTemplate(algorithm=Algorithm.AES, length=256, extractable=False)
    assert shared.can_hold(template)
    key = shared.generate_key(new_id(), template)
    assert read(shared, key, A.EXTRACTABLE, A.NEVER_EXTRACTABLE) == [FALSE, TRUE]
    with pytest.raises(StoreRefused, match="KEY_UNEXTRACTABLE"):
        shared.release(key)
    assert shared.health().up


@pytest.mark.parametrize("uses", [1, 2, 256])
def test_release_keys_are_replaced_and_overwritten(
    token: Any, open_store: Any, monkeypatch: pytest.MonkeyPatch, uses: int
) -> None:
    from kmipd_pkcs11 import release

    made: list[release.ReleaseKey] = []
    real = release.make_kek

    def make(*arguments: Any) -> release.ReleaseKey:
        made.append(real(*arguments))
        return made[-1]

    monkeypatch.setattr(release, "make_kek", make)
    store = open_store(token, release_kek_uses_max=uses)
    key = store.generate_key(new_id(), AES)
    assert len({bytes(store.release(key)) for _ in range(6)}) == 1
    assert len(made) == {1: 6, 2: 3, 256: 1}[uses]
    assert all(kek.value == bytes(32) for kek in made[:-1])
    store.close()
    assert made[-1].value == bytes(32)


def test_a_wrap_that_cannot_be_unwrapped_is_told(shared: PKCS11Store, monkeypatch: pytest.MonkeyPatch) -> None:
    key = shared.generate_key(new_id(), AES)
    shared.release(key)
    monkeypatch.setattr(shared._connection.functions, "wrap", lambda *_: bytes(40))
    with pytest.raises(StoreDishonest, match="mechanism"):
        shared.release(key)


def test_release_keys_age(token: Any, open_store: Any) -> None:
    store = open_store(token, release_kek_seconds_max=0.0)
    key = store.generate_key(new_id(), AES)
    assert store.release(key) == store.release(key)


def test_read_back_refuses_and_removes_a_key_that_differs(shared: PKCS11Store, monkeypatch: pytest.MonkeyPatch) -> None:
    cka_id, real = new_id(), templates.labelled

    def quietly_exportable(attributes: templates.Attributes, label: str) -> templates.Attributes:
        changed = [(one, FALSE if one == A.SENSITIVE else value) for one, value in attributes]
        return real(changed, label)

    monkeypatch.setattr(templates, "labelled", quietly_exportable)
    with pytest.raises(StoreDishonest, match="SENSITIVE"):
        shared.generate_key(cka_id, AES)
    assert not shared.exists(cka_id)
    pair = KeyTemplate(algorithm=Algorithm.EC, length=256, curve=RecommendedCurve.P_256)
    with pytest.raises(StoreDishonest, match="SENSITIVE"):
        shared.generate_key_pair(cka_id, pair)
    assert not shared.exists(cka_id)


def test_destroy(shared: PKCS11Store) -> None:
    key = shared.generate_key(new_id(), AES)
    assert shared.exists(key.cka_id)
    shared.release(key)
    shared.destroy(key.cka_id)
    assert not shared.exists(key.cka_id)
    with pytest.raises(TokenKeyMissing):
        shared.release(key)
    shared.destroy(key.cka_id)  # proved absent
    assert shared.health().up


def test_a_key_destroyed_by_another_process_is_missing(token: Any, open_store: Any) -> None:
    store = open_store(token)
    key = store.generate_key(new_id(), AES)
    store.release(key)

    def behind_its_back(session: Any) -> None:
        handle = store._objects.handle(session, key.cka_id, KeyClass.SECRET)
        store._connection.functions.destroy(session.handle, handle)

    store._connection.run(Verb.FIND, behind_its_back)
    assert store._connection.handles.get(key.cka_id, 4, store.health().epoch) is not None
    with pytest.raises(TokenKeyMissing):
        store.release(key)
    assert store.health().epoch == 1 or store.health().up


def test_inventory(store: PKCS11Store) -> None:
    secret = store.generate_key(new_id(), AES)
    pair, _ = store.generate_key_pair(
        new_id(), KeyTemplate(algorithm=Algorithm.EC, length=256, curve=RecommendedCurve.P_256, label="pair")
    )
    wrapping = new_id()
    store.create_wrapping_key(wrapping)
    rows = {(one.cka_id, one.key_class, one.label) for one in store.inventory()}
    assert rows == {
        (sentinel.CKA_ID, KeyClass.SECRET, sentinel.LABEL),
        (secret.cka_id, KeyClass.SECRET, "test"),
        (pair.cka_id, KeyClass.PRIVATE, "pair"),
        (pair.cka_id, KeyClass.PUBLIC, "pair"),
        (wrapping, KeyClass.SECRET, WRAPPING_KEY.label),
    }


def test_prepare_makes_one_sentinel(store: PKCS11Store) -> None:
    store.prepare()
    store.prepare()
    assert [one.cka_id for one in store.inventory()] == [sentinel.CKA_ID]


def test_random(shared: PKCS11Store) -> None:
    assert [len(shared.random(size)) for size in (0, 1, 32, 5000)] == [0, 1, 32, 5000]
    assert shared.random(32) != shared.random(32)


def test_nothing_prints_secrets(shared: PKCS11Store) -> None:
    key = shared.generate_key(new_id(), AES)
    material = shared.release(key)
    texts = [repr(shared), repr(shared._settings), repr(shared._connection), str(shared.health())]
    for one in texts:
        assert material.hex() not in one
        assert "correct-horse" not in one


@pytest.mark.parametrize("reads", [0, 1_000_000], ids=["searched", "listed"])
def test_somebody_elses_object_of_long_names_is_in_nobodys_way(
    store: PKCS11Store, monkeypatch: pytest.MonkeyPatch, reads: int
) -> None:
    monkeypatch.setattr(objects, "_READ_FOR_ONE_SEARCH", reads)
    long, mine = b"x" * 600, store.generate_key(new_id(), AES)
    attributes = dict(sentinel.template()) | {A.ID: long, A.LABEL: long}

    def create(session: Any) -> None:
        store._connection.functions.generate(session.handle, Mechanism.AES_KEY_GEN, list(attributes.items()))

    store._connection.run(Verb.GENERATE, create)
    found = {(one.cka_id, one.label) for one in store.inventory()}
    assert found == {(mine.cka_id, "test"), (sentinel.CKA_ID, sentinel.LABEL), (b"", "")}
    assert store.destroy_each([mine.cka_id]) == {mine.cka_id}
    assert not store.exists(mine.cka_id)
    assert len(store.inventory()) == 2
