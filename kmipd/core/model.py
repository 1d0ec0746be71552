"""The values of the core: managed objects, their attributes, principals. All frozen; a change makes a new value.

Attributes are kept in one neutral form for every protocol version: a key (the tag of a standard attribute, or vendor
and name of a custom one) and its instances in order, each with the Attribute Index it was given (KMIP 1.4, 2.1.1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

from kmipd.core.ports import KeyClass, TokenKey
from kmipd.spec.enumerations import CryptographicAlgorithm, ObjectType, State, UsageLimitsUnit
from kmipd.spec.payloads.parts import Right
from kmipd.spec.tags import Tag
from kmipd.spec.values import quick


class CustomName(NamedTuple):
    """A custom attribute: `x-Foo` in 1.x, vendor identification `x` and name `Foo` in 2.x."""

    vendor: str
    name: str

    @property
    def text(self) -> str:
        return f"{self.vendor}-{self.name}"


AttributeKey = Tag | CustomName


@quick
@dataclass(frozen=True, slots=True)
class Instance:
    index: int
    value: Any


class AttributeSet:
    """An immutable, ordered set of attributes. Values are those of `kmipd.spec`; custom ones are `Item`s."""

    __slots__ = ("_by_key",)

    def __init__(self, by_key: Mapping[AttributeKey, tuple[Instance, ...]] | None = None) -> None:
        self._by_key: dict[AttributeKey, tuple[Instance, ...]] = dict(by_key or {})

    def __contains__(self, key: AttributeKey) -> bool:
        return key in self._by_key

    def __iter__(self) -> Iterator[AttributeKey]:
        return iter(self._by_key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AttributeSet) and self._by_key == other._by_key

    __hash__ = None  # type: ignore[assignment]  # holds structures that need not be hashable

    def __repr__(self) -> str:
        return f"AttributeSet({', '.join(k.name if isinstance(k, Tag) else k.text for k in self)})"

    def items(self) -> Iterable[tuple[AttributeKey, tuple[Instance, ...]]]:
        return self._by_key.items()

    def get(self, key: AttributeKey, default: Any = None) -> Any:
        """The value of the first instance."""
        found = self._by_key.get(key)
        return found[0].value if found else default

    def instances(self, key: AttributeKey) -> tuple[Instance, ...]:
        return self._by_key.get(key, ())

    def values(self, key: AttributeKey) -> tuple[Any, ...]:
        return tuple(i.value for i in self._by_key.get(key, ()))

    def put(self, key: AttributeKey, *values: Any) -> AttributeSet:
        """Replace every instance of `key`; without values, remove it."""
        changed = dict(self._by_key)
        if values:
            changed[key] = tuple([Instance(i, v) for i, v in enumerate(values)])
        else:
            changed.pop(key, None)
        return _owning(changed)

    def put_all(self, values: Mapping[AttributeKey, Any]) -> AttributeSet:
        """Replace each of these by one instance: a single copy, where many `put`s would make many."""
        changed = dict(self._by_key)
        for key, value in values.items():
            changed[key] = (Instance(0, value),)
        return _owning(changed)

    def put_instances(self, key: AttributeKey, instances: tuple[Instance, ...]) -> AttributeSet:
        changed = dict(self._by_key)
        if instances:
            changed[key] = instances
        else:
            changed.pop(key, None)
        return _owning(changed)

    def append(self, key: AttributeKey, value: Any) -> AttributeSet:
        """Add an instance with the next free index: an index is never given twice while the object lives."""
        present = self._by_key.get(key, ())
        index = 1 + max([i.index for i in present]) if present else 0
        return self.put_instances(key, (*present, Instance(index, value)))


def _owning(by_key: dict[AttributeKey, tuple[Instance, ...]]) -> AttributeSet:
    """A set over a dictionary that nobody else holds, without one more copy."""
    made = AttributeSet.__new__(AttributeSet)
    made._by_key = by_key
    return made


class Placement(Enum):
    """Where the material of an object is (design: where key bytes live)."""

    RESIDENT = "resident"  # a token object
    WRAPPED = "wrapped"  # in the registry, sealed under a resident wrapping key
    GONE = "gone"  # destroyed: a tombstone


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a request is made for. `group` owns what it creates; `role` says what it may do."""

    name: str
    group: str
    role: str = "client"


@dataclass(frozen=True, slots=True)
class Granted:
    """What a ticket lets its holder do in the place of a principal."""

    digest: bytes  # of the ticket
    rights: tuple[Right, ...] | None  # None: all that the principal has
    relevant: tuple[Right, ...] | None = None  # those about the operation that is being performed
    usage_unit: UsageLimitsUnit | None = None  # in which its usage is counted, if it is


def _go_ahead() -> None:
    """Somebody waits for the answer."""


@quick
@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request message, and from where (for the audit log)."""

    principal: Principal
    peer: str
    before_change: Callable[[], None] = _go_ahead  # raises when nothing may be written any more: the client has left
    granted: Granted | None = None


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedObject:
    """One managed object, which is one version of a key. Holds no key material in clear."""

    uid: str
    object_type: ObjectType
    group: str
    owner: str
    key_id: str
    key_version: int
    store: str
    placement: Placement
    attributes: AttributeSet
    state: State | None  # as last stored; `lifecycle.effective_state` says what it is now
    cka_id: bytes = b""  # resident: of the token object
    material_size: int = 0  # resident: true length of a secret key in bytes
    wrapping_key: bytes = b""  # wrapped: CKA_ID of the key that sealed it
    sealed: bytes = field(default=b"", repr=False)
    destroy_pending: bool = False  # marked destroyed; the token has not yet confirmed
    row_version: int = 0

    @property
    def token_key(self) -> TokenKey:
        """What the store needs to use a resident object."""
        key_class = KeyClass.PRIVATE if self.object_type is ObjectType.PRIVATE_KEY else KeyClass.SECRET
        algorithm = self.attributes.get(Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.AES)
        length = self.attributes.get(Tag.CRYPTOGRAPHIC_LENGTH, 0)
        return TokenKey(self.cka_id, key_class, algorithm, length, self.material_size)


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """Who did what to which object with which result. Never a payload."""

    time: int
    principal: str
    group: str
    operation: str
    uid: str
    result: str
    reason: str = ""
    peer: str = ""
    place: str = ""  # where cryptography ran: "token" or "software"
