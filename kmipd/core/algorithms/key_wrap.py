"""Key material under another key, as Key Wrapping Data describes it: AES key wrap, RSA, or a cipher with an IV."""

from __future__ import annotations

from collections.abc import Callable

from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap,
    aes_key_unwrap_with_padding,
    aes_key_wrap,
    aes_key_wrap_with_padding,
)

from kmipd.core.algorithms import ciphers
from kmipd.core.algorithms.errors import failed
from kmipd.core.ports import CipherParameters
from kmipd.spec.enumerations import BlockCipherMode as M

Wrap = Callable[[bytes, bytes], bytes]
_NIST: dict[M, tuple[Wrap, Wrap]] = {
    M.NIST_KEY_WRAP: (aes_key_wrap, aes_key_unwrap),
    M.AES_KEY_WRAP_PADDING: (aes_key_wrap_with_padding, aes_key_unwrap_with_padding),
}
#: Modes that say themselves which cipher it is, and need no IV.
KEY_WRAP_MODES = frozenset(_NIST)
#: Modes whose IV travels in Key Wrapping Data. Authenticated ones have no place for their tag there.
CIPHER_MODES = frozenset({M.CBC, M.CFB, M.OFB, M.CTR, M.ECB})


def wrap(parameters: CipherParameters, key: bytes, data: bytes) -> bytes:
    if parameters.block_cipher_mode not in KEY_WRAP_MODES:
        return ciphers.encrypt(parameters, key, data).data
    make, _ = _NIST[parameters.block_cipher_mode]
    try:
        return make(key, data)
    except ValueError:
        raise failed(
            f"{len(data)} bytes do not fit this key wrap (RFC 3394 needs a multiple of 8, at least 16)"
        ) from None


def unwrap(parameters: CipherParameters, key: bytes, data: bytes) -> bytes:
    if parameters.block_cipher_mode not in KEY_WRAP_MODES:
        return ciphers.decrypt(parameters, key, data, b"")
    _, undo = _NIST[parameters.block_cipher_mode]
    try:
        return undo(key, data)
    except (InvalidUnwrap, ValueError):
        raise failed("the wrapped key does not unwrap under this key and these parameters") from None
