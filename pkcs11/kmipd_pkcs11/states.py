"""The states of a connection, and a failure that it may get over."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from kmipd.core.errors import StoreError, StoreUncertain
from kmipd_pkcs11.errors import CHANGES, ErrorClass, Verb


class State(Enum):
    NEW = "new"
    UP = "up"
    SUSPECT = "suspect"
    RECOVERING = "recovering"
    DOWN = "down"
    CLOSED = "closed"


class Remedy(Enum):
    """Why another attempt may end well. Each is tried once in a call."""

    SESSION = "another session"
    HANDLE = "the object was looked for again"
    EPOCH = "somebody else has logged in meanwhile"
    RECOVERY = "a new login"


@dataclass(frozen=True, slots=True)
class Failure:
    """An error that a second attempt may get over."""

    error_class: ErrorClass
    error: StoreError
    epoch: int  # of the login it happened under
    local: bool = False  # the token is well all the same: it is this call, this key or this session
    doubted: bool = False  # nothing failed: a new view of the token is wanted, to be sure


def remedy_for(failure: Failure, tried: set[Remedy], epoch: int) -> Remedy:
    """What may help now, under this login. A login that was lost shows as a void handle first, and then as keys that
    are not there."""
    if failure.local:
        return Remedy.SESSION
    if failure.error_class is ErrorClass.HANDLE and Remedy.HANDLE not in tried:
        return Remedy.HANDLE
    if failure.epoch != epoch and Remedy.EPOCH not in tried:
        return Remedy.EPOCH
    return Remedy.RECOVERY


def outcome_of(verb: Verb, failure: Failure | None, error: StoreError) -> StoreError:
    """A change that was asked for has an unknown outcome; anything else simply was not done."""
    if failure is not None and verb in CHANGES:
        what, why = f"{failure.error}; whether it was done is unknown", error.failure or failure.error.failure
        return StoreUncertain(what, store=error.store, failure=why)
    return error
