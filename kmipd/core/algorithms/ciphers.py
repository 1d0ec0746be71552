"""Encrypt and Decrypt: which cipher, which mode, which padding, as tables (KMIP 1.4, 4.29 and 3.6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.decrepit.ciphers import algorithms as old
from cryptography.hazmat.decrepit.ciphers import modes as old_modes
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from kmipd.core.algorithms import chacha
from kmipd.core.algorithms.errors import failed, name_of, unsupported
from kmipd.core.errors import KmipError
from kmipd.core.ports import CipherParameters, CipherResult
from kmipd.spec.enumerations import BlockCipherMode as M
from kmipd.spec.enumerations import CryptographicAlgorithm as CA
from kmipd.spec.enumerations import PaddingMethod as P
from kmipd.spec.enumerations import ResultReason

BLOCK_CIPHERS: dict[CA, Callable[[bytes], Any]] = {
    CA.AES: algorithms.AES,
    CA.TRIPLE_DES: old.TripleDES,
    CA.BLOWFISH: old.Blowfish,
    CA.CAMELLIA: old.Camellia,
    CA.CAST5: old.CAST5,
    CA.IDEA: old.IDEA,
    CA.SEED: old.SEED,
    CA.SM4: algorithms.SM4,
}
# Modes that take an initialisation vector of one block.
_CHAINED: dict[M, Callable[[bytes], Any]] = {
    M.CBC: modes.CBC,
    M.CFB: old_modes.CFB,
    M.OFB: old_modes.OFB,
    M.CTR: modes.CTR,
}
# Modes that work on whole blocks, so that padding means something.
_BLOCKWISE = frozenset({M.CBC, M.ECB})
_PADDINGS: dict[P, Callable[[int], Any]] = {P.PKCS5: padding.PKCS7, P.ANSI_X9_23: padding.ANSIX923}
#: Without a Block Cipher Mode.
MODELESS = chacha.STREAM_CIPHERS | {CA.ONE_TIME_PAD, CA.RC4}
GCM_IV_MIN = 8  # bytes, what `cryptography` accepts
TAG_LENGTHS = range(4, 17)  # bytes (SP 800-38D, 5.2.1.2, shorter ones for constrained use)


def block_size(algorithm: CA) -> int:
    """Bytes."""
    cipher = BLOCK_CIPHERS.get(algorithm)
    if cipher is None:
        raise unsupported(f"the cipher {name_of(algorithm)}")
    return 16 if algorithm in (CA.AES, CA.CAMELLIA, CA.SEED, CA.SM4) else 8


def iv_size(parameters: CipherParameters) -> int:
    """Bytes of a generated IV: 12 for GCM and ChaCha20, one block for chained modes, none for ECB."""
    if parameters.algorithm in chacha.STREAM_CIPHERS:
        return chacha.NONCE_SIZE
    if parameters.block_cipher_mode is M.GCM:
        return 12
    if parameters.block_cipher_mode in _CHAINED:
        return block_size(parameters.algorithm)
    return 0


def authenticated(algorithm: CA, mode: M | None) -> bool:
    """Whether there is a tag besides the ciphertext."""
    return mode is M.GCM or algorithm is CA.CHACHA20_POLY1305


def encrypt(parameters: CipherParameters, key: bytes, data: bytes) -> CipherResult:
    if parameters.algorithm in chacha.STREAM_CIPHERS:
        _check_tag_length(parameters)
        return chacha.encrypt(parameters, key, data)
    if parameters.algorithm in MODELESS:
        return CipherResult(data=_modeless(parameters.algorithm, key, data))
    if parameters.block_cipher_mode is M.GCM:
        return _encrypt_gcm(parameters, key, data)
    encryptor = _cipher(parameters, key).encryptor()
    return CipherResult(data=encryptor.update(_pad(parameters, data)) + encryptor.finalize())


def decrypt(parameters: CipherParameters, key: bytes, data: bytes, tag: bytes) -> bytes:
    if parameters.algorithm in chacha.STREAM_CIPHERS:
        if parameters.algorithm is CA.CHACHA20_POLY1305:
            _check_tag(parameters, tag)
        return chacha.decrypt(parameters, key, data, tag)
    if parameters.algorithm in MODELESS:
        return _modeless(parameters.algorithm, key, data)
    if parameters.block_cipher_mode is M.GCM:
        return _decrypt_gcm(parameters, key, data, tag)
    decryptor = _cipher(parameters, key).decryptor()
    try:
        plain = decryptor.update(data) + decryptor.finalize()
    except ValueError:
        raise failed("the data is not a whole number of blocks") from None
    return _unpad(parameters, plain)


def _modeless(algorithm: CA, key: bytes, data: bytes) -> bytes:
    """The same both ways. That a pad is used once is for its Usage Limits to say; the standard keeps no offset."""
    if algorithm is CA.RC4:
        try:
            encryptor = Cipher(old.ARC4(key), mode=None).encryptor()
        except ValueError:
            raise failed(f"a key of {len(key) * 8} bits does not fit RC4") from None
        return encryptor.update(data) + encryptor.finalize()
    if len(data) > len(key):
        raise failed(f"the pad has {len(key)} bytes, the data {len(data)}")
    return bytes(k ^ d for k, d in zip(key, data, strict=False))


def _algorithm(parameters: CipherParameters, key: bytes) -> Any:
    make = BLOCK_CIPHERS.get(parameters.algorithm)
    if make is None:
        raise unsupported(f"the cipher {name_of(parameters.algorithm)}")
    try:
        return make(key)
    except ValueError:
        raise failed(f"a key of {len(key) * 8} bits does not fit {name_of(parameters.algorithm)}") from None


def _cipher(parameters: CipherParameters, key: bytes) -> Cipher[Any]:
    algorithm = _algorithm(parameters, key)
    mode = parameters.block_cipher_mode
    if mode is M.ECB:
        return Cipher(algorithm, modes.ECB())  # noqa: S305 - asked for by the client; storage key wrapping uses it
    make = _CHAINED.get(mode) if mode is not None else None
    if make is None:
        raise unsupported(f"the block cipher mode {name_of(mode)}")
    if len(parameters.iv) != block_size(parameters.algorithm):
        raise KmipError(
            ResultReason.INVALID_MESSAGE,
            f"IV/Counter/Nonce has {len(parameters.iv)} bytes; "
            f"{name_of(mode)} needs {block_size(parameters.algorithm)}",
        )
    return Cipher(algorithm, make(parameters.iv))


def _pad(parameters: CipherParameters, data: bytes) -> bytes:
    scheme = _padding(parameters)
    size = block_size(parameters.algorithm)
    if scheme is None:
        if parameters.block_cipher_mode in _BLOCKWISE and len(data) % size:
            raise failed(f"the data is not a multiple of {size} bytes and no padding was asked for")
        return data
    padder = scheme(size * 8).padder()
    return bytes(padder.update(data) + padder.finalize())


def _unpad(parameters: CipherParameters, plain: bytes) -> bytes:
    scheme = _padding(parameters)
    if scheme is None:
        return plain
    unpadder = scheme(block_size(parameters.algorithm) * 8).unpadder()
    try:
        return bytes(unpadder.update(plain) + unpadder.finalize())
    except ValueError:
        raise failed("the data does not decrypt under this key and these parameters") from None


def _padding(parameters: CipherParameters) -> Callable[[int], Any] | None:
    method = parameters.padding_method
    if method in (None, P.NONE) or parameters.block_cipher_mode not in _BLOCKWISE:
        return None
    scheme = _PADDINGS.get(method) if method is not None else None
    if scheme is None:
        raise unsupported(f"the padding method {name_of(method)}")
    return scheme


def _check_tag_length(parameters: CipherParameters) -> None:
    if parameters.tag_length not in TAG_LENGTHS:
        raise KmipError(
            ResultReason.GENERAL_FAILURE, f"Tag Length {parameters.tag_length} is not between 4 and 16 bytes"
        )


def _check_tag(parameters: CipherParameters, tag: bytes) -> None:
    _check_tag_length(parameters)
    if len(tag) not in TAG_LENGTHS:
        raise failed("the authentication tag has an impossible length")


def _check_gcm(parameters: CipherParameters) -> None:
    _check_tag_length(parameters)
    if len(parameters.iv) < GCM_IV_MIN:
        raise KmipError(ResultReason.INVALID_MESSAGE, f"GCM needs an IV/Counter/Nonce of at least {GCM_IV_MIN} bytes")


def _encrypt_gcm(parameters: CipherParameters, key: bytes, data: bytes) -> CipherResult:
    _check_gcm(parameters)
    encryptor = Cipher(_algorithm(parameters, key), modes.GCM(parameters.iv)).encryptor()
    encryptor.authenticate_additional_data(parameters.additional_data)
    sealed = encryptor.update(data) + encryptor.finalize()
    return CipherResult(data=sealed, tag=encryptor.tag[: parameters.tag_length])


def _decrypt_gcm(parameters: CipherParameters, key: bytes, data: bytes, tag: bytes) -> bytes:
    _check_gcm(parameters)
    _check_tag(parameters, tag)
    mode = modes.GCM(parameters.iv, tag, min_tag_length=min(len(tag), 16))
    decryptor = Cipher(_algorithm(parameters, key), mode).decryptor()
    decryptor.authenticate_additional_data(parameters.additional_data)
    try:
        return bytes(decryptor.update(data) + decryptor.finalize())
    except InvalidTag:
        raise failed("the authentication tag does not match") from None
