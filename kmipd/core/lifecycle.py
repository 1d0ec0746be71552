"""The states of a managed object (KMIP 1.4, 3.22; 2.1, 4.57): one table, and the moves that the clock makes.

Dates move an object when it is looked at, not when a timer happens to run: `effective_state` is the only reading of
the state, and Locate evaluates the same rule in SQL.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

from kmipd.core.errors import KmipError
from kmipd.core.model import ManagedObject
from kmipd.spec.enumerations import ResultReason, State
from kmipd.spec.tags import Tag


class Event(Enum):
    ACTIVATE = "Activate"
    DEACTIVATE = "Revoke"
    COMPROMISE = "Revoke for compromise"
    DESTROY = "Destroy"


S = State
TRANSITIONS: dict[tuple[State, Event], State] = {
    (S.PRE_ACTIVE, Event.ACTIVATE): S.ACTIVE,
    (S.PRE_ACTIVE, Event.COMPROMISE): S.COMPROMISED,
    (S.PRE_ACTIVE, Event.DESTROY): S.DESTROYED,
    (S.ACTIVE, Event.DEACTIVATE): S.DEACTIVATED,
    (S.ACTIVE, Event.COMPROMISE): S.COMPROMISED,
    (S.DEACTIVATED, Event.COMPROMISE): S.COMPROMISED,
    (S.DEACTIVATED, Event.DESTROY): S.DESTROYED,
    (S.COMPROMISED, Event.DESTROY): S.DESTROYED_COMPROMISED,
    (S.DESTROYED, Event.COMPROMISE): S.DESTROYED_COMPROMISED,
}

DESTROYED = frozenset({S.DESTROYED, S.DESTROYED_COMPROMISED})
# Protecting new data needs an Active key. What was protected stays readable with a key that was retired or even
# compromised (1.4, 3.22: "extraordinary circumstances" are exactly what a storage array meets).
PROTECTING = frozenset({S.ACTIVE})
PROCESSING = frozenset({S.ACTIVE, S.DEACTIVATED, S.COMPROMISED})

_REMEDY = {
    S.PRE_ACTIVE: "activate it first",
    S.ACTIVE: "revoke it first",
    S.DEACTIVATED: "it was deactivated",
    S.COMPROMISED: "it was revoked as compromised",
    S.DESTROYED: "it was destroyed",
    S.DESTROYED_COMPROMISED: "it was destroyed",
}


def effective_state(obj: ManagedObject, now: int) -> State | None:
    """The state at `now`; None for objects that have none (opaque data in old versions, templates)."""
    state = obj.state
    if state is S.PRE_ACTIVE and _passed(obj, Tag.ACTIVATION_DATE, now):
        state = S.ACTIVE
    if state is S.ACTIVE and _passed(obj, Tag.DEACTIVATION_DATE, now):
        state = S.DEACTIVATED
    return state


def _passed(obj: ManagedObject, date: Tag, now: int) -> bool:
    value = obj.attributes.get(date)
    return value is not None and value <= now


def move(obj: ManagedObject, event: Event, now: int) -> ManagedObject:
    """The object after `event`, or Wrong Key Lifecycle State."""
    state = effective_state(obj, now)
    if state is None:
        if event is Event.DESTROY:
            return obj
        raise KmipError(ResultReason.WRONG_KEY_LIFECYCLE_STATE, f"{event.value}: {obj.uid} has no state")
    after = TRANSITIONS.get((state, event))
    if after is None:
        raise wrong_state(obj, event.value, state)
    return replace(obj, state=after)


def wrong_state(obj: ManagedObject, action: str, state: State | None) -> KmipError:
    if state in DESTROYED:
        return KmipError(ResultReason.OBJECT_DESTROYED, f"{action}: {obj.uid} was destroyed")
    name = state.name.replace("_", "-").lower() if state is not None else "without a state"
    remedy = _REMEDY[state] if state is not None else "it cannot be used so"
    return KmipError(ResultReason.WRONG_KEY_LIFECYCLE_STATE, f"{action}: {obj.uid} is {name}: {remedy}")


def require_protecting(obj: ManagedObject, action: str, now: int) -> None:
    """Encrypt, sign, wrap: Active, after Process Start and before Protect Stop (1.4, 3.25 and 3.26)."""
    state = effective_state(obj, now)
    if state not in PROTECTING:
        raise wrong_state(obj, action, state)
    if _passed(obj, Tag.PROTECT_STOP_DATE, now):
        raise _dates(obj, action, "its Protect Stop Date has passed")
    _require_started(obj, action, now)


def require_processing(obj: ManagedObject, action: str, now: int) -> None:
    """Decrypt, verify, unwrap: what was protected earlier."""
    state = effective_state(obj, now)
    if state not in PROCESSING:
        raise wrong_state(obj, action, state)
    _require_started(obj, action, now)


def _require_started(obj: ManagedObject, action: str, now: int) -> None:
    start = obj.attributes.get(Tag.PROCESS_START_DATE)
    if start is not None and start > now:
        raise _dates(obj, action, "its Process Start Date has not come")


def _dates(obj: ManagedObject, action: str, why: str) -> KmipError:
    return KmipError(ResultReason.WRONG_KEY_LIFECYCLE_STATE, f"{action}: {obj.uid} cannot be used now: {why}")
