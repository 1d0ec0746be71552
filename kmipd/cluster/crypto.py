"""The cluster's cryptography: wrapping data keys, encrypting blocks, hashing passwords."""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Final

from cryptography.hazmat.primitives import keywrap
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from kmipd.cluster.secret import Secret

BLOCK: Final = 4096
MASTER_KEY_BYTES: Final = 32  # AES-256
DATA_KEY_BYTES: Final = 64  # AES-256-XTS takes two keys
_ZEROS: Final = bytes(BLOCK)

# RFC 7914 parameters: 16 MiB and some 40 ms; a verified password is remembered, so this is paid once per client.
_SCRYPT_N, _SCRYPT_R, _SCRYPT_P = 1 << 14, 8, 1


class WrongKey(Exception):
    """The key does not open what it is said to have wrapped."""


def wrap(master: Secret, key: Secret) -> bytes:
    """AES key wrap, RFC 3394."""
    return keywrap.aes_key_wrap(master.reveal(), key.reveal())


def unwrap(master: Secret, wrapped: bytes) -> Secret:
    """The inverse of wrap; raises WrongKey, since RFC 3394 authenticates what it wraps."""
    try:
        return Secret(keywrap.aes_key_unwrap(master.reveal(), wrapped))
    except keywrap.InvalidUnwrap:
        raise WrongKey("a data key does not open under this master key") from None


def verifier(master: Secret, key_id: str) -> bytes:
    """Proof, without the key, that a key fetched later is the same: the key's own ID wrapped under it."""
    return wrap(master, Secret(key_id.replace("-", "").encode("ascii")))


def verifies(master: Secret, key_id: str, proof: bytes) -> bool:
    """Is this the master key that made `proof`?"""
    return len(master) == MASTER_KEY_BYTES and hmac.compare_digest(verifier(master, key_id), proof)


def seal_block(key: Secret, number: int, plain: bytes) -> bytes:
    """Encrypt one block with AES-256-XTS; the tweak is the block's number (IEEE 1619), so blocks cannot be swapped."""
    return _xts(key, number).encryptor().update(plain)


def open_block(key: Secret, number: int, sealed: bytes) -> bytes:
    """Decrypt one block. A block of zeros was never written: no plaintext encrypts to it but with chance 2^-32768."""
    if sealed == _ZEROS:
        return _ZEROS
    return _xts(key, number).decryptor().update(sealed)


def _xts(key: Secret, number: int) -> Cipher[modes.XTS]:
    return Cipher(algorithms.AES(key.reveal()), modes.XTS(number.to_bytes(16, "little")))


def random_key(size: int) -> Secret:
    """Fresh key material from the system's generator."""
    return Secret(os.urandom(size))


def hash_password(password: str) -> str:
    """scrypt with a salt of its own, as `scrypt$salt$hash` in hexadecimal."""
    salt = os.urandom(16)
    return f"scrypt${salt.hex()}${_scrypt(password, salt).hex()}"


def check_password(password: str, stored: str) -> bool:
    _, salt, expected = stored.split("$")
    return hmac.compare_digest(_scrypt(password, bytes.fromhex(salt)), bytes.fromhex(expected))


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=_SCRYPT_N, r=_SCRYPT_R, p=_SCRYPT_P)
