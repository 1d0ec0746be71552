"""The cloning ceremony: how a token comes by the transport key of a group.

The newcomer makes an RSA key pair whose private half never leaves it. A member of the group makes a new transport key,
wraps it for the newcomer's public key (RSA-OAEP), and for the members there are under the transport key that they
share. The public key is what must not be exchanged on the way: its fingerprint is compared by people.

The new key exists as an extractable session object for these few calls only; every token then holds it as an object
that wraps and unwraps, never leaves and is never modified.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pkcs11.constants import Attribute as A
from pkcs11.constants import ObjectClass
from pkcs11.mechanisms import MGF, KeyType, Mechanism

from kmipd.core.errors import MechanismUnavailable
from kmipd.core.ports import KeyClass, KeyTemplate
from kmipd.spec.enumerations import CryptographicAlgorithm
from kmipd_pkcs11 import templates
from kmipd_pkcs11.codes import CKR
from kmipd_pkcs11.connection import Connection
from kmipd_pkcs11.errors import CallFailed, Verb
from kmipd_pkcs11.generation import Generator
from kmipd_pkcs11.objects import Objects
from kmipd_pkcs11.proofs import Proofs
from kmipd_pkcs11.raw import FALSE, TRUE, ulong
from kmipd_pkcs11.release import OVERHEAD, SECRET_ROOM
from kmipd_pkcs11.sessions import PooledSession
from kmipd_pkcs11.templates import Attributes
from kmipd_pkcs11.transport import Parcel, changed, transport_template, unlabelled

CEREMONY_LABEL: Final = "kmipd-ceremony-key"
TRANSPORT_LABEL: Final = "kmipd-transport-key"
RSA_BITS: Final = 3072  # of the newcomer's key: as strong as what it carries may need (SP 800-57, 128 bits)
_NO: Final = (CKR.ARGUMENTS_BAD, CKR.MECHANISM_PARAM_INVALID, CKR.MECHANISM_INVALID, CKR.FUNCTION_NOT_SUPPORTED)
#: CK_RSA_PKCS_OAEP_PARAMS without a label, strongest first; SoftHSM2 has SHA-1 only, which OAEP is not weakened by.
OAEP: Final = tuple(
    struct.pack("@LLLPL", hash_, mask, 1, 0, 0)
    for hash_, mask in ((Mechanism.SHA256, MGF.SHA256), (Mechanism.SHA_1, MGF.SHA1))
)


def fingerprint(spki: bytes) -> str:
    """SHA-256 of the SubjectPublicKeyInfo, in groups that can be read out: `1a2b-…`."""
    digest = hashlib.sha256(spki).hexdigest()
    return "-".join(digest[at : at + 8] for at in range(0, len(digest), 8))


@dataclass(frozen=True, slots=True)
class Bequest:
    """A new transport key, on its way: for the newcomer, and for members that share the old one."""

    oaep: int  # which of `OAEP` was used
    for_newcomer: bytes = field(repr=False)
    for_members: Parcel | None


class Ceremony:
    """What one token does in it."""

    def __init__(self, connection: Connection, objects: Objects, generator: Generator, proofs: Proofs) -> None:
        self._connection = connection
        self._objects = objects
        self._generator = generator
        self._proofs = proofs

    def begin(self, cka_id: bytes) -> bytes:
        """As newcomer: a key pair that can unwrap and nothing else; its public half, SubjectPublicKeyInfo DER."""
        template = KeyTemplate(
            algorithm=CryptographicAlgorithm.RSA,
            length=RSA_BITS,
            usage=templates.M.UNWRAP_KEY,
            public_usage=templates.M.WRAP_KEY,
            extractable=False,
            label=CEREMONY_LABEL,
        )
        return self._generator.pair(cka_id, template)[1]

    def bequeath(self, new: bytes, old: bytes, spki: bytes) -> Bequest:
        """As member: make the transport key `new` and keep it, and wrap it for the newcomer and, if there is an `old`
        one, for those that hold that."""
        public = load_der_public_key(spki)
        if not isinstance(public, rsa.RSAPublicKey):
            raise MechanismUnavailable("the newcomer's key is no RSA key")
        numbers = public.public_numbers()

        def work(session: PooledSession) -> Bequest:
            functions = self._connection.functions
            final = transport_template(new, TRANSPORT_LABEL)
            born = [*changed(final, {A.TOKEN: FALSE, A.EXTRACTABLE: TRUE}), (A.VALUE_LEN, ulong(32))]
            key = functions.generate(session.handle, Mechanism.AES_KEY_GEN, born)
            with functions.passing(session.handle, key):
                carrier = functions.generate(session.handle, Mechanism.AES_KEY_GEN, born)
                with functions.passing(session.handle, carrier):
                    self._keep(session, new, key, carrier)
                parcel = self._wrapped_under(session, old, key, final) if old else None
                return Bequest(*self._wrapped_for(session, key, numbers), parcel)

        return self._connection.run(Verb.GENERATE, work)

    def _keep(self, session: PooledSession, new: bytes, key: int, carrier: int) -> None:
        """A session key as the token object that the others get too: wrapped and unwrapped here, by a passing key."""
        functions, way = self._connection.functions, self._proofs.wrap_way(session)
        wrapped = functions.wrap(session.handle, way.mechanism, carrier, key, SECRET_ROOM + OVERHEAD)
        self._take(session, new, lambda final: functions.unwrap(session.handle, way.mechanism, carrier, wrapped, final))

    def _wrapped_under(self, session: PooledSession, old: bytes, key: int, final: Attributes) -> Parcel:
        way = self._proofs.wrap_way(session)
        holder = self._objects.handle(session, old, KeyClass.SECRET)
        room = SECRET_ROOM + OVERHEAD
        wrapped = self._connection.functions.wrap(session.handle, way.mechanism, holder, key, room)
        return Parcel(KeyClass.SECRET, way.kind, wrapped, tuple(final))

    def _take(self, session: PooledSession, new: bytes, unwrap: Callable[[Attributes], int]) -> None:
        """Make the transport key and read it back."""
        final = transport_template(new, TRANSPORT_LABEL)
        (kept,) = self._objects.make(session, new, lambda: [unwrap(final)])
        self._generator.accept(session, new, [(KeyClass.SECRET, kept, unlabelled(final))])

    def _wrapped_for(self, session: PooledSession, key: int, numbers: rsa.RSAPublicNumbers) -> tuple[int, bytes]:
        functions = self._connection.functions
        public = functions.create(
            session.handle,
            [
                (A.CLASS, ulong(ObjectClass.PUBLIC_KEY)),
                (A.KEY_TYPE, ulong(KeyType.RSA)),
                (A.TOKEN, FALSE),
                (A.PRIVATE, FALSE),
                (A.WRAP, TRUE),
                (A.MODULUS, numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")),
                (A.PUBLIC_EXPONENT, numbers.e.to_bytes(3, "big")),
            ],
        )
        arguments = (session.handle, Mechanism.RSA_PKCS_OAEP, public, key, RSA_BITS // 8)
        with functions.passing(session.handle, public):
            for index, parameter in enumerate(OAEP):
                try:
                    return index, functions.wrap(*arguments, parameter=parameter)
                except CallFailed as error:
                    if error.code not in _NO:
                        raise
        raise MechanismUnavailable("the token cannot wrap with RSA-OAEP: it cannot take part in a ceremony")

    def inherit(self, new: bytes, ceremony_key: bytes, bequest: Bequest) -> None:
        """As newcomer: unwrap the transport key and keep it."""

        def work(session: PooledSession) -> None:
            functions = self._connection.functions
            private = self._objects.handle(session, ceremony_key, KeyClass.PRIVATE)
            parameter = OAEP[bequest.oaep]

            def unwrap(final: Attributes) -> int:
                arguments = (session.handle, Mechanism.RSA_PKCS_OAEP, private, bequest.for_newcomer, final)
                return functions.unwrap(*arguments, parameter=parameter)

            self._take(session, new, unwrap)

        self._connection.run(Verb.GENERATE, work)
