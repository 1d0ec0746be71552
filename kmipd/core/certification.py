"""Issuing certificates (KMIP 1.4, 4.7 and 4.8): a managed private key of the group signs, if the settings name one.

The authority is the private key whose Name the settings give: Active, with Certificate Sign in its mask, linked to its
own certificate. A group that has no such key issues nothing. Certificates for authorities are never issued.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from kmipd.core import usage, vault
from kmipd.core.algorithms import signatures
from kmipd.core.errors import KmipError
from kmipd.core.lifecycle import DESTROYED, effective_state
from kmipd.core.model import AttributeSet, ManagedObject
from kmipd.core.registry_port import Filter, LocateQuery, Match
from kmipd.core.services import Context
from kmipd.core.signing_keys import signing_key
from kmipd.spec import objects as o
from kmipd.spec.attributes import Name
from kmipd.spec.enumerations import (
    CertificateRequestType,
    CertificateType,
    LinkType,
    NameType,
    ObjectType,
    ResultReason,
    State,
)
from kmipd.spec.masks import CryptographicUsageMask as Mask
from kmipd.spec.tags import Tag

REQUEST_SIZE_MAX = 64 * 1024  # bytes; a signing request has one or two thousand
BACKDATE = dt.timedelta(minutes=5)  # clocks differ
_LAST = 253_402_300_799  # the last second of the year 9999
_RETIRED = DESTROYED | {State.DEACTIVATED, State.COMPROMISED}
_AUTHORITYS_ONLY = Mask.CERTIFICATE_SIGN | Mask.CRL_SIGN
# Which key usage of X.509 a usage mask comes to (RFC 5280, 4.2.1.3); without any a signature key is meant.
_KEY_USAGE = {
    "digital_signature": Mask.SIGN | Mask.VERIFY | Mask.AUTHENTICATE,
    "content_commitment": Mask.CONTENT_COMMITMENT,
    "key_encipherment": Mask.WRAP_KEY | Mask.UNWRAP_KEY,
    "data_encipherment": Mask.ENCRYPT | Mask.DECRYPT,
    "key_agreement": Mask.KEY_AGREEMENT | Mask.DERIVE_KEY,
}


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a certificate is for."""

    name: x509.Name
    key: Any  # a public key of `cryptography`
    alternative_names: x509.SubjectAlternativeName | None = None


@dataclass(frozen=True, slots=True)
class Authority:
    key: ManagedObject
    certificate: x509.Certificate


def moment(seconds: int) -> dt.datetime:
    """A date of KMIP as one that certificates have; they end with the year 9999 (RFC 5280, 4.1.2.5)."""
    if not 0 <= seconds <= _LAST:
        raise KmipError(ResultReason.INVALID_FIELD, "certificates know no dates before 1970 or after 9999")
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def authority(ctx: Context) -> Authority:
    """The group's; Permission Denied where the settings name none, or the group has none."""
    title = ctx.services.settings.certify_with
    if not title:
        raise KmipError(ResultReason.PERMISSION_DENIED, "this server issues no certificates: no authority is set")
    name = Name(name_value=title, name_type=NameType.UNINTERPRETED_TEXT_STRING)
    query = LocateQuery(
        group=ctx.principal.group,
        filters=(Filter(Tag.NAME, Match.EQUAL, name),),
        object_type=ObjectType.PRIVATE_KEY,
        now=ctx.now,
    )
    found = ctx.unit.locate(query).uids
    if not found:
        raise KmipError(ResultReason.PERMISSION_DENIED, "the group has no authority of the name that is set")
    key = ctx.find(found[0])
    certificate = _certificate_of(ctx, key)
    if not certificate.not_valid_before_utc <= moment(ctx.now) <= certificate.not_valid_after_utc:
        raise KmipError(ResultReason.PERMISSION_DENIED, "the certificate of the authority is not valid now")
    if not is_authority(certificate):
        raise KmipError(ResultReason.PERMISSION_DENIED, "the certificate of the authority is none of an authority")
    return Authority(key, certificate)


def _certificate_of(ctx: Context, key: ManagedObject) -> x509.Certificate:
    for link in key.attributes.values(Tag.LINK):
        if link.link_type in (LinkType.CERTIFICATE_LINK, LinkType.PKCS_12_CERTIFICATE_LINK):
            return managed_certificate(ctx, ctx.find(str(link.linked_object_identifier)))
    raise KmipError(ResultReason.PERMISSION_DENIED, "the authority has no Certificate Link to its certificate")


def managed_certificate(ctx: Context, obj: ManagedObject) -> x509.Certificate:
    """A managed X.509 certificate that was neither retired nor destroyed."""
    if effective_state(obj, ctx.now) in _RETIRED:
        raise KmipError(ResultReason.WRONG_KEY_LIFECYCLE_STATE, f"the certificate {obj.uid} was revoked or destroyed")
    structure = vault.structure_of(ctx, obj)
    if not isinstance(structure, o.Certificate) or structure.certificate_type is not CertificateType.X_509:
        raise KmipError(ResultReason.INVALID_OBJECT_TYPE, f"{obj.uid} is no X.509 certificate")
    return x509.load_der_x509_certificate(structure.certificate_value)


def is_authority(certificate: x509.Certificate) -> bool:
    """Whether it may issue others (RFC 5280, 4.2.1.3 and 4.2.1.9)."""
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    try:
        key_usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return constraints.ca
    return constraints.ca and key_usage.key_cert_sign


