"""The errors of the core: what an operation may answer, and what a key store may say.

Two trees. `KmipError` is an answer: it carries the result reason the client will read. `StoreError` is what the
port to a token raises; `core.answers` turns it into a `KmipError`, so that no text of a token reaches a client unread.
"""

from __future__ import annotations

from kmipd.core.failures import FailureReason
from kmipd.spec.enumerations import ResultReason
from kmipd.spec.versions import Version


class KmipError(Exception):
    """An operation failed for a reason that the client is told.

    `reason` is the newest name of the reason; `core.reasons` maps it to one the client's version knows. Where one
    operation says it in an earlier version than the others do, `said_since` is that version.
    """

    def __init__(self, reason: ResultReason, message: str, *, said_since: Version | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.said_since = said_since


class StoreError(Exception):
    """A key store could not do what was asked. The message says what happened, to what, and what to do."""

    def __init__(self, message: str, *, store: str = "", failure: FailureReason | None = None) -> None:
        super().__init__(message)
        self.store = store
        self.failure = failure  # why it cannot be connected, where that is known


class StoreUnavailable(StoreError):
    """The token is away, sick, or every session is busy. Nothing was done; the same call may succeed later."""


class StoreNotConnected(StoreUnavailable):
    """The key store is disconnected, or could not be connected: its keys are unavailable until an operator acts."""


class StoreUncertain(StoreUnavailable):
    """A change was asked of the token and its outcome is unknown: look for the CKA_ID before anything else."""


class TokenKeyMissing(StoreError):
    """The token is healthy (its sentinel answers) and holds no object of this CKA_ID."""


class MechanismUnavailable(StoreError):
    """The token cannot do this mechanism with this key. Software may, if the key may be released."""


class StoreRefused(StoreError):
    """The token rejected the input: bad data, bad ciphertext, a key not permitted for this."""


class StoreDishonest(StoreError):
    """The object that was made does not have the attributes that were asked for; it was removed again."""
