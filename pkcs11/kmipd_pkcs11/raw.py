"""The PKCS#11 calls that python-pkcs11 does not offer, or makes two or three times over, by ctypes.

python-pkcs11 asks every new or found object ten attributes in two calls, and asks each output for its length first: a
tokens's find costs 51 instead of 9 us and a wrap is made twice. Objects therefore are plain handles here, made, found,
read, wrapped and destroyed through this module; sessions and data operations stay with python-pkcs11. ctypes releases
the interpreter lock in every call. C_Login is here too, so that the PIN lies in a buffer we can overwrite, and so that
python-pkcs11 never believes a session to be the one that logged in (closing that one would log out all the others).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from ctypes import POINTER, byref, c_char_p, c_ubyte, c_ulong, c_void_p, sizeof
from dataclasses import dataclass
from typing import Final

from kmipd_pkcs11.codes import CKR
from kmipd_pkcs11.errors import CallFailed
from kmipd_pkcs11.structures import AttributeIn, AttributeOut, GCMParameters, MechanismStructure

CKF_OS_LOCKING_OK: Final = 2
CKM_AES_GCM: Final = 0x1087
CKU_SO: Final = 0
CKU_USER: Final = 1
UNAVAILABLE: Final = c_ulong(-1).value  # CK_UNAVAILABLE_INFORMATION
TRUE: Final = b"\x01"
FALSE: Final = b"\x00"
_FIND_BATCH: Final = 256  # handles per C_FindObjects: an inventory of 10,000 keys is 40 calls


@dataclass(frozen=True, slots=True)
class _Call:
    index: int  # in CK_FUNCTION_LIST
    arguments: tuple[type, ...]


_U = c_ulong
_P = c_void_p
_CALLS: Final[dict[str, _Call]] = {
    "C_Initialize": _Call(0, (_P,)),
    "C_Finalize": _Call(1, (_P,)),
    "C_GetTokenInfo": _Call(6, (_U, _P)),
    "C_InitToken": _Call(9, (_U, _P, _U, c_char_p)),
    "C_InitPIN": _Call(10, (_U, _P, _U)),
    "C_SetPIN": _Call(11, (_U, _P, _U, _P, _U)),
    "C_CloseAllSessions": _Call(14, (_U,)),
    "C_Login": _Call(18, (_U, _U, _P, _U)),
    "C_Logout": _Call(19, (_U,)),
    "C_CreateObject": _Call(20, (_U, _P, _U, _P)),
    "C_DestroyObject": _Call(22, (_U, _U)),
    "C_GetAttributeValue": _Call(24, (_U, _U, _P, _U)),
    "C_SetAttributeValue": _Call(25, (_U, _U, _P, _U)),
    "C_FindObjectsInit": _Call(26, (_U, _P, _U)),
    "C_FindObjects": _Call(27, (_U, _P, _U, _P)),
    "C_FindObjectsFinal": _Call(28, (_U,)),
    "C_EncryptInit": _Call(29, (_U, _P, _U)),
    "C_Encrypt": _Call(30, (_U, _P, _U, _P, _P)),
    "C_GenerateKey": _Call(58, (_U, _P, _P, _U, _P)),
    "C_GenerateKeyPair": _Call(59, (_U, _P, _P, _U, _P, _U, _P, _P)),
    "C_WrapKey": _Call(60, (_U, _P, _U, _U, _P, _P)),
    "C_DeriveKey": _Call(62, (_U, _P, _U, _P, _U, _P)),
    "C_UnwrapKey": _Call(61, (_U, _P, _U, c_char_p, _U, _P, _U, _P)),
    "C_DigestInit": _Call(37, (_U, _P)),
    "C_DigestUpdate": _Call(39, (_U, c_char_p, _U)),
    "C_DigestKey": _Call(40, (_U, _U)),
    "C_DigestFinal": _Call(41, (_U, _P, _P)),
}

Template = Sequence[tuple[int, bytes]]


def ulong(value: int) -> bytes:
    """A CK_ULONG as the token wants it."""
    return bytes(c_ulong(value))


def flag(value: bool) -> bytes:
    """A CK_BBOOL."""
    return TRUE if value else FALSE


class Functions:
    """The functions of one module, found through its CK_FUNCTION_LIST. Every method raises `CallFailed`."""

    def __init__(self, function_list: int) -> None:
        # CK_FUNCTION_LIST is a CK_VERSION padded to a pointer, then the pointers.
        pointers = ctypes.cast(function_list, POINTER(c_void_p))
        self._calls: dict[str, Callable[..., int]] = {
            name: ctypes.CFUNCTYPE(c_ulong, *call.arguments)(pointers[1 + call.index] or 0)
            for name, call in _CALLS.items()
        }
        self._wrap = self._calls["C_WrapKey"]

    def call(self, name: str, *arguments: object) -> None:
        """Call `name`; CallFailed unless it returns CKR_OK."""
        code = self._calls[name](*arguments)
        if code:
            raise CallFailed(name, code)

    def code(self, name: str, *arguments: object) -> int:
        """Call `name` for its return code."""
        return self._calls[name](*arguments)

    def login(self, session: int, user: int, pin: str) -> int:
        """C_Login; the return code, since "already logged in" is no failure for everybody. Wipes its copy."""
        with _Secret(pin) as (address, size):
            return self.code("C_Login", session, user, address, size)

    def init_token(self, slot: int, so_pin: str, label: str) -> None:
        """C_InitToken: wipes the slot's token and names it `label` (at most 32 bytes)."""
        with _Secret(so_pin) as (address, size):
            self.call("C_InitToken", slot, address, size, label.encode().ljust(32))

    def init_pin(self, session: int, pin: str) -> None:
        """C_InitPIN: set the user's PIN, as the security officer."""
        with _Secret(pin) as (address, size):
            self.call("C_InitPIN", session, address, size)

    def set_pin(self, session: int, old: str, new: str) -> int:
        """C_SetPIN, for the user that is logged in; the return code, since what became of the PIN depends on it."""
        with _Secret(old) as before, _Secret(new) as after:
            return self.code("C_SetPIN", session, *before, *after)

    def find(self, session: int, template: Template) -> list[int]:
        """The handles of all objects that match: C_FindObjectsInit, C_FindObjects until none, C_FindObjectsFinal."""
        self.call("C_FindObjectsInit", session, _in(template), len(template))
        found: list[int] = []
        batch, count = (c_ulong * _FIND_BATCH)(), c_ulong()
        try:
            while True:
                self.call("C_FindObjects", session, batch, _FIND_BATCH, byref(count))
                if not count.value:
                    break
                found.extend(batch[: count.value])
        except CallFailed:
            self.code("C_FindObjectsFinal", session)  # it may fail in its turn, and would say less
            raise
        self.call("C_FindObjectsFinal", session)
        return found

    def attributes(self, session: int, handle: int, wanted: Sequence[tuple[int, int]]) -> list[bytes | None]:
        """The values of (attribute, room in bytes), in one call; None for what the object does not have, does not tell
        or has more of than there is room for."""
        room = sum(size for _, size in wanted)
        buffer = (c_ubyte * room)()
        base, offset = ctypes.addressof(buffer), 0
        template = (AttributeOut * len(wanted))()
        for slot, (attribute, size) in zip(template, wanted, strict=True):
            slot.type, slot.pValue, slot.ulValueLen = attribute, base + offset, size
            offset += size
        code = self.code("C_GetAttributeValue", session, handle, template, len(wanted))
        if code not in (CKR.OK, CKR.ATTRIBUTE_TYPE_INVALID, CKR.ATTRIBUTE_SENSITIVE, CKR.BUFFER_TOO_SMALL):
            raise CallFailed("C_GetAttributeValue", code)
        return [  # UNAVAILABLE is more than any room
            ctypes.string_at(slot.pValue, slot.ulValueLen) if slot.ulValueLen <= size else None
            for slot, (_, size) in zip(template, wanted, strict=True)
        ]

    def set_attributes(self, session: int, handle: int, template: Template) -> None:
        """C_SetAttributeValue. For examination only: keys of ours are never changed."""
        self.call("C_SetAttributeValue", session, handle, _in(template), len(template))

    def create(self, session: int, template: Template) -> int:
        """C_CreateObject; the handle."""
        handle = c_ulong()
        self.call("C_CreateObject", session, _in(template), len(template), byref(handle))
        return handle.value

    def generate(self, session: int, mechanism: int, template: Template) -> int:
        """C_GenerateKey; the handle."""
        handle = c_ulong()
        arguments = (byref(MechanismStructure(mechanism, None, 0)), _in(template), len(template), byref(handle))
        self.call("C_GenerateKey", session, *arguments)
        return handle.value

    def generate_pair(self, session: int, mechanism: int, public: Template, private: Template) -> tuple[int, int]:
        """C_GenerateKeyPair; the handles of the public and the private key."""
        first, second = c_ulong(), c_ulong()
        self.call(
            "C_GenerateKeyPair",
            session,
            byref(MechanismStructure(mechanism, None, 0)),
            _in(public),
            len(public),
            _in(private),
            len(private),
            byref(first),
            byref(second),
        )
        return first.value, second.value

    def wrap(
        self, session: int, mechanism: int, wrapping: int, key: int, room: int, parameter: bytes | None = None
    ) -> bytes:
        """C_WrapKey into a buffer of `room` bytes: one call instead of a question for the length and then the call."""
        buffer, length = (c_ubyte * room)(), c_ulong(room)
        how = MechanismStructure(mechanism, parameter, 0 if parameter is None else len(parameter))
        code = self._wrap(session, byref(how), wrapping, key, buffer, byref(length))
        if code == CKR.BUFFER_TOO_SMALL and length.value > room:
            return self.wrap(session, mechanism, wrapping, key, length.value, parameter)
        if code:
            raise CallFailed("C_WrapKey", code)
        return ctypes.string_at(buffer, length.value)

    def derive(self, session: int, mechanism: int, parameters: ctypes.Structure, base: int, template: Template) -> int:
        """C_DeriveKey; the handle."""
        handle = c_ulong()
        arguments = (base, _in(template), len(template), byref(handle))
        self.call("C_DeriveKey", session, byref(_with(mechanism, parameters)), *arguments)
        return handle.value

    def encrypt_gcm(
        self, session: int, key: int, nonce: bytes, aad: bytes, tag_bits: int, data: bytes | bytearray
    ) -> bytes:
        """AES-GCM by C_EncryptInit and C_Encrypt: ciphertext and tag. The size is known, so nobody is asked for it:
        NSS softoken forgets the tag when it is asked, and python-pkcs11 believes it.
        """
        parameters = GCMParameters(nonce, len(nonce), len(nonce) * 8, aad or None, len(aad), tag_bits)
        self.call("C_EncryptInit", session, byref(_with(CKM_AES_GCM, parameters)), key)
        room = len(data) + tag_bits // 8
        buffer, length = (c_ubyte * room)(), c_ulong(room)
        self.call("C_Encrypt", session, bytes(data), len(data), buffer, byref(length))
        return ctypes.string_at(buffer, length.value)

    def unwrap(
        self,
        session: int,
        mechanism: int,
        unwrapping: int,
        wrapped: bytes,
        template: Template,
        parameter: bytes | None = None,
    ) -> int:
        """C_UnwrapKey; the handle of the new key."""
        handle = c_ulong()
        how = MechanismStructure(mechanism, parameter, 0 if parameter is None else len(parameter))
        arguments = (byref(how), unwrapping, wrapped, len(wrapped), _in(template), len(template), byref(handle))
        self.call("C_UnwrapKey", session, *arguments)
        return handle.value

    def digest_key(self, session: int, mechanism: int, prefix: bytes, key: int) -> bytes:
        """The digest of `prefix` and a secret key, which need not be readable: C_DigestInit, Update, Key, Final."""
        buffer, length = (c_ubyte * 64)(), c_ulong(64)
        self.call("C_DigestInit", session, byref(MechanismStructure(mechanism, None, 0)))
        self.call("C_DigestUpdate", session, prefix, len(prefix))
        self.call("C_DigestKey", session, key)
        self.call("C_DigestFinal", session, buffer, byref(length))
        return ctypes.string_at(buffer, length.value)

    @contextmanager
    def passing(self, session: int, *handles: int) -> Iterator[None]:
        """Session objects that are gone afterwards, whatever happens: the session itself lives on in the pool."""
        try:
            yield
        finally:
            for handle in handles:
                self.code("C_DestroyObject", session, handle)

    def destroy(self, session: int, handle: int) -> None:
        """C_DestroyObject."""
        self.call("C_DestroyObject", session, handle)


def _with(mechanism: int, parameters: ctypes.Structure) -> MechanismStructure:
    """A mechanism with its parameters, which the caller keeps alive."""
    return MechanismStructure(mechanism, ctypes.cast(ctypes.pointer(parameters), c_char_p), sizeof(parameters))


def _in(template: Template) -> ctypes.Array[AttributeIn]:
    return (AttributeIn * len(template))(*[AttributeIn(attribute, value, len(value)) for attribute, value in template])


class _Secret:
    """A PIN in a buffer for the length of one call."""

    def __init__(self, text: str) -> None:
        raw = bytearray(text.encode())
        self._size = len(raw)
        self._buffer = (c_ubyte * max(1, self._size)).from_buffer(raw or bytearray(1))

    def __enter__(self) -> tuple[int, int]:
        return ctypes.addressof(self._buffer), self._size

    def __exit__(self, *_: object) -> None:
        ctypes.memset(self._buffer, 0, ctypes.sizeof(self._buffer))
