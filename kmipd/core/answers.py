"""Exceptions as answers: what each failure tells the client. Total; what is not listed is our bug and says nothing."""

from __future__ import annotations

from kmipd.core import reasons
from kmipd.core.errors import (
    KmipError,
    MechanismUnavailable,
    StoreDishonest,
    StoreError,
    StoreNotConnected,
    StoreRefused,
    StoreUnavailable,
    TokenKeyMissing,
)
from kmipd.core.registry_port import Conflict, NameTaken, RegistryUnavailable
from kmipd.spec.enumerations import ResultReason as R
from kmipd.spec.versions import Version

# Order matters: the first class that fits. The text may name the store, never what the vendor library said.
_TABLE: tuple[tuple[type[Exception], R, str], ...] = (
    (StoreNotConnected, R.PROTECTION_STORAGE_UNAVAILABLE, "the key store is not connected: its keys are unavailable"),
    (StoreUnavailable, R.GENERAL_FAILURE, "the key store is not available now; try again"),
    (TokenKeyMissing, R.GENERAL_FAILURE, "the key store does not hold the key of this object"),
    (MechanismUnavailable, R.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS, "the key store cannot do this with this key"),
    (StoreRefused, R.CRYPTOGRAPHIC_FAILURE, "the data does not fit the key and the parameters"),
    (StoreDishonest, R.GENERAL_FAILURE, "the key store did not make the key as it was asked to"),
    (StoreError, R.GENERAL_FAILURE, "the key store failed"),
    (NameTaken, R.NON_UNIQUE_NAME_ATTRIBUTE, "another object has this Name; names are unique within a group"),
    (Conflict, R.GENERAL_FAILURE, "the object was changed by other requests all the time; try again"),
    (RegistryUnavailable, R.GENERAL_FAILURE, "the registry is not available now; try again"),
)
UNEXPECTED = "an internal error; the server's log has the details"


def expected(error: Exception) -> bool:
    return isinstance(error, KmipError) or any(isinstance(error, row[0]) for row in _TABLE)


def answer(error: Exception, version: Version) -> tuple[R, str]:
    """Result reason and message for a client of `version`."""
    if isinstance(error, KmipError):
        if error.said_since is not None and version >= error.said_since:
            return error.reason, error.message
        return reasons.for_version(error.reason, version), error.message
    for cls, reason, text in _TABLE:
        if isinstance(error, cls):
            return reasons.for_version(reason, version), text
    return R.GENERAL_FAILURE, UNEXPECTED
