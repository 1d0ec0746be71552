"""Validate (KMIP 1.4, 4.24; 2.1, 6.1.57): is this one chain of certificates valid?

Trusted is what the group itself keeps: a chain that ends in a managed certificate which is its own issuer is valid; one
whose root came with the request alone hangs together, and nobody knows whether to trust it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from kmipd.core.certification import is_authority, managed_certificate, moment
from kmipd.core.errors import KmipError
from kmipd.core.services import Context
from kmipd.spec.enumerations import CertificateType, ResultReason, ValidityIndicator
from kmipd.spec.payloads import ValidateRequestPayload, ValidateResponsePayload

CHAIN_MAX = 16  # certificates of a request: each costs a verification


def validate(ctx: Context, request: ValidateRequestPayload) -> ValidateResponsePayload:
    if not 0 < len(request.certificate) + len(request.unique_identifier) <= CHAIN_MAX:
        raise KmipError(ResultReason.INVALID_FIELD, f"Validate takes a chain of 1 to {CHAIN_MAX} certificates")
    at = moment(ctx.now if request.validity_date is None else request.validity_date)
    managed, retired = [], False
    for uid in request.unique_identifier:
        obj = ctx.object(uid)
        try:
            managed.append(managed_certificate(ctx, obj))
        except KmipError as error:
            if error.reason is not ResultReason.WRONG_KEY_LIFECYCLE_STATE:
                raise
            retired = True
    given = [_loaded(c.certificate_type, c.certificate_value) for c in request.certificate]
    verdict = ValidityIndicator.INVALID if retired else _verdict(managed, given, at)
    return ValidateResponsePayload(validity_indicator=verdict)


def _loaded(kind: CertificateType, data: bytes) -> x509.Certificate:
    if kind is not CertificateType.X_509:
        raise KmipError(ResultReason.FEATURE_NOT_SUPPORTED, "X.509 certificates are validated, no others")
    try:
        return x509.load_der_x509_certificate(data)
    except (ValueError, UnsupportedAlgorithm):
        raise KmipError(ResultReason.INVALID_FIELD, "Certificate Value is not an X.509 certificate in DER") from None


def _verdict(
    managed: Sequence[x509.Certificate], given: Sequence[x509.Certificate], at: dt.datetime
) -> ValidityIndicator:
    chain = _ordered(list(dict.fromkeys((*managed, *given))))
    if chain is None:
        return ValidityIndicator.INVALID
    try:
        sound = all(_sound(c, below, at) for below, c in enumerate(chain))
        unknown = any(_not_understood(c) for c in chain)
    except ValueError:  # extensions that are no extensions
        return ValidityIndicator.INVALID
    if not sound:
        return ValidityIndicator.INVALID
    if unknown or chain[-1] not in managed or not _issued_by(chain[-1], chain[-1]):
        return ValidityIndicator.UNKNOWN
    return ValidityIndicator.VALID


def _ordered(certificates: list[x509.Certificate]) -> list[x509.Certificate] | None:
    """From the end entity upwards, every certificate used once; None when they are not one chain."""
    issuing = {c.issuer for c in certificates if c.issuer != c.subject}
    ends = [c for c in certificates if c.subject not in issuing]
    if len(certificates) > 1 and len(ends) != 1:
        return None
    chain = [ends[0] if ends else certificates[0]]
    left = [c for c in certificates if c is not chain[0]]
    while left:
        issuer = next((c for c in left if _issued_by(chain[-1], c)), None)
        if issuer is None:
            return None
        left.remove(issuer)
        chain.append(issuer)
    return chain


def _issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _sound(certificate: x509.Certificate, below: int, at: dt.datetime) -> bool:
    """Valid `at` the time and, with `below` certificates under it, permitted to issue (RFC 5280, 6.1)."""
    if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
        return False
    if below == 0:
        return True
    if not is_authority(certificate):
        return False
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    # The end entity does not count against the path length.
    return constraints.path_length is None or below - 1 <= constraints.path_length


def _not_understood(certificate: x509.Certificate) -> bool:
    """Critical extensions that nothing here looks at."""
    understood = (x509.BasicConstraints, x509.KeyUsage, x509.SubjectAlternativeName, x509.ExtendedKeyUsage)
    return any(e.critical and not isinstance(e.value, understood) for e in certificate.extensions)
