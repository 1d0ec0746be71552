"""Modes with rules of their own: PCBC, XTS, and the key wraps of NIST taken as ciphers."""

from __future__ import annotations

from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap,
    aes_key_unwrap_with_padding,
    aes_key_wrap,
    aes_key_wrap_with_padding,
)

from kmipd.core.algorithms.block_ciphers import algorithm_with, block_size, require_block_iv
from kmipd.core.algorithms.errors import failed, name_of, unsupported
from kmipd.core.ports import CipherParameters
from kmipd.spec.enumerations import BlockCipherMode as M
from kmipd.spec.enumerations import CryptographicAlgorithm as CA

_Wrap = Callable[[bytes, bytes], bytes]
_NIST: dict[M, tuple[_Wrap, _Wrap]] = {
    M.NIST_KEY_WRAP: (aes_key_wrap, aes_key_unwrap),
    M.AES_KEY_WRAP_PADDING: (aes_key_wrap_with_padding, aes_key_unwrap_with_padding),
}
#: Modes that say themselves which cipher it is, and need no IV.
KEY_WRAPS = frozenset(_NIST)


def wrap(parameters: CipherParameters, key: bytes, data: bytes) -> bytes:
    make, _ = _NIST[parameters.block_cipher_mode]  # type: ignore[index]  # one of KEY_WRAPS
    try:
        return make(key, data)
    except ValueError:
        raise failed(
            f"{len(data)} bytes do not fit this key wrap (RFC 3394 needs a multiple of 8, at least 16)"
        ) from None


def unwrap(parameters: CipherParameters, key: bytes, data: bytes) -> bytes:
    _, undo = _NIST[parameters.block_cipher_mode]  # type: ignore[index]  # one of KEY_WRAPS
    try:
        return undo(key, data)
    except (InvalidUnwrap, ValueError):
        raise failed("the wrapped key does not unwrap under this key and these parameters") from None


def pcbc(parameters: CipherParameters, key: bytes, data: bytes, *, decrypting: bool) -> bytes:
    """Every block is chained with the plaintext and the ciphertext of the one before. `data` is whole blocks."""
    require_block_iv(parameters)
    size = block_size(parameters.algorithm)
    cipher = Cipher(algorithm_with(parameters.algorithm, key), modes.ECB())  # noqa: S305 - the block function
    one = cipher.decryptor() if decrypting else cipher.encryptor()
    chain, out = parameters.iv, []
    for start in range(0, len(data), size):
        block = data[start : start + size]
        made = _xor(one.update(block), chain) if decrypting else one.update(_xor(block, chain))
        out.append(made)
        chain = _xor(block, made)
    return b"".join(out)


def xts(parameters: CipherParameters, key: bytes, data: bytes, *, decrypting: bool) -> bytes:
    """The IV is the tweak; two keys in one, which must differ; at least one block, no padding (IEEE 1619)."""
    if parameters.algorithm is not CA.AES:
        raise unsupported(f"XTS with {name_of(parameters.algorithm)}")
    require_block_iv(parameters)
    try:
        cipher = Cipher(algorithm_with(parameters.algorithm, key), modes.XTS(parameters.iv))
        one = cipher.decryptor() if decrypting else cipher.encryptor()
        return one.update(data) + one.finalize()
    except ValueError:
        raise failed("XTS needs a key of 256 or 512 bits with two different halves, and 16 bytes or more") from None


def _xor(a: bytes, b: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(a, b, strict=True))
