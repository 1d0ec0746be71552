"""What a mechanism makes of a key whose value could not be chosen: computed by `cryptography` for the occasion."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives import cmac, hashes, hmac, padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pkcs11.mechanisms import GCMParams, Mechanism

_M = Mechanism
_BLOCK: Final = 128  # bits
_HASHES: Final[dict[Mechanism, hashes.HashAlgorithm]] = {
    _M.SHA_1_HMAC: hashes.SHA1(),  # noqa: S303 - clients ask for it
    _M.SHA224_HMAC: hashes.SHA224(),
    _M.SHA256_HMAC: hashes.SHA256(),
    _M.SHA384_HMAC: hashes.SHA384(),
    _M.SHA512_HMAC: hashes.SHA512(),
}


def cipher(mechanism: Mechanism, key: bytes, parameter: object, plain: bytes) -> bytes:
    """AES in the mode of this mechanism. ValueError for a mechanism that is none: it stays unproved."""
    if mechanism is _M.AES_GCM and isinstance(parameter, GCMParams):
        return AESGCM(key).encrypt(parameter.nonce, plain, parameter.aad)
    iv = parameter if isinstance(parameter, bytes) else b""
    if mechanism is _M.AES_CBC_PAD:
        padder = padding.PKCS7(_BLOCK).padder()
        plain = padder.update(plain) + padder.finalize()
    mode: modes.Mode
    if mechanism is _M.AES_ECB:
        mode = modes.ECB()  # noqa: S305 - it is what is to be checked
    elif mechanism in (_M.AES_CBC, _M.AES_CBC_PAD):
        mode = modes.CBC(iv)
    elif mechanism is _M.AES_CTR:
        mode = modes.CTR(iv[-16:])  # CK_AES_CTR_PARAMS: the number of counter bits, then the block
    else:
        raise ValueError(f"no software for {mechanism.name}")
    encryptor = Cipher(algorithms.AES(key), mode).encryptor()
    return encryptor.update(plain) + encryptor.finalize()


def mac(mechanism: Mechanism, key: bytes, data: bytes) -> bytes:
    """AES-CMAC or HMAC. ValueError for a mechanism that is neither."""
    if mechanism is _M.AES_CMAC:
        made: cmac.CMAC | hmac.HMAC = cmac.CMAC(algorithms.AES(key))
    elif mechanism in _HASHES:
        made = hmac.HMAC(key, _HASHES[mechanism])
    else:
        raise ValueError(f"no software for {mechanism.name}")
    made.update(data)
    return made.finalize()
