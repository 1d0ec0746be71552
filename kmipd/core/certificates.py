"""What a certificate says of itself, as attributes (KMIP 1.4, 3.8 to 3.16)."""

from __future__ import annotations

from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.x509.oid import NameOID

from kmipd.core.errors import KmipError
from kmipd.spec import objects as o
from kmipd.spec.attributes import (
    CertificateIdentifier,
    CertificateIssuer,
    CertificateSubject,
    X509CertificateIdentifier,
    X509CertificateIssuer,
    X509CertificateSubject,
)
from kmipd.spec.enumerations import CertificateType, KeyFormatType, ResultReason
from kmipd.spec.enumerations import CryptographicAlgorithm as CA
from kmipd.spec.enumerations import DigitalSignatureAlgorithm as D
from kmipd.spec.tags import Tag

_SIGNATURES = {
    "md5WithRSAEncryption": D.MD5_WITH_RSA_ENCRYPTION,
    "sha1WithRSAEncryption": D.SHA_1_WITH_RSA_ENCRYPTION,
    "sha224WithRSAEncryption": D.SHA_224_WITH_RSA_ENCRYPTION,
    "sha256WithRSAEncryption": D.SHA_256_WITH_RSA_ENCRYPTION,
    "sha384WithRSAEncryption": D.SHA_384_WITH_RSA_ENCRYPTION,
    "sha512WithRSAEncryption": D.SHA_512_WITH_RSA_ENCRYPTION,
    "RSASSA-PSS": D.RSASSA_PSS,
    "ecdsa-with-SHA1": D.ECDSA_WITH_SHA_1,
    "ecdsa-with-SHA224": D.ECDSA_WITH_SHA_224,
    "ecdsa-with-SHA256": D.ECDSA_WITH_SHA_256,
    "ecdsa-with-SHA384": D.ECDSA_WITH_SHA_384,
    "ecdsa-with-SHA512": D.ECDSA_WITH_SHA_512,
}

_NAME_FIELDS = {
    "CN": NameOID.COMMON_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "EMAIL": NameOID.EMAIL_ADDRESS,
    "C": NameOID.COUNTRY_NAME,
    "ST": NameOID.STATE_OR_PROVINCE_NAME,
    "L": NameOID.LOCALITY_NAME,
    "UID": NameOID.USER_ID,
    "SERIAL_NUMBER": NameOID.SERIAL_NUMBER,
    "TITLE": NameOID.TITLE,
    "DC": NameOID.DOMAIN_COMPONENT,
    "DN_QUALIFIER": NameOID.DN_QUALIFIER,
}


def certificate_attributes(certificate: o.Certificate) -> dict[Tag, Any]:
    """Facts of an X.509 certificate; only type and length of one that cannot be read (PGP, or broken)."""
    facts: dict[Tag, Any] = {
        Tag.CERTIFICATE_TYPE: certificate.certificate_type,
        Tag.CERTIFICATE_LENGTH: len(certificate.certificate_value),
        Tag.KEY_FORMAT_TYPE: KeyFormatType.X_509,
    }
    if certificate.certificate_type is not CertificateType.X_509:
        return facts
    try:
        parsed = x509.load_der_x509_certificate(certificate.certificate_value)
        facts |= _names(parsed) | public_key_attributes(parsed.public_key())
    except (ValueError, UnsupportedAlgorithm):
        raise KmipError(ResultReason.INVALID_FIELD, "Certificate Value is not an X.509 certificate in DER") from None
    return facts


def _names(parsed: x509.Certificate) -> dict[Tag, Any]:
    subject, issuer = parsed.subject.public_bytes(), parsed.issuer.public_bytes()
    serial = parsed.serial_number
    number = serial.to_bytes(serial.bit_length() // 8 + 1, "big", signed=True)
    der_serial = bytes([0x02, len(number)]) + number  # an INTEGER of at most 20 octets (RFC 5280, 4.1.2.2)
    found: dict[Tag, Any] = {
        Tag.X_509_CERTIFICATE_IDENTIFIER: X509CertificateIdentifier(
            issuer_distinguished_name=issuer, certificate_serial_number=der_serial
        ),
        Tag.X_509_CERTIFICATE_SUBJECT: X509CertificateSubject(
            subject_distinguished_name=subject, subject_alternative_name=_alternatives(parsed)
        ),
        Tag.X_509_CERTIFICATE_ISSUER: X509CertificateIssuer(issuer_distinguished_name=issuer),
        Tag.CERTIFICATE_IDENTIFIER: CertificateIdentifier(
            issuer=parsed.issuer.rfc4514_string(), serial_number=f"{serial:X}"
        ),
        Tag.CERTIFICATE_SUBJECT: CertificateSubject(
            certificate_subject_distinguished_name=parsed.subject.rfc4514_string()
        ),
        Tag.CERTIFICATE_ISSUER: CertificateIssuer(certificate_issuer_distinguished_name=parsed.issuer.rfc4514_string()),
    }
    found |= _fields("SUBJECT", parsed.subject) | _fields("ISSUER", parsed.issuer)
    algorithm = _SIGNATURES.get(parsed.signature_algorithm_oid._name)
    if algorithm is not None:
        found[Tag.DIGITAL_SIGNATURE_ALGORITHM] = algorithm
    return found


def _fields(prefix: str, name: x509.Name) -> dict[Tag, Any]:
    """The parts of a distinguished name, each an attribute of its own (2.1, 4.6); several values where there are."""
    found: dict[Tag, Any] = {}
    for field, oid in _NAME_FIELDS.items():
        values = tuple(str(part.value) for part in name.get_attributes_for_oid(oid))
        if values:
            found[Tag[f"CERTIFICATE_{prefix}_{field}"]] = values
    return found


def _alternatives(parsed: x509.Certificate) -> tuple[bytes, ...]:
    try:
        names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        return ()
    return (names.value.public_bytes(),)


def public_key_attributes(key: object) -> dict[Tag, Any]:
    """Algorithm and length of a public key of `cryptography`; nothing of a kind that has no name in KMIP."""
    match key:
        case rsa.RSAPublicKey():
            return {Tag.CRYPTOGRAPHIC_ALGORITHM: CA.RSA, Tag.CRYPTOGRAPHIC_LENGTH: key.key_size}
        case ec.EllipticCurvePublicKey():
            return {Tag.CRYPTOGRAPHIC_ALGORITHM: CA.EC, Tag.CRYPTOGRAPHIC_LENGTH: key.key_size}
        case dsa.DSAPublicKey():
            return {Tag.CRYPTOGRAPHIC_ALGORITHM: CA.DSA, Tag.CRYPTOGRAPHIC_LENGTH: key.key_size}
        case ed25519.Ed25519PublicKey():
            return {Tag.CRYPTOGRAPHIC_ALGORITHM: CA.ED25519, Tag.CRYPTOGRAPHIC_LENGTH: 256}
        case ed448.Ed448PublicKey():
            return {Tag.CRYPTOGRAPHIC_ALGORITHM: CA.ED448, Tag.CRYPTOGRAPHIC_LENGTH: 448}
        case _:
            return {}
