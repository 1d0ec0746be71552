"""What every operation has at hand: the ports, the settings of the core, and the context of one request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from kmipd.core.asynchronous_port import Background, Requests
from kmipd.core.authentication_port import Credentials, Provisioner, Tickets
from kmipd.core.errors import KmipError
from kmipd.core.keystores import unknown_store
from kmipd.core.model import Granted, ManagedObject, Placement, Principal
from kmipd.core.object_groups import FilledGroup
from kmipd.core.open_streams import Streams
from kmipd.core.policy import require_right, sees
from kmipd.core.ports import Clock, KeyStore
from kmipd.core.registry_port import RegistryPort, UnitOfWork
from kmipd.spec.enumerations import (
    CryptographicAlgorithm,
    DataEnum,
    ObjectType,
    Operation,
    ResultReason,
    UniqueIdentifierEnum,
)
from kmipd.spec.payloads.parts import ExtensionInformation, ValidationInformation
from kmipd.spec.tags import Tag
from kmipd.spec.versions import Version


class Codec(Protocol):
    """Structures as bytes: what is sealed, wrapped with TTLV encoding, or hashed."""

    def dump(self, structure: object) -> bytes: ...

    def load(self, cls: type, data: bytes) -> Any: ...


CERTIFY_DAYS = 825  # longest validity of a certificate; longer than two years nobody remembers how it was made
RSA_BITS_MIN = 2048  # SP 800-131A: nothing shorter protects anything today


class RNGSeeding(Enum):
    """What RNG Seed does with a client's seed; the standard leaves all four open (KMIP 1.4, 4.36)."""

    ACCEPT = "accept"  # it goes into the token's generator
    TRUNCATE = "truncate"  # the first 16 bytes of it do
    IGNORE = "ignore"  # nothing of it is used, and the client is told so
    DENY = "deny"


class WrappedValue(Enum):
    """How a Key Value looks that was wrapped with No Encoding."""

    STRUCTURE = "structure"  # wrapped Key Material within a Key Value: what PyKMIP and some test cases read
    BYTES = "bytes"  # the Key Value itself is the wrapped bytes: the text of KMIP 1.4, 2.1.5, and other test cases


IDENTIFIER_SHOWN_MAX = 128  # characters of an identifier that a client made up, in messages and in the audit log


class ForeignObjects(Enum):
    """What a client is told of the objects of others."""

    HIDDEN = "hidden"  # as of those that do not exist: identifiers cannot be probed
    DENIED = "denied"  # that they are not its own


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreSettings:
    """Choices of the operator that operations depend on."""

    placement: Placement = Placement.RESIDENT  # of keys the server makes, where the token can hold them
    group_placement: Mapping[str, Placement] = field(default_factory=dict)
    root_store: str = "main"  # the key store of kmipd.toml, always there
    group_store: Mapping[str, str] = field(default_factory=dict)  # where a group's new keys go, if not to the default
    default_store: str = ""  # empty: the root store
    unique_names: bool = True  # radosgw answers 400 for every object of a key whose Name stands twice
    lease_time_seconds: int = 3600
    # Random 96-bit nonces under one key stay safe to 2**32 seals (SP 800-38D, 8.3); a quarter of that leaves room.
    wrapping_key_uses_max: int = 2**30
    foreign_objects: ForeignObjects = ForeignObjects.HIDDEN
    re_provision: bool = False  # clients may replace their own certificates: whoever has one could keep it for ever
    https: bool = True  # whether KMIP is served by HTTPS as well
    interop: bool = False  # answer Interop, which is for testers
    filled_groups: Mapping[str, FilledGroup] = field(default_factory=dict)  # object groups that never run out
    validations: tuple[ValidationInformation, ...] = ()  # of the token, as Query tells them
    extensions: tuple[ExtensionInformation, ...] = ()  # vendors' tags that clients have agreed upon
    server_name: str = "kmipd"
    server_version: str = ""
    wrapped_value: WrappedValue = WrappedValue.STRUCTURE
    withheld: frozenset[ObjectType | CryptographicAlgorithm] = frozenset()  # kinds of objects that never leave
    certify_with: str = ""  # Name of the private key that signs a group's certificates; empty: none are issued
    certify_days: int = CERTIFY_DAYS
    rng_seed: RNGSeeding = RNGSeeding.IGNORE
    rsa_bits_min: int = RSA_BITS_MIN  # of key pairs that are made; shorter ones can always be registered

    @property
    def unserved(self) -> frozenset[Operation]:
        """Operations that are served only when the operator wants them."""
        wanted = {Operation.INTEROP: self.interop, Operation.RE_PROVISION: self.re_provision}
        return frozenset(operation for operation, on in wanted.items() if not on)

    def placement_for(self, group: str) -> Placement:
        return self.group_placement.get(group, self.placement)

    def store_for(self, group: str) -> str:
        """The name of the key store that a group's new keys go to."""
        return self.group_store.get(group) or self.default_store or self.root_store


