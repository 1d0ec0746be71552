"""What the token computes is what `cryptography` computes."""

from __future__ import annotations

import hmac
import secrets
import threading
import warnings
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import cmac, hashes, padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kmipd.core.errors import MechanismUnavailable, StoreError, StoreRefused, TokenKeyMissing
from kmipd.core.ports import (
    CipherParameters,
    KeyClass,
    KeyTemplate,
    MACParameters,
    SignatureParameters,
    TokenKey,
)
from kmipd.spec.enumerations import BlockCipherMode as Mode
from kmipd.spec.enumerations import CryptographicAlgorithm as Algorithm
from kmipd.spec.enumerations import HashingAlgorithm
from kmipd.spec.enumerations import PaddingMethod as Padding
from kmipd.spec.masks import CryptographicUsageMask as Usage
from kmipd_pkcs11 import proofs
from kmipd_pkcs11.errors import Verb
from kmipd_pkcs11.mechanisms import Plan
from kmipd_pkcs11.store import PKCS11Store

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES

DATA = bytes(range(48))
HASHES: dict[HashingAlgorithm, Any] = {
    HashingAlgorithm.SHA_1: hashes.SHA1(),
    HashingAlgorithm.SHA_224: hashes.SHA224(),
    HashingAlgorithm.SHA_256: hashes.SHA256(),
    HashingAlgorithm.SHA_384: hashes.SHA384(),
    HashingAlgorithm.SHA_512: hashes.SHA512(),
}
CIPHER = Usage.ENCRYPT | Usage.DECRYPT


def make(store: PKCS11Store, algorithm: Algorithm, bits: int, usage: Usage = CIPHER) -> tuple[TokenKey, bytes]:
    key = store.generate_key(secrets.token_bytes(16), KeyTemplate(algorithm=algorithm, length=bits, usage=usage))
    return key, bytes(store.release(key))


@pytest.fixture(scope="module")
def aes(shared: PKCS11Store) -> tuple[TokenKey, bytes]:
    return make(shared, Algorithm.AES, 256)


@pytest.fixture(scope="module")
def des(shared: PKCS11Store) -> tuple[TokenKey, bytes]:
    return make(shared, Algorithm.TRIPLE_DES, 168)


def software(cipher: Any, mode: Any, data: bytes, pad: int = 0) -> bytes:
    if pad:
        padder = padding.PKCS7(pad).padder()
        data = padder.update(data) + padder.finalize()
    encryptor = Cipher(cipher, mode).encryptor()
    return encryptor.update(data) + encryptor.finalize()


@pytest.mark.parametrize(
    ("mode", "padded", "sizes"),
    [
        (Mode.ECB, False, (16, 48)),
        (Mode.CBC, False, (16, 48)),
        (Mode.CBC, True, (0, 1, 16, 47)),
        (Mode.CTR, False, (1, 16, 47)),
    ],
)
def test_aes(shared: PKCS11Store, aes: Any, mode: Mode, padded: bool, sizes: tuple[int, ...]) -> None:
    key, value = aes
    iv = b"" if mode is Mode.ECB else bytes(8) + b"\xff" * 8
    parameters = CipherParameters(
        algorithm=Algorithm.AES,
        block_cipher_mode=mode,
        padding_method=Padding.PKCS5 if padded else Padding.NONE,
        iv=iv,
    )
    named = {Mode.ECB: modes.ECB, Mode.CBC: lambda: modes.CBC(iv), Mode.CTR: lambda: modes.CTR(iv)}[mode]()
    for size in sizes:
        data = DATA[:size]
        result = shared.encrypt(key, parameters, data)
        assert result.data == software(algorithms.AES(value), named, data, 128 if padded else 0)
        assert result.tag == b""
        assert shared.decrypt(key, parameters, result.data, b"") == data


@pytest.mark.parametrize(("mode", "padded"), [(Mode.ECB, False), (Mode.CBC, False), (Mode.CBC, True)])
def test_triple_des(shared: PKCS11Store, des: Any, mode: Mode, padded: bool) -> None:
    key, value = des
    iv = b"" if mode is Mode.ECB else bytes(range(8))
    method = Padding.PKCS5 if padded else None
    parameters = CipherParameters(algorithm=Algorithm.TRIPLE_DES, block_cipher_mode=mode, padding_method=method, iv=iv)
    named = modes.ECB() if mode is Mode.ECB else modes.CBC(iv)
    result = shared.encrypt(key, parameters, DATA[:24])
    assert result.data == software(TripleDES(value), named, DATA[:24], 64 if padded else 0)
    assert shared.decrypt(key, parameters, result.data, b"") == DATA[:24]


@pytest.mark.parametrize("tag_length", [12, 13, 14, 15, 16])
@pytest.mark.parametrize("aad", [b"", b"associated"])
def test_gcm(shared: PKCS11Store, aes: Any, tag_length: int, aad: bytes) -> None:
    key, value = aes
    iv = secrets.token_bytes(12)
    parameters = CipherParameters(
        algorithm=Algorithm.AES, block_cipher_mode=Mode.GCM, iv=iv, tag_length=tag_length, additional_data=aad
    )
    for size in (0, 1, 47, 20_000):
        data = (DATA * 500)[:size]
        result = shared.encrypt(key, parameters, data)
        whole = AESGCM(value).encrypt(iv, data, aad)
        assert result.data + result.tag == whole[: size + tag_length]
        assert len(result.tag) == tag_length
        assert shared.decrypt(key, parameters, result.data, result.tag) == data
        wrong = bytes([result.tag[0] ^ 1]) + result.tag[1:]
        with pytest.raises(StoreRefused):
            shared.decrypt(key, parameters, result.data, wrong)
    with pytest.raises(StoreRefused):
        shared.decrypt(key, parameters, b"x", b"short")
    assert shared.health().up


def test_what_the_token_cannot_do_is_told_before_it_is_asked(shared: PKCS11Store, aes: Any) -> None:
    key, _ = aes
    unavailable = [
        CipherParameters(algorithm=Algorithm.AES, block_cipher_mode=Mode.GCM, iv=bytes(60)),
        CipherParameters(algorithm=Algorithm.AES, block_cipher_mode=Mode.XTS, iv=bytes(16)),
        CipherParameters(algorithm=Algorithm.AES, block_cipher_mode=Mode.CBC, padding_method=Padding.ANSI_X9_23),
        CipherParameters(algorithm=Algorithm.AES),
        CipherParameters(algorithm=Algorithm.CHACHA20, iv=bytes(12)),
    ]
    for parameters in unavailable:
        with pytest.raises(MechanismUnavailable):
            shared.encrypt(key, parameters, DATA)
    refused = [
        CipherParameters(algorithm=Algorithm.AES, block_cipher_mode=Mode.CBC, iv=bytes(8)),
        CipherParameters(algorithm=Algorithm.AES, block_cipher_mode=Mode.GCM, iv=bytes(12), tag_length=3),
    ]
    for parameters in refused:
        with pytest.raises(StoreRefused):
            shared.encrypt(key, parameters, DATA)


def test_the_callers_faults_are_refused_and_harm_nothing(shared: PKCS11Store, aes: Any) -> None:
    key, _ = aes
    epoch = shared.health().epoch
    plain = CipherParameters(algorithm=Algorithm.AES, block_cipher_mode=Mode.CBC, iv=bytes(16))
    padded = CipherParameters(
        algorithm=Algorithm.AES, block_cipher_mode=Mode.CBC, iv=bytes(16), padding_method=Padding.PKCS5
    )
    for _ in range(20):
        with pytest.raises(StoreRefused):
            shared.encrypt(key, plain, DATA[:17])
        with pytest.raises(StoreRefused):
            shared.decrypt(key, padded, DATA[:16], b"")
        with pytest.raises(StoreRefused):
            shared.decrypt(key, plain, DATA[:15], b"")
    only_encrypt, _ = make(shared, Algorithm.AES, 128, Usage.ENCRYPT)
    ciphertext = shared.encrypt(only_encrypt, plain, DATA).data
    with pytest.raises(StoreRefused, match=r"KEY_FUNCTION_NOT_PERMITTED|KEY_TYPE_INCONSISTENT"):
        shared.decrypt(only_encrypt, plain, ciphertext, b"")
    assert shared.health().epoch == epoch
    missing = TokenKey(bytes(16), KeyClass.SECRET, Algorithm.AES, 256, 32)
    with pytest.raises(TokenKeyMissing):
        shared.encrypt(missing, plain, DATA)
    epoch = shared.health().epoch  # where views lag, it was looked for in a new one, once
    with pytest.raises(TokenKeyMissing):
        shared.encrypt(missing, plain, DATA)
    assert shared.health().epoch == epoch
    assert shared.encrypt(key, plain, DATA).data


def test_seal_and_unseal(shared: PKCS11Store) -> None:
    wrapping, other = secrets.token_bytes(16), secrets.token_bytes(16)
    shared.create_wrapping_key(wrapping)
    shared.create_wrapping_key(other)
    for plain in (b"", b"x", DATA * 100):
        sealed = shared.seal(wrapping, plain, b"object-1")
        assert len(sealed) == 12 + len(plain) + 16
        assert shared.seal(wrapping, plain, b"object-1") != sealed
        assert shared.unseal(wrapping, sealed, b"object-1") == plain
        for key, blob, aad in (
            (wrapping, sealed, b"object-2"),
            (wrapping, sealed, b""),
            (other, sealed, b"object-1"),
            (wrapping, sealed[:-1] + bytes([sealed[-1] ^ 1]), b"object-1"),
            (wrapping, sealed[:-1], b"object-1"),
            (wrapping, sealed[:27], b"object-1"),
        ):
            with pytest.raises(StoreRefused):
                shared.unseal(key, blob, aad)
    with pytest.raises(StoreRefused):
        shared.release(TokenKey(wrapping, KeyClass.SECRET, Algorithm.AES, 256, 32))
    with pytest.raises(TokenKeyMissing):
        shared.seal(bytes(16), b"x", b"")


@pytest.mark.parametrize("name", ["SHA1", "SHA224", "SHA256", "SHA384", "SHA512"])
def test_hmac(shared: PKCS11Store, name: str) -> None:
    algorithm = Algorithm[f"HMAC_{name}"]
    key, value = make(shared, algorithm, 512, Usage.MAC_GENERATE | Usage.MAC_VERIFY)
    for data in (b"", DATA):
        expected = hmac.new(value, data, name.lower()).digest()
        assert shared.mac(key, MACParameters(algorithm=algorithm), data) == expected


@pytest.mark.parametrize("algorithm", [Algorithm.AES, Algorithm.TRIPLE_DES], ids=lambda one: one.name)
def test_cmac(shared: PKCS11Store, algorithm: Algorithm) -> None:
    bits, cipher = {Algorithm.AES: (256, algorithms.AES), Algorithm.TRIPLE_DES: (168, TripleDES)}[algorithm]
    key, value = make(shared, algorithm, bits, Usage.MAC_GENERATE)
    expected = cmac.CMAC(cipher(value))
    expected.update(DATA)
    assert shared.mac(key, MACParameters(algorithm=algorithm), DATA) == expected.finalize()
    with pytest.raises(MechanismUnavailable):
        shared.mac(key, MACParameters(algorithm=Algorithm.HMAC_MD5), DATA)


def test_a_secret_too_short_for_the_tokens_hmac_is_for_software(shared: PKCS11Store) -> None:
    key, _ = make(shared, Algorithm.HMAC_SHA256, 64, Usage.MAC_GENERATE)
    with pytest.raises(MechanismUnavailable, match="KEY_SIZE_RANGE"):
        shared.mac(key, MACParameters(algorithm=Algorithm.HMAC_SHA256), DATA)


class TestProofs:
    @pytest.mark.parametrize("mechanism", [*proofs.CIPHERS, *proofs.MACS], ids=lambda one: one.name)
    def test_every_known_answer_holds(self, shared: PKCS11Store, mechanism: Any) -> None:
        shared._connection.run(Verb.FIND, lambda session: shared._proofs.demand(session, Plan(mechanism)))

    def test_a_mechanism_that_lies_is_not_used(
        self, token: Any, open_store: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = open_store(token)
        key, _ = make(store, Algorithm.AES, 256)
        parameters = CipherParameters(algorithm=Algorithm.AES, block_cipher_mode=Mode.ECB)
        real = proofs._known(proofs.KeyType.AES, bytes(32), "00" * 32)
        monkeypatch.setitem(proofs.CIPHERS, proofs.Mechanism.AES_ECB, real)
        with pytest.raises(MechanismUnavailable, match="AES_ECB"):
            store.encrypt(key, parameters, DATA)
        assert store.health().up

    def test_a_wrap_that_is_something_else_is_passed_over(
        self, token: Any, open_store: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = open_store(token)
        mislabelled = proofs.WrapWay(0x210A, proofs.WrapKind.KW)
        right = proofs.WrapWay(0x2109, proofs.WrapKind.KW)
        monkeypatch.setattr(proofs, "WRAPS", (mislabelled, right))
        key, value = make(store, Algorithm.HMAC_SHA256, 160)
        assert len(value) == 20
        assert store._connection.run(Verb.FIND, store._proofs.wrap_way) == right
        monkeypatch.setattr(proofs, "WRAPS", (mislabelled,))
        other = open_store(token)
        with pytest.raises(MechanismUnavailable):
            other.release(key)
        assert not other.can_hold(KeyTemplate(algorithm=Algorithm.AES, length=256))
        assert other.can_hold(KeyTemplate(algorithm=Algorithm.AES, length=256, extractable=False))

    def test_a_token_without_gcm_says_so(self, make_token: Any, open_store: Any) -> None:
        without = "-CKM_DUMMY,CKM_AES_GCM,CKM_AES_KEY_WRAP_PAD"  # SoftHSM2 2.6.1 ignores the first name of the list
        store = open_store(make_token("poor", mechanisms=without))
        store.create_wrapping_key(bytes(16))
        with pytest.raises(MechanismUnavailable, match="AES_GCM"):
            store.seal(bytes(16), b"x", b"")
        _, value = make(store, Algorithm.AES, 256)
        assert len(value) == 32  # by RFC 3394


def test_every_error_is_the_ports(shared: PKCS11Store, aes: Any) -> None:
    key, _ = aes
    wrong = TokenKey(key.cka_id, KeyClass.PRIVATE, Algorithm.RSA, 2048)
    parameters = SignatureParameters(
        algorithm=Algorithm.RSA, hashing_algorithm=HashingAlgorithm.SHA_256, padding_method=Padding.PSS
    )
    with pytest.raises(StoreError):
        shared.sign(wrong, parameters, DATA)
    lying = TokenKey(key.cka_id, KeyClass.SECRET, Algorithm.HMAC_SHA256, 256, 32)
    with pytest.raises(StoreError):
        shared.mac(lying, MACParameters(algorithm=Algorithm.HMAC_SHA256), DATA)


def test_who_is_late_to_begin_anew_forgets_nothing_that_was_proved_since(store: PKCS11Store) -> None:
    """Listing the mechanisms is a round trip to the token: two that begin at the same time may end far apart."""
    connection, inner = (
        store._connection,
        threading.Thread(target=lambda: store.can_hold(KeyTemplate(algorithm=Algorithm.AES, length=256))),
    )
    login = connection.login
    assert login is not None

    class Slow:
        label = login.token.label
        slot: Any

        def get_mechanisms(self) -> object:
            if not inner.ident:
                inner.start()
                inner.join()
            return login.token.slot.get_mechanisms()

    slow = Slow()
    slow.slot = slow
    connection.login = replace(login, token=slow)  # type: ignore[arg-type]
    store._proofs._epoch = -1
    assert store._proofs.mechanisms()
    assert store._proofs._way is not None
    connection.login = login
