"""Getting a sensitive, extractable key out of the token: wrap it under a key of known value, unwrap it here.

The wrapping key is a session object of known value (`known_keys`) that can only wrap. Two ways were
measured on SoftHSM2: one key per session kept for many releases (51 to 55 us a release) and a fresh one each time (131
to 192 us). We take the first and bound it, by uses and by seconds: an attacker who reads our memory finds the released
keys themselves there, so the short-lived key adds nothing to what he has. `release_kek_uses_max=1` gives the second.
Age is looked at when the key is used next: the value in an idle session is worthless without the wraps, which are gone.

SoftHSM2 pads keys with zeros to a multiple of eight bytes before it wraps them, so a 20-byte secret comes back as 24
bytes: the true length is known, and what is beyond it must be zero.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import keywrap
from pkcs11.constants import Attribute as A
from pkcs11.mechanisms import KeyType

from kmipd.core.errors import StoreDishonest
from kmipd_pkcs11 import known_keys
from kmipd_pkcs11.known_keys import KeySource
from kmipd_pkcs11.raw import Functions

if TYPE_CHECKING:
    from kmipd_pkcs11.sessions import PooledSession

KEK_BYTES = 32
OVERHEAD = 24  # bytes a wrap adds at most: 8 of integrity, 8 of padding, and 8 to spare
SECRET_ROOM = 128
PRIVATE_ROOM = 4096  # an RSA-4096 PKCS#8 takes 2,376 bytes


class WrapKind(Enum):
    """What a wrapping mechanism was found to do, whatever it is called."""

    KWP = "RFC 5649"
    KW = "RFC 3394"


@dataclass(frozen=True, slots=True)
class WrapWay:
    """A proven way to wrap: the mechanism's number, what it does, and where the wrapping key comes from."""

    mechanism: int
    kind: WrapKind
    source: KeySource = KeySource.IMPORTED

    def unwrap(self, kek: bytes | bytearray, wrapped: bytes) -> bytes:
        """Undo it in software. keywrap.InvalidUnwrap when the result is not what this way produces."""
        if self.kind is WrapKind.KWP:
            return keywrap.aes_key_unwrap_with_padding(bytes(kek), wrapped)
        return keywrap.aes_key_unwrap(bytes(kek), wrapped)


class ReleaseKey:
    """The wrapping key of one session, and its value in a buffer that is overwritten when the key is given up."""

    __slots__ = ("born", "handle", "uses", "value")

    def __init__(self, handle: int, value: bytearray) -> None:
        self.handle = handle
        self.value = value
        self.uses = 0
        self.born = time.monotonic()

    def wipe(self) -> None:
        """Overwrite the value."""
        for index in range(len(self.value)):
            self.value[index] = 0


def make_kek(functions: Functions, session: int, source: KeySource) -> ReleaseKey:
    """A new wrapping key of random value in this session, which can do nothing but wrap."""
    wanted = known_keys.template(KeyType.AES, A.WRAP)
    made = known_keys.make(functions, session, source, wanted, secrets.token_bytes(KEK_BYTES))
    return ReleaseKey(made.handle, made.value)


def drop_kek(functions: Functions, session: PooledSession) -> None:
    """Overwrite the session's wrapping key and remove it from the token; a token that has lost it is no failure."""
    kek, session.kek = session.kek, None
    if kek is not None:
        kek.wipe()
        functions.code("C_DestroyObject", session.handle, kek.handle)


def current_kek(
    functions: Functions, session: PooledSession, source: KeySource, uses: int, seconds: float
) -> ReleaseKey:
    """The session's wrapping key, replaced when it was used `uses` times or is `seconds` old."""
    kek = session.kek
    if kek is not None and (kek.uses >= uses or time.monotonic() - kek.born >= seconds):
        drop_kek(functions, session)
        kek = None
    if kek is None:
        kek = session.kek = make_kek(functions, session.handle, source)
    kek.uses += 1
    return kek


def true_length(material: bytes, size: int) -> bytearray:
    """The first `size` bytes; StoreDishonest unless all others are zero."""
    if len(material) < size or any(material[size:]):
        raise StoreDishonest(f"the token released {len(material)} bytes where a key of {size} bytes was expected")
    return bytearray(material[:size])


def trim_der(material: bytes) -> bytearray:
    """A DER SEQUENCE without the zeros behind it. StoreDishonest when it is none, or something else follows."""
    if len(material) < 2 or material[0] != 0x30:
        raise StoreDishonest("the token released a private key that is not PKCS#8 DER")
    first = material[1]
    if first < 0x80:
        return true_length(material, 2 + first)
    octets = first & 0x7F
    return true_length(material, 2 + octets + int.from_bytes(material[2 : 2 + octets], "big"))
