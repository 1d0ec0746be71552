"""Session keys whose value we know: to release keys under, and to check answers with.

The plain way is C_CreateObject with a value of ours. Tokens in FIPS mode refuse that for secret keys. There the token
and we agree on a value instead (ECDH, P-256): the token makes a key pair for the occasion and derives an AES key from
it and a public key of ours; we compute the same from our private key and the token's public one. Nothing is imported,
and the value is never on the wire. It costs some 0.6 ms where C_CreateObject takes 0.03, which matters little for a
key that serves many releases.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pkcs11.constants import Attribute as A
from pkcs11.constants import ObjectClass
from pkcs11.mechanisms import KeyType, Mechanism

from kmipd.core.errors import StoreDishonest
from kmipd_pkcs11.der import point_of
from kmipd_pkcs11.raw import FALSE, TRUE, Functions, Template, flag, ulong
from kmipd_pkcs11.structures import ECDHParameters

P256: Final = bytes.fromhex("06082a8648ce3d030107")
_BYTES: Final = 32  # of an agreed key: the whole of the x coordinate
_POINT_ROOM: Final = 80  # an uncompressed P-256 point in its OCTET STRING takes 67
_USES: Final = (A.ENCRYPT, A.DECRYPT, A.SIGN, A.VERIFY, A.WRAP, A.UNWRAP)


class KeySource(Enum):
    """How a key of known value comes to be in a token, in the order of preference. Above zero it is a CKD_*."""

    IMPORTED = 0
    AGREED = 1  # CKD_NULL
    AGREED_SHA256 = 6  # CKD_SHA256_KDF: SP 800-56A wants a key derivation function


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A session key, and its value to be overwritten by whoever asked for it."""

    handle: int
    value: bytearray


def template(key_type: KeyType, *may: A, extractable: bool = False) -> list[tuple[int, bytes]]:
    """A sensitive session key that may do what is listed."""
    return [
        (A.CLASS, ulong(ObjectClass.SECRET_KEY)),
        (A.KEY_TYPE, ulong(key_type)),
        (A.TOKEN, FALSE),
        (A.PRIVATE, TRUE),
        (A.SENSITIVE, TRUE),
        (A.EXTRACTABLE, flag(extractable)),
        *((use, flag(use in may)) for use in _USES),
    ]


def make(functions: Functions, session: int, source: KeySource, wanted: Template, value: bytes) -> KnownKey:
    """A session key; of this value if it can be chosen, else of one that is agreed on (AES-256 then). CallFailed."""
    if source is KeySource.IMPORTED:
        return KnownKey(functions.create(session, [*wanted, (A.VALUE, value)]), bytearray(value))
    public, private = generate_pair(functions, session, Mechanism.EC_KEY_PAIR_GEN, (A.EC_PARAMS, P256), A.DERIVE)
    try:
        ours = ec.generate_private_key(ec.SECP256R1())
        point = ours.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        shared = ours.exchange(ec.ECDH(), public_point(functions, session, public))
        parameters = ECDHParameters(source.value, 0, None, len(point), point)
        handle = functions.derive(
            session, Mechanism.ECDH1_DERIVE, parameters, private, [*wanted, (A.VALUE_LEN, ulong(_BYTES))]
        )
        return KnownKey(handle, bytearray(shared if source is KeySource.AGREED else _derived(shared)))
    finally:
        for one in (public, private):
            functions.code("C_DestroyObject", session, one)


def generate_pair(
    functions: Functions, session: int, mechanism: Mechanism, parameter: tuple[int, bytes], *may: A
) -> tuple[int, int]:
    """A session key pair whose private key may do what is listed; the handles of the public and the private key."""
    opposite = {A.SIGN: A.VERIFY, A.DECRYPT: A.ENCRYPT}
    key_type = KeyType.EC if mechanism is Mechanism.EC_KEY_PAIR_GEN else KeyType.RSA
    kind = [(A.KEY_TYPE, ulong(key_type)), (A.TOKEN, FALSE)]
    public = [(A.CLASS, ulong(ObjectClass.PUBLIC_KEY)), *kind, (A.PRIVATE, FALSE), parameter]
    private = [(A.CLASS, ulong(ObjectClass.PRIVATE_KEY)), *kind, (A.PRIVATE, TRUE), (A.SENSITIVE, TRUE)]
    return functions.generate_pair(
        session,
        mechanism,
        [*public, *((opposite[use], TRUE) for use in may if use in opposite)],
        [*private, (A.EXTRACTABLE, FALSE), *((use, TRUE) for use in may)],
    )


def public_point(functions: Functions, session: int, handle: int) -> ec.EllipticCurvePublicKey:
    """The public key of P-256 behind a handle. StoreDishonest when it is none."""
    (found,) = functions.attributes(session, handle, ((A.EC_POINT, _POINT_ROOM),))
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point_of(found or b"", 256))
    except ValueError:
        raise StoreDishonest("the token made a public key that is no point of P-256") from None


def _derived(shared: bytes) -> bytes:
    return X963KDF(hashes.SHA256(), _BYTES, None).derive(shared)
