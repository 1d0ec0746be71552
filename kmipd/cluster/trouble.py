"""Trouble with keys: what may happen, and what the Element API says about it."""

from __future__ import annotations

from kmipd.cluster.crypto import WrongKey
from kmipd.cluster.errors import ElementError
from kmipd.cluster.kmip.failures import KeyConflict, Kind, ServersFailed

_NAMES = {
    Kind.CONNECTION: "xKmipConnectionFailure",
    Kind.AUTHENTICATION: "xKmipAuthenticationFailure",
    Kind.SERVER: "xKmipServerError",
}
# The causes that NetApp documents for kmipServerFault.
CAUSES = {
    Kind.CONNECTION: "Connection failure",
    Kind.AUTHENTICATION: "Authentication failure",
    Kind.SERVER: "Server error",
}


class KeyMissing(Exception):
    """The place where a key should be answered, and does not have it."""


TROUBLE = (ServersFailed, KeyConflict, KeyMissing, WrongKey, ElementError)


def to_element(trouble: Exception) -> ElementError:
    """The Element error for one of TROUBLE."""
    match trouble:
        case ElementError():
            return trouble
        case ServersFailed():
            return ElementError(_NAMES[trouble.kind], str(trouble))
        case KeyConflict():
            return ElementError("xKmipKeyConflict", str(trouble))
        case WrongKey():
            return ElementError("xInternalError", str(trouble))
        case _:
            return ElementError("xKmipServerError", str(trouble))


def describe(trouble: Exception) -> str:
    """One line for a fault: the documented cause, then what happened."""
    cause = CAUSES[trouble.kind] if isinstance(trouble, ServersFailed) else CAUSES[Kind.SERVER]
    return f"{cause}: {trouble}"
