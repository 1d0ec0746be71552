"""Tokens that take no secret key of ours, as in FIPS mode: values are agreed on, and all goes on as elsewhere."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import secrets
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key
from pkcs11.constants import Attribute as A

from kmipd.core.errors import MechanismUnavailable
from kmipd.core.ports import CipherParameters, KeyTemplate, MACParameters, SignatureParameters
from kmipd.spec.enumerations import BlockCipherMode, HashingAlgorithm, PaddingMethod, RecommendedCurve
from kmipd.spec.enumerations import CryptographicAlgorithm as Algorithm
from kmipd.spec.masks import CryptographicUsageMask as Usage
from kmipd_pkcs11 import known_keys, proofs
from kmipd_pkcs11.codes import CKR
from kmipd_pkcs11.errors import Verb
from kmipd_pkcs11.known_keys import KeySource
from kmipd_pkcs11.mechanisms import Plan
from kmipd_pkcs11.raw import FALSE
from kmipd_pkcs11.store import PKCS11Store
from tests.tokens.backends import prepared
from tests.tokens.faults import Action, Faults

REFUSALS = (CKR.TEMPLATE_INCONSISTENT, CKR.FUNCTION_NOT_SUPPORTED)  # of the caller, and of the function
AES = KeyTemplate(algorithm=Algorithm.AES, length=256, usage=Usage.ENCRYPT | Usage.DECRYPT)


@pytest.fixture(params=REFUSALS, ids=lambda code: code.name)
def strict(request: pytest.FixtureRequest, faults: Faults, token: Any, open_store: Any) -> PKCS11Store:
    """It refuses every C_CreateObject."""
    faults.fail("C_CreateObject", request.param)
    store: PKCS11Store = open_store(token, **faults.settings(token))
    return store


@pytest.fixture
def same(token: Any, strict: PKCS11Store) -> Any:
    """The same token, by a way that refuses nothing."""
    with prepared(token.settings()) as store:
        yield store


def new_id() -> bytes:
    return secrets.token_bytes(16)


SECOND = {False: "C_CreateObject", True: "C_DeriveKey"}


@pytest.mark.parametrize("agreed", [False, True], ids=["imported", "agreed on"])
def test_a_check_that_is_refused_half_way_leaves_nothing_behind(
    faults: Faults, token: Any, open_store: Any, agreed: bool
) -> None:
    """The token takes a wrapping key, and no key that may leave. It is asked again and again, in the same session."""
    store = open_store(token, **faults.settings(token))
    faults.clear()
    if agreed:
        faults.add("C_CreateObject", Action.RETURN, code=CKR.TEMPLATE_INCONSISTENT)
    faults.add(
        SECOND[agreed], Action.RETURN, code=CKR.TEMPLATE_INCONSISTENT, skip=2
    )  # that it can, and the wrapping key
    assert not store.can_hold(AES)
    assert made(store) == set()


@pytest.mark.parametrize("agreed", [False, True], ids=["imported", "agreed on"])
def test_checks_leave_nothing_behind(faults: Faults, token: Any, open_store: Any, agreed: bool) -> None:
    store = open_store(token, **faults.settings(token))
    faults.clear()
    if agreed:
        faults.add("C_CreateObject", Action.RETURN, code=CKR.TEMPLATE_INCONSISTENT)
        faults.add("C_GetAttributeValue", Action.RETURN, code=CKR.ATTRIBUTE_VALUE_INVALID, skip=1, count=1)
    store.can_hold(AES)
    assert made(store) == set()


def made(store: PKCS11Store) -> set[int]:
    """The session objects of the one session there is."""
    assert store._connection.pool.opened == 1
    find = store._connection.functions.find
    return store._connection.run(Verb.FIND, lambda session: set(find(session.handle, ((A.TOKEN, FALSE),))))


def test_secret_keys_are_released(strict: PKCS11Store, same: PKCS11Store, faults: Faults) -> None:
    assert strict.can_hold(AES)
    key = strict.generate_key(new_id(), AES)
    material = strict.release(key)
    assert material == same.release(key), "the same key, released in the plain way"
    derived = faults.calls("C_DeriveKey")
    assert strict.release(key) == material
    assert faults.calls("C_DeriveKey") == derived, "one agreement serves many releases"
    odd = strict.generate_key(new_id(), KeyTemplate(algorithm=Algorithm.HMAC_SHA256, length=160))
    assert len(strict.release(odd)) == 20


def test_private_keys_are_released(strict: PKCS11Store) -> None:
    template = KeyTemplate(algorithm=Algorithm.EC, length=256, curve=RecommendedCurve.P_256, usage=Usage.SIGN)
    key, spki = strict.generate_key_pair(new_id(), template)
    private = load_der_private_key(bytes(strict.release(key)), None)
    assert private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == spki


def test_wrapped_keys(strict: PKCS11Store) -> None:
    wrapping = new_id()
    strict.create_wrapping_key(wrapping)
    assert strict.unseal(wrapping, strict.seal(wrapping, b"secret", b"x"), b"x") == b"secret"


def test_cryptography_in_the_token(strict: PKCS11Store) -> None:
    key = strict.generate_key(new_id(), AES)
    value, iv = bytes(strict.release(key)), bytes(range(12))
    parameters = CipherParameters(algorithm=Algorithm.AES, block_cipher_mode=BlockCipherMode.GCM, iv=iv)
    sealed = strict.encrypt(key, parameters, b"text")
    assert sealed.data + sealed.tag == AESGCM(value).encrypt(iv, b"text", None)
    mac = strict.generate_key(
        new_id(), KeyTemplate(algorithm=Algorithm.HMAC_SHA256, length=256, usage=Usage.MAC_GENERATE)
    )
    wanted = hmac.digest(bytes(strict.release(mac)), b"text", hashlib.sha256)
    assert strict.mac(mac, MACParameters(algorithm=Algorithm.HMAC_SHA256), b"text") == wanted
    for algorithm, bits, curve in ((Algorithm.RSA, 2048, None), (Algorithm.EC, 256, RecommendedCurve.P_256)):
        template = KeyTemplate(algorithm=algorithm, length=bits, curve=curve, usage=Usage.SIGN)
        pair, _ = strict.generate_key_pair(new_id(), template)
        sign = SignatureParameters(
            algorithm=algorithm,
            hashing_algorithm=HashingAlgorithm.SHA_256,
            padding_method=PaddingMethod.PSS if algorithm is Algorithm.RSA else None,
        )
        assert strict.sign(pair, sign, b"text")


def test_nothing_is_left_behind(strict: PKCS11Store, faults: Faults) -> None:
    strict.release(strict.generate_key(new_id(), AES))
    for mechanism in (*proofs.CIPHERS, *proofs.MACS):
        with contextlib.suppress(MechanismUnavailable):
            strict._connection.run(Verb.FIND, lambda session, m=mechanism: strict._proofs.demand(session, Plan(m)))
    proved = {
        mechanism for mechanism in (*proofs.CIPHERS, *proofs.MACS) if Plan(mechanism).proof in strict._proofs._held
    }
    unproved = {mechanism.name for mechanism in (*proofs.CIPHERS, *proofs.MACS) if mechanism not in proved}
    long = {"SHA384_HMAC", "SHA512_HMAC"}  # they want a longer secret than P-256 gives: software does it
    assert {name for name in unproved if not name.startswith("DES3")} == long

    def session_objects(session: Any) -> int:
        from pkcs11.constants import Attribute

        functions = strict._connection.functions
        return len(functions.find(session.handle, ((Attribute.TOKEN, b"\x00"),)))

    assert strict._connection.run(Verb.FIND, session_objects) == 1, "the key for releases"


def test_what_the_standard_wants_derived_is(token: Any, open_store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """SP 800-56A: the shared secret goes through a key derivation function. SoftHSM2 has none, so it is passed over."""
    store = open_store(token)
    monkeypatch.setattr(proofs, "KeySource", [KeySource.AGREED_SHA256])
    with pytest.raises(MechanismUnavailable):
        store.release(store.generate_key(new_id(), AES))
    assert not store.can_hold(AES)
    from cryptography.hazmat.primitives import hashes

    shared = bytes(range(32))
    x963 = hashes.Hash(hashes.SHA256())  # ANSI X9.63, one block: the hash of the secret and a counter
    x963.update(shared + b"\x00\x00\x00\x01")
    assert known_keys._derived(shared) == x963.finalize()


def test_a_token_without_any_way_is_told_before_a_key_is_made(faults: Faults, token: Any, open_store: Any) -> None:
    faults.fail("C_CreateObject", CKR.TEMPLATE_INCONSISTENT)
    faults.add("C_DeriveKey", Action.RETURN, code=CKR.MECHANISM_INVALID)
    store = open_store(token, **faults.settings(token))
    assert not store.can_hold(AES)
    assert store.can_hold(KeyTemplate(algorithm=Algorithm.AES, length=256, extractable=False))
