"""New key material: what a Create or a Re-key asks for, checked, and made in the token or beside it."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any

from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from kmipd.core.algorithms.curves import curve_for_length, curve_of
from kmipd.core.algorithms.errors import name_of, unsupported
from kmipd.core.algorithms.hashes import HMAC_HASH
from kmipd.core.errors import KmipError
from kmipd.core.model import AttributeSet
from kmipd.core.ports import KeyStore, KeyTemplate
from kmipd.spec.enumerations import CryptographicAlgorithm as CA
from kmipd.spec.enumerations import RecommendedCurve, ResultReason
from kmipd.spec.masks import CryptographicUsageMask
from kmipd.spec.tags import Tag

_BYTES = range(8, 4097, 8)  # any whole number of bytes up to 512
SECRET_LENGTHS = _BYTES
# Cryptographic Length by algorithm, bits. 3DES is counted without parity (168 = 24 bytes).
SYMMETRIC_LENGTHS: dict[CA, Container[int]] = {
    CA.AES: {128, 192, 256},
    CA.TRIPLE_DES: {112, 168, 192},
    CA.DES: {56, 64},
    CA.BLOWFISH: range(32, 449, 8),
    CA.CAMELLIA: {128, 192, 256},
    CA.CAST5: range(40, 129, 8),
    CA.IDEA: {128},
    CA.SEED: {128},
    CA.SM4: {128},
    CA.ARIA: {128, 192, 256},
    CA.RC2: range(8, 1025, 8),
    CA.RC4: range(40, 2049, 8),
    CA.RC5: range(8, 2041, 8),
    CA.TWOFISH: {128, 192, 256},
    CA.MARS: range(128, 449, 32),
    CA.SKIPJACK: {80},
    CA.CHACHA20: {128, 256},
    CA.CHACHA20_POLY1305: {256},
    CA.POLY1305: {256},
    CA.ONE_TIME_PAD: _BYTES,
    **dict.fromkeys(HMAC_HASH, _BYTES),
}
_WITH_PARITY = {(CA.TRIPLE_DES, 112): 16, (CA.TRIPLE_DES, 168): 24, (CA.DES, 56): 8}
RSA_BITS_MAX = 8192
_EDWARDS: dict[CA, Callable[[], Any]] = {
    CA.ED25519: ed25519.Ed25519PrivateKey.generate,
    CA.ED448: ed448.Ed448PrivateKey.generate,
}


def symmetric_template(wanted: AttributeSet, label: str) -> KeyTemplate:
    """From the attributes of a Create; Cryptographic Algorithm and Length are the client's to say."""
    algorithm, length = _stated(wanted)
    sizes = SYMMETRIC_LENGTHS.get(algorithm)
    if sizes is None:
        raise KmipError(ResultReason.INVALID_ATTRIBUTE_VALUE, f"{name_of(algorithm)} is not a symmetric algorithm")
    if length not in sizes:
        raise KmipError(ResultReason.INVALID_ATTRIBUTE_VALUE, f"{name_of(algorithm)} has no keys of {length} bits")
    return KeyTemplate(
        algorithm=algorithm,
        length=length,
        usage=wanted.get(Tag.CRYPTOGRAPHIC_USAGE_MASK, CryptographicUsageMask(0)),
        extractable=wanted.get(Tag.EXTRACTABLE, True),
        label=label,
    )


def _stated(wanted: AttributeSet) -> tuple[CA, int]:
    algorithm = wanted.get(Tag.CRYPTOGRAPHIC_ALGORITHM)
    length = wanted.get(Tag.CRYPTOGRAPHIC_LENGTH)
    if algorithm is None:
        raise KmipError(ResultReason.INVALID_ATTRIBUTE, "Cryptographic Algorithm is missing")
    if length is None:
        raise KmipError(ResultReason.INVALID_ATTRIBUTE, "Cryptographic Length is missing")
    return algorithm, length


def symmetric_material(store: KeyStore, template: KeyTemplate) -> bytes:
    """Random bytes for a key that is kept sealed, from the token that will seal it."""
    return store.random(material_size(template.algorithm, template.length))


def material_size(algorithm: CA | None, length: int) -> int:
    """Bytes of a symmetric key or secret of that Cryptographic Length."""
    return length // 8 if algorithm is None else _WITH_PARITY.get((algorithm, length), length // 8)


def pair_template(private: AttributeSet, public: AttributeSet, label: str, rsa_bits_min: int) -> KeyTemplate:
    algorithm = private.get(Tag.CRYPTOGRAPHIC_ALGORITHM, public.get(Tag.CRYPTOGRAPHIC_ALGORITHM))
    if algorithm is None:
        raise KmipError(ResultReason.INVALID_ATTRIBUTE, "Cryptographic Algorithm is missing")
    length = private.get(Tag.CRYPTOGRAPHIC_LENGTH, public.get(Tag.CRYPTOGRAPHIC_LENGTH))
    curve = _curve(algorithm, length, private, public)
    if curve is not None:
        length = curve_of(curve).key_size
    elif algorithm in _EDWARDS:
        length = 256 if algorithm is CA.ED25519 else 448
    elif algorithm is not CA.RSA:
        raise KmipError(ResultReason.INVALID_ATTRIBUTE_VALUE, f"{name_of(algorithm)} key pairs are not made here")
    elif length is None or length not in range(rsa_bits_min, RSA_BITS_MAX + 1, 8):
        raise KmipError(
            ResultReason.INVALID_ATTRIBUTE_VALUE,
            f"RSA keys of {length} bits are not made here ({rsa_bits_min} to {RSA_BITS_MAX})",
        )
    return KeyTemplate(
        algorithm=algorithm,
        length=length,
        curve=curve,
        usage=private.get(Tag.CRYPTOGRAPHIC_USAGE_MASK, CryptographicUsageMask(0)),
        public_usage=public.get(Tag.CRYPTOGRAPHIC_USAGE_MASK, CryptographicUsageMask(0)),
        extractable=private.get(Tag.EXTRACTABLE, True),
        label=label,
    )


def _curve(algorithm: CA, length: int | None, private: AttributeSet, public: AttributeSet) -> RecommendedCurve | None:
    if algorithm not in (CA.EC, CA.ECDSA, CA.ECDH, CA.ECMQV):
        return None
    for attributes in (private, public):
        domain = attributes.get(Tag.CRYPTOGRAPHIC_DOMAIN_PARAMETERS)
        if domain is not None and domain.recommended_curve is not None:
            return RecommendedCurve(domain.recommended_curve)
    curve = curve_for_length(length) if length is not None else None
    if curve is None:
        raise KmipError(ResultReason.INVALID_ATTRIBUTE, "an EC key needs a Recommended Curve or a NIST curve's length")
    return curve


def pair_material(template: KeyTemplate) -> tuple[bytes, bytes]:
    """PKCS#8 and SubjectPublicKeyInfo DER of a new pair made in software."""
    key: Any
    if template.algorithm is CA.RSA:
        key = rsa.generate_private_key(65537, template.length)
    elif template.algorithm in _EDWARDS:
        key = _EDWARDS[template.algorithm]()
    elif template.curve is not None:
        key = ec.generate_private_key(curve_of(template.curve))
    else:
        raise unsupported(f"a key pair of {name_of(template.algorithm)}")
    private = key.private_bytes(ser.Encoding.DER, ser.PrivateFormat.PKCS8, ser.NoEncryption())
    return private, key.public_key().public_bytes(ser.Encoding.DER, ser.PublicFormat.SubjectPublicKeyInfo)
