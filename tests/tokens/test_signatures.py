"""Signatures and RSA encryption: what the token computes, `cryptography` accepts."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import secrets
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.serialization import load_der_public_key

from kmipd.core.errors import MechanismUnavailable, StoreRefused
from kmipd.core.ports import (
    CipherParameters,
    KeyClass,
    KeyTemplate,
    SignatureParameters,
    TokenKey,
)
from kmipd.spec.enumerations import CryptographicAlgorithm as Algorithm
from kmipd.spec.enumerations import DigitalSignatureAlgorithm, HashingAlgorithm, RecommendedCurve
from kmipd.spec.enumerations import PaddingMethod as Padding
from kmipd.spec.masks import CryptographicUsageMask as Usage
from kmipd_pkcs11.store import PKCS11Store

DATA = bytes(range(48))
HASHES: dict[HashingAlgorithm, Any] = {
    HashingAlgorithm.SHA_1: hashes.SHA1(),
    HashingAlgorithm.SHA_224: hashes.SHA224(),
    HashingAlgorithm.SHA_256: hashes.SHA256(),
    HashingAlgorithm.SHA_384: hashes.SHA384(),
    HashingAlgorithm.SHA_512: hashes.SHA512(),
}


@pytest.fixture(scope="module")
def rsa_pair(shared: PKCS11Store) -> tuple[TokenKey, rsa.RSAPublicKey]:
    usage, public_usage = Usage.SIGN | Usage.DECRYPT, Usage.VERIFY | Usage.ENCRYPT
    template = KeyTemplate(algorithm=Algorithm.RSA, length=2048, usage=usage, public_usage=public_usage)
    key, spki = shared.generate_key_pair(secrets.token_bytes(16), template)
    public = load_der_public_key(spki)
    assert isinstance(public, rsa.RSAPublicKey)
    return key, public


@pytest.mark.parametrize(("hashing", "digested", "pss"), [*itertools.product(HASHES, (False, True), (False, True))])
def test_rsa_signatures(
    shared: PKCS11Store, rsa_pair: Any, hashing: HashingAlgorithm, digested: bool, pss: bool
) -> None:
    key, public = rsa_pair
    algorithm = HASHES[hashing]
    parameters = SignatureParameters(
        algorithm=Algorithm.RSA,
        hashing_algorithm=hashing,
        padding_method=Padding.PSS if pss else Padding.PKCS1_V1_5,
        digested=digested,
        salt_length=20 if pss and digested else None,
    )
    data = hashlib.new(algorithm.name, DATA).digest() if digested else DATA
    signature = shared.sign(key, parameters, data)
    salt = 20 if digested else algorithm.digest_size
    scheme = rsa_padding.PSS(rsa_padding.MGF1(algorithm), salt) if pss else rsa_padding.PKCS1v15()
    public.verify(signature, DATA, scheme, algorithm)


def test_named_signature_algorithms(shared: PKCS11Store, rsa_pair: Any) -> None:
    key, public = rsa_pair
    named = DigitalSignatureAlgorithm.SHA_384_WITH_RSA_ENCRYPTION
    signature = shared.sign(key, SignatureParameters(algorithm=Algorithm.RSA, signature_algorithm=named), DATA)
    public.verify(signature, DATA, rsa_padding.PKCS1v15(), hashes.SHA384())
    for parameters in (
        SignatureParameters(
            algorithm=Algorithm.RSA, signature_algorithm=DigitalSignatureAlgorithm.SHA3_256_WITH_RSA_ENCRYPTION
        ),
        SignatureParameters(algorithm=Algorithm.RSA, hashing_algorithm=HashingAlgorithm.SHA_256),
        SignatureParameters(algorithm=Algorithm.RSA, padding_method=Padding.PSS),
        SignatureParameters(algorithm=Algorithm.DSA, hashing_algorithm=HashingAlgorithm.SHA_256),
    ):
        with pytest.raises(MechanismUnavailable):
            shared.sign(key, parameters, DATA)
    digested = SignatureParameters(
        algorithm=Algorithm.RSA,
        hashing_algorithm=HashingAlgorithm.SHA_256,
        padding_method=Padding.PSS,
        digested=True,
    )
    with pytest.raises(StoreRefused, match="digest"):
        shared.sign(key, digested, b"no digest")


@pytest.mark.parametrize("curve", [RecommendedCurve.P_256, RecommendedCurve.P_384, RecommendedCurve.P_521])
@pytest.mark.parametrize("digested", [False, True])
def test_ecdsa(shared: PKCS11Store, curve: RecommendedCurve, digested: bool) -> None:
    bits = int(curve.name.removeprefix("P_"))
    template = KeyTemplate(algorithm=Algorithm.EC, length=bits, curve=curve, usage=Usage.SIGN)
    key, spki = shared.generate_key_pair(secrets.token_bytes(16), template)
    public = load_der_public_key(spki)
    assert isinstance(public, ec.EllipticCurvePublicKey)
    for hashing, algorithm in HASHES.items():
        parameters = SignatureParameters(algorithm=Algorithm.EC, hashing_algorithm=hashing, digested=digested)
        data = hashlib.new(algorithm.name, DATA).digest() if digested else DATA
        signature = shared.sign(key, parameters, data)
        assert utils.decode_dss_signature(signature)
        public.verify(signature, DATA, ec.ECDSA(algorithm))


def test_rsa_encryption(shared: PKCS11Store, rsa_pair: Any) -> None:
    key, public = rsa_pair
    public_key = TokenKey(key.cka_id, KeyClass.PUBLIC, Algorithm.RSA, 2048)
    pkcs1 = CipherParameters(algorithm=Algorithm.RSA, padding_method=Padding.PKCS1_V1_5)
    assert shared.decrypt(key, pkcs1, public.encrypt(DATA, rsa_padding.PKCS1v15()), b"") == DATA
    assert shared.decrypt(key, pkcs1, shared.encrypt(public_key, pkcs1, DATA).data, b"") == DATA
    oaep = CipherParameters(
        algorithm=Algorithm.RSA, padding_method=Padding.OAEP, hashing_algorithm=HashingAlgorithm.SHA_1
    )
    scheme = rsa_padding.OAEP(rsa_padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
    assert shared.decrypt(key, oaep, public.encrypt(DATA, scheme), b"") == DATA
    for parameters in (pkcs1, oaep):
        with pytest.raises(StoreRefused):
            shared.encrypt(public_key, parameters, bytes(300))
    with pytest.raises(StoreRefused):
        shared.decrypt(key, oaep, bytes(range(256)), b"")
    with contextlib.suppress(StoreRefused):
        assert shared.decrypt(key, pkcs1, bytes(range(256)), b"") != DATA, "implicit rejection: something random"
    assert shared.health().up


def test_oaep_with_another_hash_works_or_is_for_software(shared: PKCS11Store, rsa_pair: Any) -> None:
    key, public = rsa_pair
    parameters = CipherParameters(
        algorithm=Algorithm.RSA, padding_method=Padding.OAEP, hashing_algorithm=HashingAlgorithm.SHA_256
    )
    scheme = rsa_padding.OAEP(rsa_padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    try:
        plain = shared.decrypt(key, parameters, public.encrypt(DATA, scheme), b"")
    except MechanismUnavailable as error:
        pytest.skip(str(error))
    assert plain == DATA
