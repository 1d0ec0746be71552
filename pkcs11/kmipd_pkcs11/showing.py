"""The attributes of a token object for people: all that say what a key is and may do, none that is the key."""

from __future__ import annotations

import sys
from typing import Final

from pkcs11.constants import Attribute as A
from pkcs11.constants import ObjectClass
from pkcs11.mechanisms import KeyType

from kmipd.core.ports import TokenKey
from kmipd_pkcs11 import templates
from kmipd_pkcs11.objects import Objects
from kmipd_pkcs11.sessions import PooledSession

_FLAGS: Final = (
    *(A.TOKEN, A.PRIVATE, A.MODIFIABLE, A.SENSITIVE, A.EXTRACTABLE, A.ALWAYS_SENSITIVE, A.NEVER_EXTRACTABLE, A.LOCAL),
    *templates.SECRET_USAGE,
)
_ROOM: Final = ((A.CLASS, 8), (A.KEY_TYPE, 8), (A.ID, 512), (A.LABEL, 512), *((flag, 1) for flag in _FLAGS))


def shown(objects: Objects, session: PooledSession, key: TokenKey) -> tuple[int, dict[str, str | int | bool]]:
    """The handle and the attributes; those that the object does not have are left out."""
    handle = objects.handle(session, key.cka_id, key.key_class)
    got = objects.functions.attributes(session.handle, handle, _ROOM)
    values = {
        attribute.name: _readable(attribute, value)
        for (attribute, _), value in zip(_ROOM, got, strict=True)
        if value is not None
    }
    return handle, values


def _readable(attribute: A, value: bytes) -> str | int | bool:
    if attribute in _FLAGS:
        return value != bytes(1)
    if attribute is A.CLASS:
        return ObjectClass(int.from_bytes(value, sys.byteorder)).name
    if attribute is A.KEY_TYPE:
        return KeyType(int.from_bytes(value, sys.byteorder)).name
    return value.decode("utf-8", "replace") if attribute is A.LABEL else value.hex()
