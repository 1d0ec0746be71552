"""Encrypt and Decrypt: which cipher, which mode, which padding, as tables (KMIP 1.4, 4.29 and 3.6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.decrepit.ciphers import algorithms as old
from cryptography.hazmat.decrepit.ciphers import modes as old_modes
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from kmipd.core.algorithms import aead, chacha, rare_modes
from kmipd.core.algorithms.block_ciphers import algorithm_with, block_size, require_block_iv
from kmipd.core.algorithms.errors import failed, name_of, unsupported
from kmipd.core.algorithms.paddings import PADDINGS, Pad
from kmipd.core.errors import KmipError
from kmipd.core.ports import CipherParameters, CipherResult
from kmipd.spec.enumerations import BlockCipherMode as M
from kmipd.spec.enumerations import CryptographicAlgorithm as CA
from kmipd.spec.enumerations import PaddingMethod as P

# Modes that take an initialisation vector of one block.
_CHAINED: dict[M, Callable[[bytes], Any]] = {
    M.CBC: modes.CBC,
    M.CFB: old_modes.CFB,
    M.OFB: old_modes.OFB,
    M.CTR: modes.CTR,
}
_OF_ONE_BLOCK = frozenset({*_CHAINED, M.PCBC, M.XTS})
# Modes that work on whole blocks, so that padding means something.
_BLOCKWISE = frozenset({M.CBC, M.ECB, M.PCBC})
#: Without a Block Cipher Mode.
MODELESS = chacha.STREAM_CIPHERS | {CA.ONE_TIME_PAD, CA.RC4}


def iv_size(parameters: CipherParameters) -> int:
    """Bytes of a generated IV: 12 for GCM, CCM and ChaCha20, one block for chained modes, none for ECB."""
    if parameters.algorithm in chacha.STREAM_CIPHERS:
        return chacha.NONCE_SIZE
    if parameters.block_cipher_mode in aead.MODES:
        return aead.NONCE_SIZE
    if parameters.block_cipher_mode in _OF_ONE_BLOCK:
        return block_size(parameters.algorithm)
    return 0


def authenticated(algorithm: CA, mode: M | None) -> bool:
    """Whether there is a tag besides the ciphertext."""
    return mode in aead.MODES or algorithm is CA.CHACHA20_POLY1305


def encrypt(parameters: CipherParameters, key: bytes, data: bytes) -> CipherResult:
    try:
        return _sealed(parameters, key, data)
    except UnsupportedAlgorithm:
        raise _not_here(parameters) from None


def decrypt(parameters: CipherParameters, key: bytes, data: bytes, tag: bytes) -> bytes:
    try:
        return _opened(parameters, key, data, tag)
    except UnsupportedAlgorithm:
        raise _not_here(parameters) from None


def _not_here(parameters: CipherParameters) -> KmipError:
    """Not every OpenSSL has every old cipher in every mode."""
    return unsupported(f"{name_of(parameters.algorithm)} in mode {name_of(parameters.block_cipher_mode)}")


def _sealed(parameters: CipherParameters, key: bytes, data: bytes) -> CipherResult:
    if parameters.algorithm in chacha.STREAM_CIPHERS:
        aead.check_tag_length(parameters)
        return chacha.encrypt(parameters, key, data)
    if parameters.block_cipher_mode in aead.MODES:
        return aead.encrypt(parameters, key, data)
    return CipherResult(data=_encrypt(parameters, key, data))


def _opened(parameters: CipherParameters, key: bytes, data: bytes, tag: bytes) -> bytes:
    if parameters.algorithm in chacha.STREAM_CIPHERS:
        if parameters.algorithm is CA.CHACHA20_POLY1305:
            aead.check_tag(parameters, tag)
        return chacha.decrypt(parameters, key, data, tag)
    if parameters.block_cipher_mode in aead.MODES:
        return aead.decrypt(parameters, key, data, tag)
    return _decrypt(parameters, key, data)


def _encrypt(parameters: CipherParameters, key: bytes, data: bytes) -> bytes:
    if parameters.block_cipher_mode is None:
        return _modeless(parameters.algorithm, key, data)
    match parameters.block_cipher_mode:
        case M.NIST_KEY_WRAP | M.AES_KEY_WRAP_PADDING:
            return rare_modes.wrap(parameters, key, data)
        case M.PCBC:
            return rare_modes.pcbc(parameters, key, _pad(parameters, data), decrypting=False)
        case M.XTS:
            return rare_modes.xts(parameters, key, data, decrypting=False)
    return _through(parameters, key, _pad(parameters, data), decrypting=False)


def _decrypt(parameters: CipherParameters, key: bytes, data: bytes) -> bytes:
    if parameters.block_cipher_mode is None:
        return _modeless(parameters.algorithm, key, data)
    match parameters.block_cipher_mode:
        case M.NIST_KEY_WRAP | M.AES_KEY_WRAP_PADDING:
            return rare_modes.unwrap(parameters, key, data)
        case M.XTS:
            return rare_modes.xts(parameters, key, data, decrypting=True)
    if parameters.block_cipher_mode in _BLOCKWISE and len(data) % block_size(parameters.algorithm):
        raise failed("the data is not a whole number of blocks")
    if parameters.block_cipher_mode is M.PCBC:
        return _unpad(parameters, rare_modes.pcbc(parameters, key, data, decrypting=True))
    return _unpad(parameters, _through(parameters, key, data, decrypting=True))


def _through(parameters: CipherParameters, key: bytes, data: bytes, *, decrypting: bool) -> bytes:
    cipher = _cipher(parameters, key)
    context = cipher.decryptor() if decrypting else cipher.encryptor()
    made: bytes = context.update(data) + context.finalize()
    return made


def _modeless(algorithm: CA, key: bytes, data: bytes) -> bytes:
    """The same both ways. That a pad is used once is for its Usage Limits to say; the standard keeps no offset."""
    if algorithm not in MODELESS:
        raise unsupported(f"{name_of(algorithm)} without a Block Cipher Mode")
    if algorithm is CA.RC4:
        try:
            encryptor = Cipher(old.ARC4(key), mode=None).encryptor()
        except ValueError:
            raise failed(f"a key of {len(key) * 8} bits does not fit RC4") from None
        return encryptor.update(data) + encryptor.finalize()
    if len(data) > len(key):
        raise failed(f"the pad has {len(key)} bytes, the data {len(data)}")
    return bytes(k ^ d for k, d in zip(key, data, strict=False))


def _cipher(parameters: CipherParameters, key: bytes) -> Cipher[Any]:
    algorithm = algorithm_with(parameters.algorithm, key)
    mode = parameters.block_cipher_mode
    if mode is M.ECB:
        return Cipher(algorithm, modes.ECB())  # noqa: S305 - asked for by the client; storage key wrapping uses it
    make = _CHAINED.get(mode) if mode is not None else None
    if make is None:
        raise unsupported(f"the block cipher mode {name_of(mode)}")
    require_block_iv(parameters)
    return Cipher(algorithm, make(parameters.iv))


def _pad(parameters: CipherParameters, data: bytes) -> bytes:
    scheme = _padding(parameters)
    size = block_size(parameters.algorithm)
    if scheme is not None:
        return scheme[0](data, size)
    if parameters.block_cipher_mode in _BLOCKWISE and len(data) % size:
        raise failed(f"the data is not a multiple of {size} bytes and no padding was asked for")
    return data


def _unpad(parameters: CipherParameters, plain: bytes) -> bytes:
    scheme = _padding(parameters)
    return plain if scheme is None else scheme[1](plain, block_size(parameters.algorithm))


def _padding(parameters: CipherParameters) -> tuple[Pad, Pad] | None:
    method = parameters.padding_method
    if method in (None, P.NONE) or parameters.block_cipher_mode not in _BLOCKWISE:
        return None
    scheme = PADDINGS.get(method) if method is not None else None
    if scheme is None:
        raise unsupported(f"the padding method {name_of(method)}")
    return scheme
