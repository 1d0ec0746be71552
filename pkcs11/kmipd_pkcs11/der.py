"""The few DER structures between a token's attributes and the outside: public keys and ECDSA signatures."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kmipd.core.errors import StoreDishonest
from kmipd.spec.enumerations import RecommendedCurve

#: curve -> (CKA_EC_PARAMS: the DER of its object identifier, size in bits, curve)
CURVES: Final[dict[RecommendedCurve, tuple[bytes, int, ec.EllipticCurve]]] = {
    RecommendedCurve.P_256: (bytes.fromhex("06082a8648ce3d030107"), 256, ec.SECP256R1()),
    RecommendedCurve.P_384: (bytes.fromhex("06052b81040022"), 384, ec.SECP384R1()),
    RecommendedCurve.P_521: (bytes.fromhex("06052b81040023"), 521, ec.SECP521R1()),
}


def ecdsa_der(signature: bytes) -> bytes:
    """r and s, equally long, one after the other, as Ecdsa-Sig-Value (RFC 3279 §2.2.3)."""
    half, odd = divmod(len(signature), 2)
    if odd or not half:
        raise StoreDishonest(f"the token returned an ECDSA signature of {len(signature)} bytes")
    return encode_dss_signature(int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big"))


def rsa_spki(modulus: bytes, exponent: bytes) -> bytes:
    """SubjectPublicKeyInfo from CKA_MODULUS and CKA_PUBLIC_EXPONENT."""
    numbers = rsa.RSAPublicNumbers(int.from_bytes(exponent, "big"), int.from_bytes(modulus, "big"))
    return numbers.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def ec_spki(curve: RecommendedCurve, point: bytes) -> bytes:
    """SubjectPublicKeyInfo from CKA_EC_POINT: a DER OCTET STRING by the standard, the bare point on some tokens."""
    _, bits, named = CURVES[curve]
    key = ec.EllipticCurvePublicKey.from_encoded_point(named, point_of(point, bits))
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def point_of(value: bytes, bits: int) -> bytes:
    """The uncompressed point of a curve of so many bits in CKA_EC_POINT, with or without its OCTET STRING."""
    size = 1 + 2 * ((bits + 7) // 8)
    if len(value) < size or value[-size] != 4:
        raise StoreDishonest(f"the token returned an EC point of {len(value)} bytes for a curve of {bits} bits")
    return value[-size:]
