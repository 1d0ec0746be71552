"""Modes, paddings and ciphers against published vectors and against themselves, wherever the key lives."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from kmipd.core.algorithms import ciphers, macs, rsa_ciphers
from kmipd.core.algorithms.block_ciphers import BLOCK_CIPHERS, block_size
from kmipd.core.algorithms.derivation import Derivation, derive
from kmipd.core.algorithms.hashes import HASHES
from kmipd.core.algorithms.paddings import PADDINGS
from kmipd.core.errors import KmipError
from kmipd.core.model import Principal
from kmipd.core.ports import CipherParameters, MACParameters
from kmipd.spec import objects as o
from kmipd.spec import payloads as p
from kmipd.spec.attributes import CryptographicParameters
from kmipd.spec.enumerations import BlockCipherMode as M
from kmipd.spec.enumerations import CryptographicAlgorithm as CA
from kmipd.spec.enumerations import (
    DerivationMethod,
    EncodingOption,
    HashingAlgorithm,
    ObjectType,
    Operation,
    ResultReason,
    WrappingMethod,
)
from kmipd.spec.enumerations import DerivationMethod as D
from kmipd.spec.enumerations import PaddingMethod as P
from kmipd.spec.masks import CryptographicUsageMask as Mask
from kmipd.spec.payloads.parts import DerivationParameters
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V1_2, V2_1
from tests.core.conftest import Service
from tests.support.asking import activate, aes, create, material, register, secret
from tests.support.client import wanted


def h(text: str) -> bytes:
    return bytes.fromhex(text)


def _parameters(mode: M | None, iv: bytes = b"", algorithm: CA = CA.AES, **more: Any) -> CipherParameters:
    return CipherParameters(algorithm=algorithm, block_cipher_mode=mode, iv=iv, **more)


def test_ccm() -> None:
    """SP 800-38C, example 1."""
    key = h("404142434445464748494a4b4c4d4e4f")
    parameters = _parameters(M.CCM, h("10111213141516"), tag_length=4, additional_data=h("0001020304050607"))
    made = ciphers.encrypt(parameters, key, h("20212223"))
    assert (made.data, made.tag) == (h("7162015b"), h("4dac255d"))
    assert ciphers.decrypt(parameters, key, made.data, made.tag) == h("20212223")
    for wrong in (made.tag[:3] + b"x", made.tag[:1]):
        with pytest.raises(KmipError) as refused:
            ciphers.decrypt(parameters, key, made.data, wrong)
        assert refused.value.reason is ResultReason.CRYPTOGRAPHIC_FAILURE
    with pytest.raises(KmipError):
        ciphers.encrypt(_parameters(M.CCM, bytes(14)), key, b"")


def test_xts() -> None:
    """IEEE 1619, vector 2."""
    key = h("11" * 16 + "22" * 16)
    parameters = _parameters(M.XTS, h("33333333330000000000000000000000"))
    sealed = ciphers.encrypt(parameters, key, h("44" * 32)).data
    assert sealed == h("c454185e6a16936e39334038acef838bfb186fff7480adc4289382ecd6d394f0")
    assert ciphers.decrypt(parameters, key, sealed, b"") == h("44" * 32)
    for bad_key, data in ((key[:16] * 2, bytes(32)), (key, b"short"), (key[:24], bytes(32))):
        with pytest.raises(KmipError):
            ciphers.encrypt(parameters, bad_key, data)


def test_nist_key_wrap_as_a_mode() -> None:
    """RFC 3394, 4.1; RFC 5649, 6."""
    kek, data = h("000102030405060708090a0b0c0d0e0f"), h("00112233445566778899aabbccddeeff")
    sealed = ciphers.encrypt(_parameters(M.NIST_KEY_WRAP), kek, data).data
    assert sealed == h("1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5")
    assert ciphers.decrypt(_parameters(M.NIST_KEY_WRAP), kek, sealed, b"") == data
    kek = h("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8")
    padded = ciphers.encrypt(_parameters(M.AES_KEY_WRAP_PADDING), kek, h("466f7250617369")).data
    assert padded == h("afbeb0f07dfbf5419200f2ccb50bb24f")
    for mode, bad in ((M.NIST_KEY_WRAP, sealed[:-1] + b"x"), (M.AES_KEY_WRAP_PADDING, padded[:-1])):
        with pytest.raises(KmipError) as refused:
            ciphers.decrypt(_parameters(mode), kek, bad, b"")
        assert refused.value.reason is ResultReason.CRYPTOGRAPHIC_FAILURE


def test_pcbc_chains_plaintext_and_ciphertext() -> None:
    key, iv, data = bytes(range(16)), bytes(range(16, 32)), bytes(range(48))
    sealed = ciphers.encrypt(_parameters(M.PCBC, iv), key, data).data
    block = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    chain, expected = iv, b""
    for start in range(0, 48, 16):
        one = data[start : start + 16]
        made = block.update(bytes(a ^ b for a, b in zip(one, chain, strict=True)))
        chain = bytes(a ^ b for a, b in zip(one, made, strict=True))
        expected += made
    assert sealed == expected
    assert ciphers.decrypt(_parameters(M.PCBC, iv), key, sealed, b"") == data
    with pytest.raises(KmipError):
        ciphers.decrypt(_parameters(M.PCBC, iv), key, sealed[:-1], b"")


@pytest.mark.parametrize("method", PADDINGS)
@pytest.mark.parametrize("mode", [M.CBC, M.ECB, M.PCBC])
def test_every_padding_comes_off_again(mode: M, method: P) -> None:
    iv = b"" if mode is M.ECB else bytes(16)
    parameters = _parameters(mode, iv, padding_method=method)
    for size in range(34):
        data = b"\x01" * size
        sealed = ciphers.encrypt(parameters, bytes(16), data).data
        assert len(sealed) % 16 == 0
        assert ciphers.decrypt(parameters, bytes(16), sealed, b"") == data


@pytest.mark.parametrize("method", sorted(set(PADDINGS) - {P.ZEROS}))
@pytest.mark.parametrize("last", [0, 17, 255])
def test_padding_that_cannot_be(method: P, last: int) -> None:
    block = bytes(15) + bytes([last])
    sealed = ciphers.encrypt(_parameters(M.ECB), bytes(16), block).data
    parameters = _parameters(M.ECB, padding_method=method)
    if method is P.SSL3 and last == 0:
        assert ciphers.decrypt(parameters, bytes(16), sealed, b"") == block[:15]
        return
    with pytest.raises(KmipError) as refused:
        ciphers.decrypt(parameters, bytes(16), sealed, b"")
    assert refused.value.reason is ResultReason.CRYPTOGRAPHIC_FAILURE


SIZES = {CA.TRIPLE_DES: 24, CA.IDEA: 16, CA.RC2: 16}


CHAINED = (M.CBC, M.CFB, M.OFB, M.CTR, M.ECB, M.PCBC, M.GCM)
#: What OpenSSL does not have; the answer says so.
MISSING = {(a, M.CTR) for a in (CA.TRIPLE_DES, CA.BLOWFISH, CA.CAST5, CA.IDEA, CA.SEED, CA.CAMELLIA)}
MISSING |= {(a, M.GCM) for a in (CA.TRIPLE_DES, CA.BLOWFISH, CA.CAST5, CA.IDEA, CA.SEED, CA.CAMELLIA)}
MISSING |= {(CA.RC2, m) for m in (M.CFB, M.OFB, M.CTR, M.ECB, M.PCBC, M.GCM)}


@pytest.mark.parametrize("mode", CHAINED)
@pytest.mark.parametrize("algorithm", BLOCK_CIPHERS)
def test_every_cipher_in_every_chained_mode(algorithm: CA, mode: M) -> None:
    key = bytes(range(SIZES.get(algorithm, 16)))
    iv = b"" if mode is M.ECB else bytes(12 if mode is M.GCM else block_size(algorithm))
    parameters = _parameters(mode, iv, algorithm, padding_method=P.PKCS5)
    if (algorithm, mode) in MISSING:
        with pytest.raises(KmipError) as refused:
            ciphers.encrypt(parameters, key, b"a secret")
        assert refused.value.reason is ResultReason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS
        return
    sealed = ciphers.encrypt(parameters, key, b"a secret")
    assert sealed.data != b"a secret"
    assert ciphers.decrypt(parameters, key, sealed.data, sealed.tag) == b"a secret"


def test_rc4() -> None:
    """RFC 6229, a key of 40 bits."""
    stream = ciphers.encrypt(_parameters(None, algorithm=CA.RC4), h("0102030405"), bytes(16)).data
    assert stream == h("b2396305f03dc027ccc3524a0a1118a8")


def test_no_mac_that_gives_its_key_away() -> None:
    """The Poly1305 of an empty message is the second half of the key."""
    with pytest.raises(KmipError):
        macs.mac(MACParameters(algorithm=CA.POLY1305), bytes(32), b"")


def test_cmac_over_any_block_cipher() -> None:
    """RFC 4493, example 2; the others make a block of their size."""
    key = h("2b7e151628aed2a6abf7158809cf4f3c")
    made = macs.mac(MACParameters(algorithm=CA.AES), key, h("6bc1bee22e409f96e93d7e117393172a"))
    assert made == h("070a16b46b4d4144f79bdd9dd04a287c")
    for algorithm in (CA.TRIPLE_DES, CA.BLOWFISH, CA.CAMELLIA):
        made = macs.mac(MACParameters(algorithm=algorithm), bytes(range(SIZES.get(algorithm, 16))), b"data")
        assert len(made) == block_size(algorithm)


@pytest.mark.parametrize("group", ["token", "wrapped"])
@pytest.mark.parametrize("mode", [M.CCM, M.PCBC, M.NIST_KEY_WRAP, M.CTR, M.GCM])
def test_a_key_of_the_token_and_a_sealed_one_do_the_same(service: Service, mode: M, group: str) -> None:
    service.version, service.principal = V2_1, Principal(group, group)
    uid = create(service, mask=Mask.ENCRYPT | Mask.DECRYPT, length=256)
    activate(service, uid)
    given = CryptographicParameters(block_cipher_mode=mode)
    data = bytes(range(32))
    request = p.EncryptRequestPayload(unique_identifier=uid, cryptographic_parameters=given, data=data)
    sealed = service.call(Operation.ENCRYPT, request)
    iv = sealed.iv_counter_nonce or b""
    expected = ciphers.encrypt(_parameters(mode, iv), material(service, uid), data)
    assert (sealed.data, sealed.authenticated_encryption_tag or b"") == (expected.data, expected.tag)
    back = p.DecryptRequestPayload(
        unique_identifier=uid,
        cryptographic_parameters=given,
        data=sealed.data,
        iv_counter_nonce=sealed.iv_counter_nonce,
        authenticated_encryption_tag=sealed.authenticated_encryption_tag,
    )
    assert service.call(Operation.DECRYPT, back).data == data
    if ciphers.authenticated(CA.AES, mode):
        assert service.refusal(Operation.ENCRYPT, request, version=V1_2) is ResultReason.FEATURE_NOT_SUPPORTED


@pytest.mark.parametrize("group", ["token", "wrapped"])
def test_no_key_is_taken_for_a_one_time_pad(service: Service, group: str) -> None:
    """Zeros enciphered with a pad are the pad: by Encrypt, by a wrapping, or by a derivation it would be the key."""
    service.version, service.principal = V2_1, Principal(group, group)
    every = Mask.ENCRYPT | Mask.DECRYPT | Mask.WRAP_KEY | Mask.DERIVE_KEY
    uid = create(service, (Tag.SENSITIVE, True), mask=every)
    activate(service, uid)
    for mode in (None, M.CBC, M.CTR):
        pad = CryptographicParameters(cryptographic_algorithm=CA.ONE_TIME_PAD, block_cipher_mode=mode)
        one = {"unique_identifier": uid, "cryptographic_parameters": pad, "data": bytes(32)}
        assert service.refusal(Operation.ENCRYPT, p.EncryptRequestPayload(**one, iv_counter_nonce=bytes(16)))
        assert service.refusal(Operation.DECRYPT, p.DecryptRequestPayload(**one, iv_counter_nonce=bytes(16)))
        information = o.EncryptionKeyInformation(unique_identifier=uid, cryptographic_parameters=pad)
        wrapping = o.KeyWrappingSpecification(
            wrapping_method=WrappingMethod.ENCRYPT,
            encryption_key_information=information,
            encoding_option=EncodingOption.NO_ENCODING,
        )
        other = create(service)
        request = p.GetRequestPayload(unique_identifier=other, key_wrapping_specification=wrapping)
        assert service.refusal(Operation.GET, request) is not None
        derivation = p.DeriveKeyRequestPayload(
            object_type=ObjectType.SYMMETRIC_KEY,
            unique_identifier=(uid,),
            derivation_method=DerivationMethod.ENCRYPT,
            derivation_parameters=DerivationParameters(
                cryptographic_parameters=pad, derivation_data=bytes(32), initialization_vector=bytes(16)
            ),
            **wanted(V2_1, aes()),
        )
        assert service.refusal(Operation.DERIVE_KEY, derivation) is not None
    secret_pad = (Tag.CRYPTOGRAPHIC_ALGORITHM, CA.ONE_TIME_PAD), (Tag.SENSITIVE, True)
    kept = register(
        service, ObjectType.SECRET_DATA, secret(bytes(32)), *secret_pad, (Tag.CRYPTOGRAPHIC_USAGE_MASK, every)
    )
    activate(service, kept)
    request = p.EncryptRequestPayload(unique_identifier=kept, data=bytes(32))
    assert service.refusal(Operation.ENCRYPT, request) is ResultReason.PERMISSION_DENIED


@pytest.mark.parametrize("length", [-1, 129, 2**30])
def test_a_random_iv_is_no_longer_than_an_iv(service: Service, length: int) -> None:
    service.version = V2_1
    uid = create(service, mask=Mask.ENCRYPT)
    activate(service, uid)
    given = CryptographicParameters(block_cipher_mode=M.GCM, random_iv=True, iv_length=length)
    request = p.EncryptRequestPayload(unique_identifier=uid, cryptographic_parameters=given, data=b"")
    assert service.refusal(Operation.ENCRYPT, request) is ResultReason.INVALID_FIELD


def test_combinations_that_openssl_lacks_are_unsupported() -> None:
    key = rsa.generate_private_key(65537, 2048).public_key()
    der = key.public_bytes(ser.Encoding.DER, ser.PublicFormat.SubjectPublicKeyInfo)
    for hashing in HASHES:
        parameters = _parameters(None, algorithm=CA.RSA, padding_method=P.OAEP, hashing_algorithm=hashing)
        try:
            assert len(rsa_ciphers.encrypt(parameters, der, b"data")) == 256
        except KmipError as refused:
            if refused.reason is not ResultReason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS:
                raise
    with pytest.raises(KmipError):
        rsa_ciphers.encrypt(_parameters(None, algorithm=CA.RSA, padding_method=P.OAEP), b"no key", b"data")


@pytest.mark.parametrize("method", [D.HMAC, D.NIST800_108_C, D.PBKDF2, D.HKDF, D.HASH])
def test_derivations_know_no_tiger(method: D) -> None:
    wanted = Derivation(
        method=method, key=b"key", data=b"data", length=16, hashing_algorithm=HashingAlgorithm.TIGER, iterations=1
    )
    with pytest.raises(KmipError) as refused:
        derive(wanted)
    assert refused.value.reason is ResultReason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS
