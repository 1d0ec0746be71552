"""Key formats: what the standard calls them, what `cryptography` makes of them (KMIP 1.4, 2.1.7 and 9.1.3.2.3).

In between stands the canonical material: raw bytes of a symmetric key or secret, PKCS#8 DER of a private key,
SubjectPublicKeyInfo DER of a public one. A registered key is given back as it came; only a request for another format
goes through here, so that odd keys (DSA-512, 128 bytes called "AES 256") survive.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.x509 import load_der_x509_certificate

from kmipd.core.algorithms.curves import curve_of, recommended_curve
from kmipd.core.errors import KmipError
from kmipd.spec import objects as o
from kmipd.spec.enumerations import CryptographicAlgorithm as CA
from kmipd.spec.enumerations import KeyFormatType as F
from kmipd.spec.enumerations import ObjectType, ResultReason

_DER, _PEMLESS = ser.Encoding.DER, ser.NoEncryption()
SYMMETRIC_FORMATS = frozenset({F.RAW, F.OPAQUE, F.TRANSPARENT_SYMMETRIC_KEY})
_EC_PRIVATE = (F.TRANSPARENT_EC_PRIVATE_KEY, F.TRANSPARENT_ECDSA_PRIVATE_KEY, F.TRANSPARENT_ECDH_PRIVATE_KEY)
_EC_PUBLIC = (F.TRANSPARENT_EC_PUBLIC_KEY, F.TRANSPARENT_ECDSA_PUBLIC_KEY, F.TRANSPARENT_ECDH_PUBLIC_KEY)


def unsupported(key_format: F, what: str) -> KmipError:
    name = getattr(key_format, "name", key_format)
    return KmipError(ResultReason.KEY_FORMAT_TYPE_NOT_SUPPORTED, f"{what} cannot be given as {name}")


def default_format(object_type: ObjectType, algorithm: CA | None) -> F:
    """The Key Format Type of generated objects (KMIP 2.1, table 81); EC keys in the forms every client reads."""
    if object_type is ObjectType.PRIVATE_KEY:
        return F.PKCS_1 if algorithm is CA.RSA else F.PKCS_8
    if object_type is ObjectType.PUBLIC_KEY:
        return F.PKCS_1 if algorithm is CA.RSA else F.X_509
    if object_type is ObjectType.CERTIFICATE:
        return F.X_509
    if object_type is ObjectType.OPAQUE_OBJECT:
        return F.OPAQUE
    return F.RAW


# To canonical ------------------------------------------------------------------------------------------------


def canonical(obj: o.ManagedObject) -> bytes:
    """Canonical material of a key that is not wrapped; KmipError when its format cannot be read."""
    if isinstance(obj, o.Certificate):
        certificate = load_der_x509_certificate(obj.certificate_value)
        return certificate.public_key().public_bytes(_DER, ser.PublicFormat.SubjectPublicKeyInfo)
    if isinstance(obj, o.OpaqueObject):
        return obj.opaque_data_value
    block = getattr(obj, "key_block", None)
    if block is None or not isinstance(block.key_value, o.KeyValue):
        raise KmipError(ResultReason.KEY_VALUE_NOT_PRESENT, "the object's key value is wrapped or not here")
    material = block.key_value.key_material
    try:
        if isinstance(obj, o.PrivateKey):
            return _private_to_der(block.key_format_type, material)
        if isinstance(obj, o.PublicKey):
            return _public_to_der(block.key_format_type, material)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KmipError(ResultReason.INVALID_FIELD, "the key material is not what its Key Format Type says") from None
    if isinstance(material, o.TransparentSymmetricKey):
        return material.key
    if isinstance(material, bytes):
        return material
    raise unsupported(block.key_format_type, "this object")


def _private_to_der(key_format: F, material: Any) -> bytes:
    if key_format is F.PKCS_8 and isinstance(material, bytes):
        return material
    key: Any
    if key_format in (F.PKCS_1, F.EC_PRIVATE_KEY, F.RAW) and isinstance(material, bytes):
        key = ser.load_der_private_key(material, None, unsafe_skip_rsa_key_validation=True)
    elif isinstance(material, o.TransparentRSAPrivateKey):
        key = _rsa_private(material)
    elif isinstance(material, o.TransparentECPrivateKey):
        key = ec.derive_private_key(material.d, curve_of(material.recommended_curve))
    elif isinstance(material, o.TransparentDSAPrivateKey):
        numbers = dsa.DSAParameterNumbers(material.p, material.q, material.g)
        public = dsa.DSAPublicNumbers(pow(material.g, material.x, material.p), numbers)
        key = dsa.DSAPrivateNumbers(material.x, public).private_key()
    else:
        raise unsupported(key_format, "a private key")
    return bytes(key.private_bytes(_DER, ser.PrivateFormat.PKCS8, _PEMLESS))


def _rsa_private(m: o.TransparentRSAPrivateKey) -> rsa.RSAPrivateKey:
    """The standard leaves open which numbers come along; what is missing follows from the rest."""
    if m.private_exponent is None or m.public_exponent is None:
        raise ValueError("neither exponent can be missing")
    n, d, e = m.modulus, m.private_exponent, m.public_exponent
    p, q = (m.p, m.q) if m.p is not None and m.q is not None else rsa.rsa_recover_prime_factors(n, e, d)
    numbers = rsa.RSAPrivateNumbers(
        p=p,
        q=q,
        d=d,
        dmp1=m.prime_exponent_p if m.prime_exponent_p is not None else rsa.rsa_crt_dmp1(d, p),
        dmq1=m.prime_exponent_q if m.prime_exponent_q is not None else rsa.rsa_crt_dmq1(d, q),
        iqmp=m.crt_coefficient if m.crt_coefficient is not None else rsa.rsa_crt_iqmp(p, q),
        public_numbers=rsa.RSAPublicNumbers(e, n),
    )
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


def _public_to_der(key_format: F, material: Any) -> bytes:
    if key_format is F.X_509 and isinstance(material, bytes):
        return material
    key: Any
    if key_format in (F.PKCS_1, F.RAW, F.PKCS_8) and isinstance(material, bytes):
        key = ser.load_der_public_key(material)
    elif isinstance(material, o.TransparentRSAPublicKey):
        key = rsa.RSAPublicNumbers(material.public_exponent, material.modulus).public_key()
    elif isinstance(material, o.TransparentECPublicKey):
        key = ec.EllipticCurvePublicKey.from_encoded_point(curve_of(material.recommended_curve), material.q_string)
    elif isinstance(material, o.TransparentDSAPublicKey):
        parameters = dsa.DSAParameterNumbers(material.p, material.q, material.g)
        key = dsa.DSAPublicNumbers(material.y, parameters).public_key()
    else:
        raise unsupported(key_format, "a public key")
    return bytes(key.public_bytes(_DER, ser.PublicFormat.SubjectPublicKeyInfo))


# From canonical ----------------------------------------------------------------------------------------------


def symmetric(key_format: F, material: bytes) -> bytes | o.TransparentKey:
    if key_format in (F.RAW, F.OPAQUE):
        return material
    if key_format is F.TRANSPARENT_SYMMETRIC_KEY:
        return o.TransparentSymmetricKey(key=material)
    raise unsupported(key_format, "a symmetric key")


def loaded_private(der: bytes) -> Any:
    """A private key of `cryptography` from PKCS#8."""
    return ser.load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)


def private(key_format: F, der: bytes) -> bytes | o.TransparentKey:
    if key_format is F.PKCS_8:
        return der
    key = loaded_private(der)
    if isinstance(key, rsa.RSAPrivateKey) and key_format in (F.PKCS_1, F.TRANSPARENT_RSA_PRIVATE_KEY):
        if key_format is F.PKCS_1:
            return key.private_bytes(_DER, ser.PrivateFormat.TraditionalOpenSSL, _PEMLESS)
        n = key.private_numbers()
        return o.TransparentRSAPrivateKey(
            modulus=n.public_numbers.n,
            private_exponent=n.d,
            public_exponent=n.public_numbers.e,
            p=n.p,
            q=n.q,
            prime_exponent_p=n.dmp1,
            prime_exponent_q=n.dmq1,
            crt_coefficient=n.iqmp,
        )
    if isinstance(key, ec.EllipticCurvePrivateKey):
        if key_format is F.EC_PRIVATE_KEY:
            return key.private_bytes(_DER, ser.PrivateFormat.TraditionalOpenSSL, _PEMLESS)
        if key_format in _EC_PRIVATE:
            d = key.private_numbers().private_value
            return o.TransparentECPrivateKey(recommended_curve=recommended_curve(key.curve), d=d)
    if isinstance(key, dsa.DSAPrivateKey) and key_format is F.TRANSPARENT_DSA_PRIVATE_KEY:
        numbers = key.private_numbers()
        parameters = numbers.public_numbers.parameter_numbers
        return o.TransparentDSAPrivateKey(p=parameters.p, q=parameters.q, g=parameters.g, x=numbers.x)
    raise unsupported(key_format, "this private key")


def public(key_format: F, der: bytes) -> bytes | o.TransparentKey:
    if key_format is F.X_509:
        return der
    key = ser.load_der_public_key(der)
    if isinstance(key, rsa.RSAPublicKey):
        if key_format is F.PKCS_1:
            return key.public_bytes(_DER, ser.PublicFormat.PKCS1)
        if key_format is F.TRANSPARENT_RSA_PUBLIC_KEY:
            n = key.public_numbers()
            return o.TransparentRSAPublicKey(modulus=n.n, public_exponent=n.e)
    if isinstance(key, ec.EllipticCurvePublicKey) and key_format in _EC_PUBLIC:
        point = key.public_bytes(ser.Encoding.X962, ser.PublicFormat.UncompressedPoint)
        return o.TransparentECPublicKey(recommended_curve=recommended_curve(key.curve), q_string=point)
    if isinstance(key, dsa.DSAPublicKey) and key_format is F.TRANSPARENT_DSA_PUBLIC_KEY:
        numbers = key.public_numbers()
        p = numbers.parameter_numbers
        return o.TransparentDSAPublicKey(p=p.p, q=p.q, g=p.g, y=numbers.y)
    raise unsupported(key_format, "this public key")


_MAKE: dict[ObjectType, Callable[[F, bytes], bytes | o.TransparentKey]] = {
    ObjectType.PRIVATE_KEY: private,
    ObjectType.PUBLIC_KEY: public,
}


def material_in(object_type: ObjectType, key_format: F, material: bytes) -> bytes | o.TransparentKey:
    """Canonical material in the format asked for."""
    try:
        return _MAKE.get(object_type, symmetric)(key_format, material)
    except (ValueError, UnsupportedAlgorithm):
        raise unsupported(key_format, "this key") from None
