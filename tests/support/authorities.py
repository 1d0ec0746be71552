"""Authorities of a group: a private key that signs certificates, linked to its own certificate."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.name import _ASN1Type

from kmipd.spec import objects as o
from kmipd.spec.attributes import Link
from kmipd.spec.enumerations import CertificateType, CryptographicAlgorithm, KeyFormatType, LinkType, ObjectType
from kmipd.spec.masks import CryptographicUsageMask
from kmipd.spec.tags import Tag
from tests.support.asking import Asks, block, name, register

NAME = "authority"
#: As the test cases name it.
DISTINGUISHED_NAME = x509.Name(
    [
        x509.NameAttribute(oid, value, _ASN1Type.PrintableString)
        for oid, value in (
            (x509.NameOID.COUNTRY_NAME, "US"),
            (x509.NameOID.ORGANIZATION_NAME, "TEST"),
            (x509.NameOID.ORGANIZATIONAL_UNIT_NAME, "OASIS"),
            (x509.NameOID.COMMON_NAME, "KMIP"),
        )
    ]
)


def certificate(
    key: Any, now: int, *, subject: x509.Name = DISTINGUISHED_NAME, ca: bool = True, days: int = 3650
) -> x509.Certificate:
    """Of an authority, signed by itself."""
    begin = dt.datetime.fromtimestamp(now, dt.UTC) - dt.timedelta(days=1)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(begin).not_valid_after(begin + dt.timedelta(days=days))
    builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    return builder.sign(key, hashes.SHA256())


def structure(made: x509.Certificate) -> o.Certificate:
    der = made.public_bytes(ser.Encoding.DER)
    return o.Certificate(certificate_type=CertificateType.X_509, certificate_value=der)


def linked(uid: str, link_type: LinkType = LinkType.CERTIFICATE_LINK) -> tuple[Tag, Link]:
    return Tag.LINK, Link(link_type=link_type, linked_object_identifier=uid)


def register_authority(client: Asks, now: int | None = None, key: Any = None, **options: Any) -> tuple[str, str]:
    """The identifiers of its private key, which is Active, and its certificate."""
    now = int(time.time()) if now is None else now
    key = key or rsa.generate_private_key(65537, 2048)
    certified = register(client, ObjectType.CERTIFICATE, structure(certificate(key, now, **options)))
    der = key.private_bytes(ser.Encoding.DER, ser.PrivateFormat.PKCS8, ser.NoEncryption())
    algorithm = CryptographicAlgorithm.RSA if isinstance(key, rsa.RSAPrivateKey) else CryptographicAlgorithm.EC
    private = register(
        client,
        ObjectType.PRIVATE_KEY,
        o.PrivateKey(key_block=block(der, KeyFormatType.PKCS_8, algorithm, key.key_size)),
        (Tag.CRYPTOGRAPHIC_USAGE_MASK, CryptographicUsageMask.CERTIFICATE_SIGN),
        (Tag.ACTIVATION_DATE, now),
        (Tag.NAME, name(NAME)),
        linked(certified),
    )
    return private, certified
