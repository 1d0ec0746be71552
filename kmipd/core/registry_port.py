"""What the core asks of the registry. `kmipd.registry` implements it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from kmipd.core.model import AttributeKey, AuditEvent, ManagedObject
from kmipd.spec.enumerations import ObjectType, State
from kmipd.spec.values import quick


class Conflict(Exception):
    """Another request changed the object first. The batch item is run again from the beginning."""


class NameTaken(Exception):
    """An object of the same group that is not destroyed has this Name (KMIP 1.4, 3.2: Name is unique)."""


class Unfinished(Exception):
    """The unit is written; what was to follow failed. `problems` maps the object it was about to what went wrong."""

    def __init__(self, problems: Mapping[str, Exception]) -> None:
        super().__init__(", ".join(problems))
        self.problems = problems


class RegistryUnavailable(Exception):
    """The registry cannot be read or written: disk full, locked too long, file gone. Nothing was changed."""


class Match(Enum):
    EQUAL = "equal"
    ALL_BITS = "all bits"  # masks: every bit that is asked for is set (KMIP 1.4, 4.9)
    AT_LEAST = "at least"
    AT_MOST = "at most"


@quick
@dataclass(frozen=True, slots=True)
class Filter:
    """One condition of a Locate on an attribute."""

    key: AttributeKey
    match: Match
    value: Any


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class LocateQuery:
    """What Locate looks for, in one owner's objects."""

    group: str | None  # None: every group (auditors)
    filters: tuple[Filter, ...] = ()
    states: tuple[State, ...] = ()  # effective state, any of; empty: any
    object_type: ObjectType | None = None
    online: bool = True  # objects that are neither archived nor destroyed
    archived: bool = False
    destroyed: bool = False
    now: int = 0
    offset: int = 0
    limit: int | None = None


@quick
@dataclass(frozen=True, slots=True)
class LocateResult:
    uids: tuple[str, ...]
    total: int | None  # how many matched before offset and limit; None when that was not counted


@dataclass(frozen=True, slots=True)
class Intent:
    cka_id: bytes
    store: str
    purpose: str
    created: int


class UnitOfWork(Protocol):
    """Changes that become true together. Reads see them; nobody else does before `commit`."""

    def get(self, uid: str) -> ManagedObject | None: ...

    def add(self, obj: ManagedObject) -> None: ...

    def put(self, obj: ManagedObject) -> None:
        """Replace an object that was read in this unit."""

    def locate(self, query: LocateQuery) -> LocateResult: ...

    def require_unique_name(self, group: str, name: Any, uid: str) -> None:
        """NameTaken now if another object than `uid` has the name, or at commit if somebody is faster."""

    def rules(self, group: str) -> Mapping[str, bytes]:
        """What the group has laid down for its objects, by kind (`core.group_rules`)."""

    def put_rules(self, group: str, kind: str, body: bytes | None) -> None: ...

    def close_intent(self, cka_id: bytes) -> None:
        """The token object is accounted for by what this unit commits."""

    def audit(self, event: AuditEvent) -> None: ...

    def after_commit(self, action: Callable[[], None], uid: str = "") -> None:
        """Do `action`, which is about the object, once the unit is written."""

    def on_rollback(self, action: Callable[[], None]) -> None: ...

    def commit(self) -> None:
        """Write everything in one transaction, then run every after-commit action. Conflict, NameTaken, Unfinished."""

    def rollback(self) -> None: ...

    @property
    def changed(self) -> bool: ...


class DefaultMembers(Protocol):
    def next(self, group: str, object_group: str, newest_first: tuple[str, ...]) -> str:
        """Of the members (there are some) the one whose turn it is, as all workers see it."""


class RegistryPort(Protocol):
    @property
    def default_members(self) -> DefaultMembers: ...

    def unit(self) -> UnitOfWork: ...

    def new_identifier(self) -> str:
        """One that nothing has yet, neither an object nor a key."""

    def open_intent(self, cka_id: bytes, store: str, purpose: str, now: int) -> None:
        """Conflict when another request has one for this token object."""

    def intents(self, created_before: int) -> Sequence[Intent]: ...

    def claim_intent(self, cka_id: bytes) -> bool:
        """Take the intent from the request that wrote it: its unit can no longer commit. False when it is gone."""

    def drop_intent(self, cka_id: bytes) -> None: ...

    def knows_cka_id(self, cka_id: bytes) -> bool:
        """Whether an object row or a wrapping key accounts for the token object."""

    def pending_destroys(self) -> Sequence[str]: ...

    def take_wrapping_use(self, store: str) -> bytes | None:
        """The CKA_ID of a wrapping key with a use left, that use being counted; None when there is none."""

    def add_wrapping_key(self, cka_id: bytes, store: str, uses_max: int, now: int) -> None: ...

    def last_event(self) -> int:
        """The number of the newest change."""

    def events_after(self, number: int, group: str, limit: int) -> Sequence[tuple[int, str, str]]:
        """Number, operation and object of the changes that a group's clients made since, oldest first."""

    def record(self, event: AuditEvent) -> None:
        """Write an event that changes nothing (reads, refusals) to the audit log."""
