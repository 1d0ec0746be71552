"""One key per token that is always there, and tells an empty token from a sick one.

SoftHSM2 with an unreadable store, or in a process out of file descriptors, answers a search with "nothing found" and
CKR_OK, and goes on so when the store is healthy again. Whoever finds nothing therefore looks for the sentinel: while it
is missing too, nothing is proved. What it encrypts also tells one token from another of the same label.
"""

from __future__ import annotations

import hashlib
from typing import Final

from pkcs11.constants import Attribute as A
from pkcs11.constants import ObjectClass
from pkcs11.exceptions import PKCS11Error
from pkcs11.mechanisms import KeyType, Mechanism
from pkcs11.types import Session

from kmipd_pkcs11.crypt import BoundKey
from kmipd_pkcs11.errors import CallFailed, ErrorClass, TokenSick, Verb, classify, code_of, name_of
from kmipd_pkcs11.raw import FALSE, TRUE, Functions, Template, ulong

LABEL: Final = "kmipd-sentinel"
CKA_ID: Final = hashlib.sha256(b"kmipd sentinel").digest()[:16]
_FIND: Final = ((A.CLASS, ulong(ObjectClass.SECRET_KEY)), (A.TOKEN, TRUE), (A.ID, CKA_ID))


def template() -> Template:
    """It can encrypt and decrypt, and never leaves."""
    return [
        (A.CLASS, ulong(ObjectClass.SECRET_KEY)),
        (A.KEY_TYPE, ulong(KeyType.AES)),
        (A.TOKEN, TRUE),
        (A.PRIVATE, TRUE),
        (A.SENSITIVE, TRUE),
        (A.EXTRACTABLE, FALSE),
        (A.MODIFIABLE, FALSE),
        (A.ENCRYPT, TRUE),
        (A.DECRYPT, TRUE),
        (A.ID, CKA_ID),
        (A.LABEL, LABEL.encode()),
        (A.VALUE_LEN, ulong(32)),
    ]


def find(functions: Functions, session: int) -> int | None:
    """Its handle, None when the token does not list it."""
    return next(iter(functions.find(session, _FIND)), None)


def create(functions: Functions, session: int) -> int:
    """Make it, for a token that kmipd is about to use; its handle."""
    return functions.generate(session, Mechanism.AES_KEY_GEN, template())


def demand(functions: Functions, session: int, store: str) -> int:
    """Its handle; TokenSick when the token does not list it."""
    handle = find(functions, session)
    if handle is None:
        raise TokenSick(
            f"key store {store!r}: the token answers but does not list the key {LABEL!r}: its storage is unreadable, "
            "or it was never prepared (kmipd init), or this is another token of the same label"
        )
    return handle


def fingerprint(session: Session, handle: int) -> tuple[bytes, str]:
    """What it makes of a block of zeros: the same for ever on this token. Empty when the token has no AES-ECB, and then
    the code it says so with."""
    key = BoundKey(session, handle, KeyType.AES)
    try:
        return key.encrypted(Mechanism.AES_ECB, None, bytes(16)), ""
    except (PKCS11Error, CallFailed) as error:
        code = code_of(error) or 0
        if classify(code, Verb.ENCRYPT) is ErrorClass.MECHANISM:
            return b"", name_of(code)
        raise
