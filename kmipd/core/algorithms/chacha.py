"""ChaCha20, alone and with Poly1305 (RFC 8439): stream ciphers without a Block Cipher Mode, or with AEAD (1.4, 3.6).

ChaCha20 is taken with the 8-byte nonce of its first publication too, because the OASIS cases use it. The authenticated
form is put together from its two parts: a client may cut the tag, which the ready-made one does not allow.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.constant_time import bytes_eq
from cryptography.hazmat.primitives.poly1305 import Poly1305

from kmipd.core.algorithms.errors import failed
from kmipd.core.errors import KmipError
from kmipd.core.ports import CipherParameters, CipherResult
from kmipd.spec.enumerations import CryptographicAlgorithm as CA
from kmipd.spec.enumerations import ResultReason

STREAM_CIPHERS = frozenset({CA.CHACHA20, CA.CHACHA20_POLY1305})
NONCE_SIZE = 12  # bytes, of a nonce the server makes
_KEY_SIZE = 32
_COUNTER_SIZES = {8: 8, 12: 4}  # of the block counter beside a nonce of so many bytes; together they are 16


def encrypt(parameters: CipherParameters, key: bytes, data: bytes) -> CipherResult:
    if parameters.algorithm is CA.CHACHA20:
        return CipherResult(data=_stream(parameters, key, 0, data))
    sealed = _stream(parameters, key, 1, data)
    return CipherResult(data=sealed, tag=_tag(parameters, key, sealed)[: parameters.tag_length])


def decrypt(parameters: CipherParameters, key: bytes, data: bytes, tag: bytes) -> bytes:
    if parameters.algorithm is CA.CHACHA20:
        return _stream(parameters, key, 0, data)
    if not bytes_eq(_tag(parameters, key, data)[: len(tag)], tag):
        raise failed("the authentication tag does not match")
    return _stream(parameters, key, 1, data)


def _stream(parameters: CipherParameters, key: bytes, counter: int, data: bytes) -> bytes:
    size = _COUNTER_SIZES.get(len(parameters.iv))
    if size is None or (parameters.algorithm is CA.CHACHA20_POLY1305 and size != 4):
        raise KmipError(ResultReason.INVALID_MESSAGE, f"{len(parameters.iv)} bytes are no nonce for this cipher")
    if len(key) != _KEY_SIZE:
        raise failed(f"a key of {len(key) * 8} bits does not fit {parameters.algorithm.name}")
    nonce = counter.to_bytes(size, "little") + parameters.iv
    encryptor = Cipher(algorithms.ChaCha20(key, nonce), mode=None).encryptor()
    return encryptor.update(data) + encryptor.finalize()


def _tag(parameters: CipherParameters, key: bytes, sealed: bytes) -> bytes:
    """RFC 8439, 2.8: over the additional data and the ciphertext, each padded to 16 bytes, and their lengths."""
    mac = Poly1305(_stream(parameters, key, 0, bytes(32)))
    for part in (parameters.additional_data, sealed):
        mac.update(part + bytes(-len(part) % 16))
    mac.update(len(parameters.additional_data).to_bytes(8, "little") + len(sealed).to_bytes(8, "little"))
    return mac.finalize()
