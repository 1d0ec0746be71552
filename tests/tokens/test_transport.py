"""Keys between tokens: the ceremony, copies of every kind that are equal by proof, and what is refused."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace

import pytest
from pkcs11.constants import Attribute as A

from kmipd.core.errors import MechanismUnavailable, StoreError, StoreRefused
from kmipd.core.ports import (
    CipherParameters,
    KeyClass,
    KeyTemplate,
    MACParameters,
    SignatureParameters,
    TokenKey,
)
from kmipd.spec.enumerations import (
    BlockCipherMode,
    CryptographicAlgorithm,
    DigitalSignatureAlgorithm,
    RecommendedCurve,
)
from kmipd.spec.masks import CryptographicUsageMask as M
from kmipd_pkcs11.ceremony import CEREMONY_LABEL, TRANSPORT_LABEL, fingerprint
from kmipd_pkcs11.errors import Verb
from kmipd_pkcs11.store import PKCS11Store
from kmipd_pkcs11.transport import Parcel
from tests.tokens.conftest import Token

CA = CryptographicAlgorithm
AES = KeyTemplate(algorithm=CA.AES, length=256, usage=M.ENCRYPT | M.DECRYPT, label="a key")
MAC = KeyTemplate(algorithm=CA.HMAC_SHA256, length=296, usage=M.MAC_GENERATE | M.MAC_VERIFY, label="mac")
RSA = KeyTemplate(algorithm=CA.RSA, length=2048, usage=M.SIGN, public_usage=M.VERIFY, label="rsa")
EC = KeyTemplate(
    algorithm=CA.EC, length=256, curve=RecommendedCurve.P_256, usage=M.SIGN, public_usage=M.VERIFY, label="ec"
)


def fresh() -> bytes:
    return secrets.token_bytes(16)


@pytest.fixture(scope="module")
def clones(make_token: Callable[..., Token]) -> object:
    """Three tokens after two ceremonies, and the transport key they share."""
    stores = [PKCS11Store(make_token(name).settings()) for name in ("one", "two", "three")]
    for store in stores:
        store.prepare()
    key = b""
    for newcomer in (1, 2):
        key = hold(stores[0], stores[1:newcomer], stores[newcomer], key)
    yield stores, key
    for store in stores:
        store.close()


def hold(source: PKCS11Store, others: list[PKCS11Store], newcomer: PKCS11Store, old: bytes) -> bytes:
    ceremony_key, new = fresh(), fresh()
    bequest = source.ceremony.bequeath(new, old, newcomer.ceremony.begin(ceremony_key))
    newcomer.ceremony.inherit(new, ceremony_key, bequest)
    for other in others:
        assert bequest.for_members is not None
        other.transport.take(old, new, bequest.for_members)
    newcomer.destroy(ceremony_key)
    if old:
        for store in (source, *others):
            store.destroy(old)
    return new


Clones = tuple[list[PKCS11Store], bytes]


def test_a_ceremony_leaves_the_same_transport_key_and_nothing_else(clones: Clones) -> None:
    stores, key = clones
    values = {store.transport.check_value(key, key, KeyClass.SECRET) for store in stores}
    assert len(values) == 1
    assert values.pop().startswith("digest:"), "it may not leave"
    for store in stores:
        labels = [found.label for found in store.inventory() if found.cka_id == key]
        assert labels == [TRANSPORT_LABEL]
        assert CEREMONY_LABEL not in [found.label for found in store.inventory()]


def test_a_fingerprint_can_be_read_out(clones: Clones) -> None:
    text = fingerprint(b"spki")
    assert len(text.split("-")) == 8
    assert all(len(part) == 8 for part in text.split("-"))


@pytest.mark.parametrize("extractable", [True, False], ids=["extractable", "not extractable"])
@pytest.mark.parametrize("template", [AES, MAC], ids=["AES", "HMAC of 37 bytes"])
def test_a_secret_key_is_the_same_in_every_token(clones: Clones, template: KeyTemplate, extractable: bool) -> None:
    stores, key = clones
    template = replace(template, extractable=extractable)
    cka_id = fresh()
    parcel = Parcel.load(stores[0].transport.make(key, cka_id, template).dump())
    for store in stores:
        store.transport.take(key, cka_id, parcel)
    values = {store.transport.check_value(key, cka_id, KeyClass.SECRET) for store in stores}
    assert len(values) == 1
    token_key = TokenKey(cka_id, KeyClass.SECRET, template.algorithm, template.length, template.length // 8)
    if template is not MAC and template.algorithm is CA.AES:
        cipher = CipherParameters(algorithm=CA.AES, block_cipher_mode=BlockCipherMode.GCM, iv=bytes(12))
        sealed = stores[0].encrypt(token_key, cipher, b"data")
        assert {store.decrypt(token_key, cipher, sealed.data, sealed.tag) for store in stores} == {b"data"}
    else:
        macs = {store.mac(token_key, MACParameters(algorithm=template.algorithm), b"data") for store in stores}
        assert len(macs) == 1
    if extractable:
        assert len({bytes(store.release(token_key)) for store in stores}) == 1
        assert len(stores[1].release(token_key)) == template.length // 8
    else:
        with pytest.raises(StoreError):
            stores[1].release(token_key)


@pytest.mark.parametrize("extractable", [True, False], ids=["extractable", "not extractable"])
@pytest.mark.parametrize("template", [RSA, EC], ids=["RSA", "EC"])
def test_a_key_pair_is_the_same_in_every_token(clones: Clones, template: KeyTemplate, extractable: bool) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec, padding
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    stores, key = clones
    template = replace(template, extractable=extractable)
    cka_id = fresh()
    parcel, spki = stores[0].transport.make_pair(key, cka_id, template)
    for store in stores:
        store.transport.take(key, cka_id, Parcel.load(parcel.dump()))
    values = {store.transport.check_value(key, cka_id, KeyClass.PRIVATE) for store in stores}
    assert len(values) == 1
    assert values.pop().startswith("wrap:" if extractable else "possession:")
    algorithm = DigitalSignatureAlgorithm.ECDSA_WITH_SHA_256
    if template.algorithm is CA.RSA:
        algorithm = DigitalSignatureAlgorithm.SHA_256_WITH_RSA_ENCRYPTION
    token_key = TokenKey(cka_id, KeyClass.PRIVATE, template.algorithm, template.length)
    public = load_der_public_key(spki)
    for store in stores:
        parameters = SignatureParameters(algorithm=template.algorithm, signature_algorithm=algorithm)
        signature = store.sign(token_key, parameters, b"data")
        if template.algorithm is CA.RSA:
            public.verify(signature, b"data", padding.PKCS1v15(), SHA256())  # type: ignore[union-attr,call-arg]
        else:
            public.verify(signature, b"data", ec.ECDSA(SHA256()))  # type: ignore[union-attr,call-arg,arg-type]


def test_a_key_that_is_there_already_can_be_packed(clones: Clones) -> None:
    """Its copy gets all its attributes, as they are read."""
    stores, key = clones
    cka_id = fresh()
    stores[0].generate_key(cka_id, AES)
    stores[1].transport.take(key, cka_id, stores[0].transport.pack(key, cka_id, KeyClass.SECRET))
    pair_id = fresh()
    stores[0].generate_key_pair(pair_id, RSA)
    stores[1].transport.take(key, pair_id, stores[0].transport.pack(key, pair_id, KeyClass.PRIVATE))
    for one, key_class in ((cka_id, KeyClass.SECRET), (pair_id, KeyClass.PRIVATE), (pair_id, KeyClass.PUBLIC)):
        first, second = (read(store, one, key_class) for store in stores[:2])
        assert first == second
        assert first[A.LABEL] in (b"a key", b"rsa")


def read(store: PKCS11Store, cka_id: bytes, key_class: KeyClass) -> dict[int, bytes]:
    transport = store.transport
    return store._connection.run(
        Verb.FIND,
        lambda session: dict(
            transport._read(session, key_class, transport._objects.handle(session, cka_id, key_class))
        ),
    )


def test_what_may_not_leave_is_not_packed(clones: Clones) -> None:
    stores, key = clones
    cka_id = fresh()
    stores[0].generate_key(cka_id, replace(AES, extractable=False))
    with pytest.raises(StoreRefused, match="not extractable"):
        stores[0].transport.pack(key, cka_id, KeyClass.SECRET)


def test_a_parcel_that_was_tampered_with_is_not_taken(clones: Clones) -> None:
    stores, key = clones
    cka_id = fresh()
    parcel = stores[0].transport.make(key, cka_id, AES)
    assert parcel.wrapped.hex() not in repr(parcel)
    wrong = replace(parcel, wrapped=parcel.wrapped[:-1] + bytes([parcel.wrapped[-1] ^ 1]))
    with pytest.raises(StoreError):
        stores[1].transport.take(key, cka_id, wrong)
    stores[1].check()
    assert not stores[1].exists(cka_id)
    stores[1].transport.take(key, cka_id, parcel)


def test_what_tokens_do_not_have_is_said(clones: Clones) -> None:
    stores, key = clones
    with pytest.raises(MechanismUnavailable):
        stores[0].transport.make(key, fresh(), replace(AES, algorithm=CA.CAMELLIA))
    with pytest.raises(MechanismUnavailable):
        stores[0].transport.make_pair(key, fresh(), replace(RSA, length=512))