@dataclass(frozen=True, slots=True)
class Services:
    """`stores` changes while the server runs: a store that is not connected stands there as one that refuses."""

    registry: RegistryPort
    clock: Clock
    codec: Codec
    settings: CoreSettings
    stores: Mapping[str, KeyStore]
    requests: Requests
    background: Background
    tickets: Tickets
    credentials: Credentials
    provisioner: Provisioner
    streams: Streams = field(default_factory=Streams)

    @property
    def store(self) -> KeyStore:
        """The root store."""
        return self.stores[self.settings.root_store]

    def store_for(self, group: str) -> KeyStore:
        """The key store that a group's new keys go to."""
        name = self.settings.store_for(group)
        return self.stores.get(name) or unknown_store(name)


@dataclass(slots=True)
class Context:
    """One batch item in the making. `placeholder` is shared by the items of a batch (KMIP 1.4, 6.4)."""

    services: Services
    principal: Principal
    version: Version
    unit: UnitOfWork
    now: int
    placeholder: Placeholder
    touched: str = ""  # the object the item was about, for the audit record
    place: str = ""  # where cryptography ran: "token" or "software"
    granted: Granted | None = None  # of the ticket that the request came with

    def identifier(self, given: str | int | UniqueIdentifierEnum | None) -> str:
        """The identifier of a request: given, or taken from the ID Placeholder when empty."""
        if isinstance(given, str) and given:
            self.touched = given
            return given
        found = self.placeholder.resolve(given if isinstance(given, int) else None)
        if found is None:
            raise KmipError(
                ResultReason.ITEM_NOT_FOUND, "no Unique Identifier was given and the ID Placeholder is empty"
            )
        self.touched = found
        return found

    def object(self, given: str | int | UniqueIdentifierEnum | None, *, archived_too: bool = False) -> ManagedObject:
        """The object meant; a foreign one is as unknown as one that does not exist."""
        return self.find(self.identifier(given), archived_too=archived_too)

    def find(self, uid: str, *, archived_too: bool = False) -> ManagedObject:
        """An archived object answers for its attributes only, until it is recovered (KMIP 1.4, 11)."""
        obj = self.unit.get(uid)
        if obj is None or not sees(self.principal, obj):
            raise self._unknown(obj, uid)
        if self.granted is not None:
            require_right(self.granted, obj)
        if Tag.ARCHIVE_DATE in obj.attributes and not archived_too:
            raise KmipError(ResultReason.OBJECT_ARCHIVED, f"{uid} is archived: recover it first")
        return obj

    @property
    def store(self) -> KeyStore:
        """Where new keys of this request go."""
        return self.services.store_for(self.principal.group)

    def _unknown(self, obj: ManagedObject | None, uid: str) -> KmipError:
        shown = uid[:IDENTIFIER_SHOWN_MAX]
        if obj is not None and self.services.settings.foreign_objects is ForeignObjects.DENIED:
            return KmipError(ResultReason.PERMISSION_DENIED, f"the object {shown!r} is another client's")
        return KmipError(ResultReason.OBJECT_NOT_FOUND, f"there is no object {shown!r}")

    def store_of(self, obj: ManagedObject) -> KeyStore:
        """Where this object's key is. A store that is not connected refuses what it is asked, with the reason."""
        return self.services.stores.get(obj.store) or unknown_store(obj.store)


class Placeholder:
    """The ID Placeholder: what earlier items of the batch produced (KMIP 1.4, 6.4; 2.1, table of identifiers)."""

    def __init__(self) -> None:
        self._current: str | None = None
        self._located: tuple[str, ...] = ()
        self._by_kind: dict[UniqueIdentifierEnum, str] = {}
        self._data: list[tuple[DataEnum, bytes]] = []

    def set(self, uid: str, *kinds: UniqueIdentifierEnum) -> None:
        self._current = uid
        for kind in kinds:
            self._by_kind[kind] = uid

    def also(self, uid: str, *kinds: UniqueIdentifierEnum) -> None:
        """Remember an identifier that is not the current one (the other half of a pair)."""
        for kind in kinds:
            self._by_kind[kind] = uid

    def set_located(self, uids: tuple[str, ...]) -> None:
        """Locate sets the placeholder only when it found exactly one object (KMIP 1.4, 4.9)."""
        self._located = uids
        self._current = uids[0] if len(uids) == 1 else None

    def clear(self) -> None:
        self._current = None

    def resolve(self, given: int | None) -> str | None:
        if given is None or given == UniqueIdentifierEnum.ID_PLACEHOLDER:
            return self._current
        if isinstance(given, UniqueIdentifierEnum):
            return self._by_kind.get(given)
        # A plain Integer: the n-th located object, counted from the end when negative (2.1, 4.62).
        if -len(self._located) <= given < len(self._located):
            return self._located[given]
        return None

    def remember_data(self, kind: DataEnum, data: bytes) -> None:
        """Data that an item answered, for the ones after it."""
        self._data.append((kind, data))

    def data_of(self, reference: int) -> bytes | None:
        """The newest data of a kind, or the n-th, counted backwards when negative (2.1, 7.9)."""
        if isinstance(reference, DataEnum):
            return next((data for kind, data in reversed(self._data) if kind is reference), None)
        if -len(self._data) <= reference < len(self._data):
            return self._data[reference][1]
        return None
