"""Keys on their way between the tokens of a group: wrapped under a transport key that all of them hold.

Nothing but the material travels in a wrap; what else a key is, is in the `Parcel` beside it. A key of a group is born
as a session object in one token, is wrapped there, and is unwrapped in every token, that one included, with its final
attributes: so all copies are alike, those that may never leave can be replicated at birth, and no attribute is
changed afterwards. What a copy cannot say any more (that it was born in an HSM) is kept in the registry.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pkcs11.constants import Attribute as A
from pkcs11.mechanisms import KeyType

from kmipd.core.errors import MechanismUnavailable, StoreRefused, TokenKeyMissing
from kmipd.core.ports import KeyClass, KeyTemplate
from kmipd_pkcs11 import templates
from kmipd_pkcs11.checks import check_value
from kmipd_pkcs11.connection import Connection
from kmipd_pkcs11.errors import CallFailed, ErrorClass, Verb, classify, name_of
from kmipd_pkcs11.generation import Generator
from kmipd_pkcs11.objects import CLASSES, Objects
from kmipd_pkcs11.proofs import WRAPS, Proofs
from kmipd_pkcs11.raw import FALSE, TRUE, ulong
from kmipd_pkcs11.release import OVERHEAD, PRIVATE_ROOM, SECRET_ROOM, WrapKind, WrapWay
from kmipd_pkcs11.sessions import PooledSession
from kmipd_pkcs11.templates import Attributes

_TEXT: Final = 512  # bytes, of a label or a CKA_ID
_BIG: Final = 1024  # bytes, of a modulus or a point
_COMMON: Final = ((A.CLASS, 8), (A.KEY_TYPE, 8), (A.ID, _TEXT), (A.LABEL, _TEXT), (A.TOKEN, 1), (A.MODIFIABLE, 1))
_GUARDED: Final = ((A.PRIVATE, 1), (A.SENSITIVE, 1), (A.EXTRACTABLE, 1))
#: What is read of a key and given to its copy.
COPIED: Final = {
    KeyClass.SECRET: (*_COMMON, *_GUARDED, *((flag, 1) for flag in templates.SECRET_USAGE)),
    KeyClass.PRIVATE: (*_COMMON, *_GUARDED, *((flag, 1) for flag in templates.PRIVATE_USAGE)),
    KeyClass.PUBLIC: (
        *_COMMON,
        (A.PRIVATE, 1),
        *((flag, 1) for flag in templates.PUBLIC_USAGE),
        *((big, _BIG) for big in (A.MODULUS, A.PUBLIC_EXPONENT, A.EC_PARAMS, A.EC_POINT)),
    ),
}
#: Tokens say nothing sensible of these for a key that was unwrapped: SoftHSM2 answers 0.
_NOT_OF_COPIES: Final = frozenset({A.VALUE_LEN})


@dataclass(frozen=True, slots=True)
class Parcel:
    """One key, wrapped, with what it takes to make the copy. `kind` is what the wrap mechanism does."""

    key_class: KeyClass
    kind: WrapKind
    wrapped: bytes = field(repr=False)
    attributes: tuple[tuple[int, bytes], ...]
    public: tuple[tuple[int, bytes], ...] = ()  # of the public key beside a private one

    def dump(self) -> bytes:
        """As bytes, for whoever keeps it until the token is back."""
        parts = [[[int(a), value.hex()] for a, value in some] for some in (self.attributes, self.public)]
        return json.dumps([self.key_class.value, self.kind.name, self.wrapped.hex(), *parts]).encode()

    @classmethod
    def load(cls, data: bytes) -> Parcel:
        key_class, kind, wrapped, *parts = json.loads(data)
        attributes, public = (tuple((int(a), bytes.fromhex(value)) for a, value in some) for some in parts)
        return cls(KeyClass(key_class), WrapKind[kind], bytes.fromhex(wrapped), attributes, public)


def changed(attributes: Sequence[tuple[int, bytes]], changes: dict[A, bytes]) -> Attributes:
    """With other values for some."""
    return [(attribute, changes.get(A(attribute), value)) for attribute, value in attributes]


_BORN: Final = {A.TOKEN: FALSE, A.EXTRACTABLE: TRUE}  # for the moment between generating and wrapping


class Transport:
    """Packs and unpacks the keys of one token. `transport_key` is the CKA_ID of the key that wraps them."""

    def __init__(self, connection: Connection, objects: Objects, generator: Generator, proofs: Proofs) -> None:
        self._connection = connection
        self._objects = objects
        self._generator = generator
        self._proofs = proofs

    def make(self, transport_key: bytes, cka_id: bytes, template: KeyTemplate) -> Parcel:
        """A new secret key, in a parcel only."""
        kind = templates.secret_kind(template)
        if kind is None:
            raise MechanismUnavailable(f"no token key of {template.algorithm.name} with {template.length} bits")
        asked = templates.secret(kind, cka_id, template)

        def work(session: PooledSession) -> Parcel:
            functions = self._connection.functions
            handle = functions.generate(session.handle, kind.mechanism, changed(asked, _BORN))
            whole = templates.labelled(asked, template.label)
            with functions.passing(session.handle, handle):
                return self._packed(session, transport_key, KeyClass.SECRET, handle, whole)

        return self._connection.run(Verb.WRAP, work)

    def make_pair(self, transport_key: bytes, cka_id: bytes, template: KeyTemplate) -> tuple[Parcel, bytes]:
        """A new key pair, in a parcel only; and the public key as SubjectPublicKeyInfo DER."""
        kind = templates.pair_kind(template, self._connection.settings.rsa_bits_min)
        if kind is None:
            raise MechanismUnavailable(f"no token key pair of {template.algorithm.name} with {template.length} bits")
        public, private = templates.public(kind, cka_id, template), templates.private(kind, cka_id, template)

        def work(session: PooledSession) -> tuple[Parcel, bytes]:
            functions = self._connection.functions
            labelled = templates.labelled(public, template.label)
            pair = functions.generate_pair(
                session.handle, kind.mechanism, changed(labelled, {A.TOKEN: FALSE}), changed(private, _BORN)
            )
            whole = templates.labelled(private, template.label)
            with functions.passing(session.handle, *pair):
                half = changed(self._read(session, KeyClass.PUBLIC, pair[0]), {A.TOKEN: TRUE})
                spki = self._generator.spki(session, pair[0], kind.key_type, template)
                return self._packed(session, transport_key, KeyClass.PRIVATE, pair[1], whole, half), spki

        return self._connection.run(Verb.WRAP, work)

    def pack(self, transport_key: bytes, cka_id: bytes, key_class: KeyClass) -> Parcel:
        """A key of this token. StoreRefused when it may not leave."""

        def work(session: PooledSession) -> Parcel:
            handle = self._objects.handle(session, cka_id, key_class)
            attributes = self._read(session, key_class, handle)
            if dict(attributes).get(A.EXTRACTABLE) != TRUE:
                raise StoreRefused(f"the key {cka_id.hex()} is not extractable: the token does not let it leave")
            public = self._public_half(session, cka_id) if key_class is KeyClass.PRIVATE else []
            return self._packed(session, transport_key, key_class, handle, attributes, public)

        return self._connection.run(Verb.WRAP, work)

    def take(self, transport_key: bytes, cka_id: bytes, parcel: Parcel) -> None:
        """Make the copy, and read it back. What a first attempt left behind is removed before a second one."""
        private = in_order([(a, value) for a, value in parcel.attributes if a not in _NOT_OF_COPIES])
        public = in_order(parcel.public)

        def work(session: PooledSession) -> None:
            functions = self._connection.functions
            way = self._way(session, parcel.kind)
            wrapping = self._objects.handle(session, transport_key, KeyClass.SECRET)

            def unwrap() -> Sequence[int]:
                made = [self._unwrapped(session, way, wrapping, parcel.wrapped, private)]
                if public:
                    made.append(functions.create(session.handle, public))
                return made

            handles = self._objects.make(session, cka_id, unwrap)
            parts = [(parcel.key_class, handles[0], unlabelled(private))]
            if public:
                parts.append((KeyClass.PUBLIC, handles[1], unlabelled(public)))
            self._generator.accept(session, cka_id, parts)

        self._connection.run(Verb.GENERATE, work)

    def _unwrapped(
        self, session: PooledSession, way: WrapWay, wrapping: int, wrapped: bytes, template: Attributes
    ) -> int:
        functions, facts = self._connection.functions, self._connection.facts
        try:
            return functions.unwrap(session.handle, way.mechanism, wrapping, wrapped, template)
        except CallFailed as error:
            if classify(error.code, Verb.UNWRAP, facts.overrules) is not ErrorClass.CALLER:
                raise
            raise StoreRefused(f"the token does not accept the wrapped key: {name_of(error.code)}") from None

    def check_value(self, transport_key: bytes, cka_id: bytes, key_class: KeyClass) -> str:
        """What proves two copies equal: `method:value`. See `checks`."""

        def work(session: PooledSession) -> str:
            wrapping = self._objects.handle(session, transport_key, KeyClass.SECRET)
            handle = self._objects.handle(session, cka_id, key_class)
            return check_value(self._connection.functions, session, self._proofs.wrap_way(session), wrapping, handle)

        return self._connection.run(Verb.WRAP, work)

    def _packed(
        self,
        session: PooledSession,
        transport_key: bytes,
        key_class: KeyClass,
        handle: int,
        attributes: Attributes,
        public: Attributes = [],  # noqa: B006 - only read
    ) -> Parcel:
        way = self._proofs.wrap_way(session)
        wrapping = self._objects.handle(session, transport_key, KeyClass.SECRET)
        room = (SECRET_ROOM if key_class is KeyClass.SECRET else PRIVATE_ROOM) + OVERHEAD
        wrapped = self._connection.functions.wrap(session.handle, way.mechanism, wrapping, handle, room)
        return Parcel(key_class, way.kind, wrapped, tuple(attributes), tuple(public))

    def _way(self, session: PooledSession, kind: WrapKind) -> WrapWay:
        """This token's mechanism for what the other token's mechanism does."""
        mine = self._proofs.wrap_way(session)
        if mine.kind is kind:
            return mine
        listed = self._proofs.mechanisms()
        found = next((way for way in WRAPS if way.kind is kind and way.mechanism in listed), None)
        if found is None:
            raise MechanismUnavailable(f"the token has no mechanism for {kind.value}, which the parcel is wrapped with")
        return found

    def _read(self, session: PooledSession, key_class: KeyClass, handle: int) -> Attributes:
        """What of a key is given to its copy; what it does not have is left out."""
        wanted = COPIED[key_class]
        got = self._connection.functions.attributes(session.handle, handle, wanted)
        return [(attribute, value) for (attribute, _), value in zip(wanted, got, strict=True) if value is not None]

    def _public_half(self, session: PooledSession, cka_id: bytes) -> Attributes:
        try:
            handle = self._objects.handle(session, cka_id, KeyClass.PUBLIC)
        except TokenKeyMissing:
            return []
        return self._read(session, KeyClass.PUBLIC, handle)


def in_order(attributes: Sequence[tuple[int, bytes]]) -> Attributes:
    """CKA_MODIFIABLE last: SoftHSM2 takes a template's attributes one by one, and none after that one is false."""
    return sorted(attributes, key=lambda pair: pair[0] == A.MODIFIABLE)


def unlabelled(attributes: Attributes) -> Attributes:
    """What is read back: labels are for people, and tokens shorten them."""
    return [(attribute, value) for attribute, value in attributes if attribute != A.LABEL]


def transport_template(cka_id: bytes, label: str) -> Attributes:
    """A key that wraps and unwraps, does nothing else, and never leaves."""
    attributes = [
        (A.CLASS, ulong(CLASSES[KeyClass.SECRET])),
        (A.KEY_TYPE, ulong(KeyType.AES)),
        (A.ID, cka_id),
        (A.LABEL, label.encode()),
        (A.TOKEN, TRUE),
        (A.MODIFIABLE, FALSE),
        (A.PRIVATE, TRUE),
        (A.SENSITIVE, TRUE),
        (A.EXTRACTABLE, FALSE),
        *((flag, TRUE if flag in (A.WRAP, A.UNWRAP) else FALSE) for flag in templates.SECRET_USAGE),
    ]
    return in_order(attributes)
