"""What the algorithms raise; both are answers the client can act on."""

from __future__ import annotations

from kmipd.core.errors import KmipError
from kmipd.spec.enumerations import ResultReason


def unsupported(what: str) -> KmipError:
    """The combination is not one this server offers."""
    return KmipError(ResultReason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS, f"{what} is not supported")


def failed(what: str) -> KmipError:
    """The input does not fit: wrong length, bad padding, a tag or signature that does not match."""
    return KmipError(ResultReason.CRYPTOGRAPHIC_FAILURE, what)


def name_of(value: object) -> str:
    return getattr(value, "name", None) or str(value)
