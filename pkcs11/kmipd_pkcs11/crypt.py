"""Data operations on an object handle in any session, by python-pkcs11's own code.

python-pkcs11 ties an object to the session that found it, and builds a new class for each. Its operations read only the
session, the handle and the key type, so one class that holds these three does, at 1 us a use. It leans on internals:
the version is pinned, and a test uses every operation.
"""

from __future__ import annotations

from typing import Any

from pkcs11 import _pkcs11, types
from pkcs11.mechanisms import GCMParams, KeyType, Mechanism
from pkcs11.types import Session

from kmipd_pkcs11.raw import Functions

_native: Any = _pkcs11  # its stubs know only the module class


class BoundKey(_native.EncryptMixin, _native.DecryptMixin, _native.SignMixin, types.Key):  # type: ignore[misc]
    """A key as one session sees it, for one call. What it may do, the token decides."""

    session: Any = None
    handle: Any = None
    key_type: Any = None

    def __init__(self, session: Session, handle: int, key_type: KeyType) -> None:
        self.session = session
        self.handle = handle
        self.key_type = key_type

    def __repr__(self) -> str:
        return f"<BoundKey {self.handle}>"

    def encrypted(self, mechanism: Mechanism, parameter: object, data: bytes) -> bytes:
        """C_EncryptInit, C_Encrypt."""
        result: bytes = self._encrypt(data, mechanism=mechanism, mechanism_param=parameter)
        return result

    def decrypted(self, mechanism: Mechanism, parameter: object, data: bytes) -> bytes:
        """C_DecryptInit, C_Decrypt."""
        result: bytes = self._decrypt(data, mechanism=mechanism, mechanism_param=parameter)
        return result

    def signed(self, mechanism: Mechanism, parameter: object, data: bytes) -> bytes:
        """C_SignInit, C_Sign."""
        result: bytes = self._sign(data, mechanism=mechanism, mechanism_param=parameter)
        return result


def encrypt(functions: Functions, key: BoundKey, mechanism: Mechanism, parameter: object, data: bytes) -> bytes:
    """Encrypt with this key: AES-GCM by a call of our own, which asks for no length, and all else by python-pkcs11."""
    if isinstance(parameter, GCMParams):
        session: int = key.session.handle
        aad = parameter.aad or b""
        return functions.encrypt_gcm(session, key.handle, parameter.nonce, aad, parameter.tag_bits, data)
    return key.encrypted(mechanism, parameter, data)