def read_request(kind: CertificateRequestType | None, data: bytes) -> Subject:
    """A signing request whose sender has shown that it has the private key; Invalid CSR."""
    if kind not in (CertificateRequestType.PKCS_10, CertificateRequestType.PEM):
        raise KmipError(ResultReason.FEATURE_NOT_SUPPORTED, "certificate requests are PKCS#10, in DER or PEM")
    if len(data) > REQUEST_SIZE_MAX:
        raise KmipError(ResultReason.INVALID_CSR, f"a certificate request may have {REQUEST_SIZE_MAX} bytes")
    load = x509.load_pem_x509_csr if kind is CertificateRequestType.PEM else x509.load_der_x509_csr
    try:
        request = load(data)
        key, subject = request.public_key(), request.subject
        names = _alternative_names(request)
        _prove_possession(request, key)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KmipError(ResultReason.INVALID_CSR, "the certificate request cannot be read") from None
    except InvalidSignature:
        raise KmipError(
            ResultReason.INVALID_CSR, "the signature of the certificate request does not fit its key"
        ) from None
    return Subject(subject, key, names)


def _prove_possession(request: x509.CertificateSigningRequest, key: Any) -> None:
    """SHA-1 will do here, where `is_signature_valid` wants better: nobody gains by a collision in his own request."""
    signed, signature = request.tbs_certrequest_bytes, request.signature
    parameters: Any = request.signature_algorithm_parameters
    hashing: Any = request.signature_hash_algorithm
    match key:
        case rsa.RSAPublicKey():
            key.verify(signature, signed, parameters, hashing)
        case ec.EllipticCurvePublicKey():
            key.verify(signature, signed, parameters)
        case _:
            if not request.is_signature_valid:
                raise InvalidSignature


def _alternative_names(source: Any) -> x509.SubjectAlternativeName | None:
    try:
        found = source.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
    return found if isinstance(found, x509.SubjectAlternativeName) else None


def subject_of(certificate: x509.Certificate) -> Subject:
    return Subject(certificate.subject, certificate.public_key(), _alternative_names(certificate))


def issue(ctx: Context, by: Authority, subject: Subject, wanted: AttributeSet) -> o.Certificate:
    """A certificate for a key pair's public half: dates and key usage from `wanted`, within what the authority has."""
    mask = wanted.get(Tag.CRYPTOGRAPHIC_USAGE_MASK, Mask(0))
    if mask & _AUTHORITYS_ONLY:
        raise KmipError(ResultReason.PERMISSION_DENIED, "certificates for authorities are not issued here")
    begin, end = _validity(ctx, by, wanted)
    builder = x509.CertificateBuilder(by.certificate.subject, subject.name, subject.key)
    # 159 random bits: RFC 5280 wants at most 20 octets, and a positive number.
    builder = builder.serial_number(int.from_bytes(ctx.store.random(20), "big") >> 1 or 1)
    builder = builder.not_valid_before(begin).not_valid_after(end)
    issuer_key: Any = by.certificate.public_key()
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_key_usage(mask), True),
        (x509.SubjectKeyIdentifier.from_public_key(subject.key), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), False),
    ]
    if subject.alternative_names is not None:
        extensions.append((subject.alternative_names, not list(subject.name)))
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    made = builder.sign(signing_key(issuer_key, _signer(ctx, by.key)), _hash_for(issuer_key))
    try:
        made.verify_directly_issued_by(by.certificate)
    except (ValueError, TypeError, InvalidSignature):
        raise KmipError(
            ResultReason.PERMISSION_DENIED, "the certificate that the authority links to is not that of its key"
        ) from None
    return o.Certificate(certificate_type=CertificateType.X_509, certificate_value=made.public_bytes(ser.Encoding.DER))


def _signer(ctx: Context, key: ManagedObject) -> Any:
    def sign(parameters: Any, data: bytes) -> bytes:
        usage.protecting(ctx, key, Mask.CERTIFICATE_SIGN, "Certify", len(data))
        return vault.in_token_or_software(
            ctx,
            key,
            lambda store, token_key: store.sign(token_key, parameters, data),
            lambda material: signatures.sign(parameters, material, data),
        )

    return sign


def _validity(ctx: Context, by: Authority, wanted: AttributeSet) -> tuple[dt.datetime, dt.datetime]:
    """From Activation to Deactivation Date, where they are given; never longer than the setting or the authority."""
    activation, deactivation = wanted.get(Tag.ACTIVATION_DATE), wanted.get(Tag.DEACTIVATION_DATE)
    begin = moment(ctx.now if activation is None else activation) - BACKDATE
    longest = moment(ctx.now) + dt.timedelta(days=ctx.services.settings.certify_days)
    end = min(longest, by.certificate.not_valid_after_utc)
    if deactivation is not None:
        end = min(end, moment(deactivation))
    begin = max(begin, by.certificate.not_valid_before_utc)
    if begin >= end:
        raise KmipError(ResultReason.INVALID_ATTRIBUTE_VALUE, "the certificate would end before it begins")
    return begin, end


def _key_usage(mask: Mask) -> x509.KeyUsage:
    wanted = {field: bool(mask & bits) for field, bits in _KEY_USAGE.items()}
    if not any(wanted.values()):
        wanted["digital_signature"] = True
    never = ("key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**wanted, **dict.fromkeys(never, False))


def _hash_for(key: Any) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512:
    """As strong as the authority's curve."""
    if isinstance(key, ec.EllipticCurvePublicKey) and key.key_size > 256:
        return hashes.SHA384() if key.key_size <= 384 else hashes.SHA512()
    return hashes.SHA256()
