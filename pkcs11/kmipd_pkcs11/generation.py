"""Making keys: one call that generates, one that reads back, and nothing before them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pkcs11.constants import Attribute as A
from pkcs11.mechanisms import KeyType

from kmipd.core.errors import MechanismUnavailable, StoreDishonest
from kmipd.core.ports import KeyClass, KeyTemplate, TokenKey
from kmipd.spec.enumerations import RecommendedCurve
from kmipd_pkcs11 import templates
from kmipd_pkcs11.connection import Connection
from kmipd_pkcs11.der import ec_spki, rsa_spki
from kmipd_pkcs11.errors import Verb
from kmipd_pkcs11.objects import Objects
from kmipd_pkcs11.sessions import PooledSession

_POINT_ROOM: Final = 160  # bytes: an uncompressed P-521 point in its OCTET STRING takes 136


class Generator:
    """Makes the keys of one connection."""

    def __init__(self, connection: Connection, objects: Objects) -> None:
        self._connection = connection
        self._objects = objects

    def key(self, cka_id: bytes, template: KeyTemplate) -> TokenKey:
        """Make a secret key and read it back; see `KeyStore.generate_key`."""
        kind = templates.secret_kind(template)
        if kind is None:
            raise MechanismUnavailable(f"no token key of {template.algorithm.name} with {template.length} bits")
        asked = templates.secret(kind, cka_id, template)
        whole = templates.labelled(asked, template.label)

        def make(session: PooledSession) -> None:
            def generate() -> Sequence[int]:
                return [self._connection.functions.generate(session.handle, kind.mechanism, whole)]

            (handle,) = self._objects.make(session, cka_id, generate)
            self.accept(session, cka_id, [(KeyClass.SECRET, handle, asked)])

        self._connection.run(Verb.GENERATE, make)
        return TokenKey(cka_id, KeyClass.SECRET, template.algorithm, template.length, kind.size)

    def pair(self, cka_id: bytes, template: KeyTemplate) -> tuple[TokenKey, bytes]:
        """Make a key pair and read it back; see `KeyStore.generate_key_pair`."""
        kind = templates.pair_kind(template, self._connection.settings.rsa_bits_min)
        if kind is None:
            raise MechanismUnavailable(f"no token key pair of {template.algorithm.name} with {template.length} bits")
        if self._connection.facts.pairs_in_step:
            template = templates.in_step(template)
        public, private = templates.public(kind, cka_id, template), templates.private(kind, cka_id, template)
        whole = templates.labelled(public, template.label), templates.labelled(private, template.label)

        def make(session: PooledSession) -> bytes:
            def generate() -> Sequence[int]:
                return self._connection.functions.generate_pair(session.handle, kind.mechanism, *whole)

            first, second = self._objects.make(session, cka_id, generate)
            parts = [(KeyClass.PUBLIC, first, public), (KeyClass.PRIVATE, second, private)]
            self.accept(session, cka_id, parts)
            return self.spki(session, first, kind.key_type, template)

        spki = self._connection.run(Verb.GENERATE, make)
        return TokenKey(cka_id, KeyClass.PRIVATE, template.algorithm, template.length), spki

    def accept(
        self, session: PooledSession, cka_id: bytes, parts: Sequence[tuple[KeyClass, int, templates.Attributes]]
    ) -> None:
        """Read back and remember, or remove all parts."""
        try:
            for _, handle, asked in parts:
                self._objects.check(session, handle, asked)
        except StoreDishonest:
            self._objects.remove(session, [handle for _, handle, _ in parts])
            raise
        for key_class, handle, _ in parts:
            self._objects.remember(cka_id, key_class, handle)

    def spki(self, session: PooledSession, handle: int, key_type: KeyType, template: KeyTemplate) -> bytes:
        """A public key object as SubjectPublicKeyInfo DER."""
        functions = self._connection.functions
        if key_type is KeyType.RSA:
            wanted = ((A.MODULUS, template.length // 8), (A.PUBLIC_EXPONENT, 8))
            modulus, exponent = functions.attributes(session.handle, handle, wanted)
            if not modulus or not exponent:
                raise StoreDishonest(
                    "the token does not tell the public key it made", store=self._connection.settings.name
                )
            if int.from_bytes(modulus, "big").bit_length() != template.length:
                raise StoreDishonest(
                    "the token made an RSA key of another length", store=self._connection.settings.name
                )
            return rsa_spki(modulus, exponent)
        (point,) = functions.attributes(session.handle, handle, ((A.EC_POINT, _POINT_ROOM),))
        return ec_spki(template.curve or RecommendedCurve.P_256, point or b"")
