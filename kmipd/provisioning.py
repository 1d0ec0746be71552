"""Certificates of clients that renew them by KMIP: this directory's authority, and the registry of the enrolled."""

from __future__ import annotations

from collections.abc import Callable

from cryptography import x509
from cryptography.hazmat.primitives import serialization as ser

from kmipd.core.errors import KmipError
from kmipd.core.model import Principal
from kmipd.registry import Registry
from kmipd.registry.clients import CertificateRecord, ClientExists, ClientUnknown
from kmipd.spec.enumerations import ResultReason
from kmipd.trust import csr
from kmipd.trust.authority import Authority, Issued, TrustError
from kmipd.trust.names import fingerprint, serial


def record_of(certificate: x509.Certificate) -> CertificateRecord:
    """What is remembered of a client's certificate."""
    return CertificateRecord(
        fingerprint=fingerprint(certificate),
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        serial=serial(certificate),
        not_before=int(certificate.not_valid_before_utc.timestamp()),
        not_after=int(certificate.not_valid_after_utc.timestamp()),
    )


class Provisioner:
    """See `core.authentication_port.Provisioner`. The authority is read when it is needed, and not kept."""

    def __init__(self, registry: Registry, authority: Callable[[], Authority]) -> None:
        self._registry = registry
        self._authority = authority

    def certify(self, _principal: Principal, request: bytes) -> bytes:
        try:
            signing_request = csr.load(request)
        except csr.BadRequest as error:
            raise KmipError(ResultReason.INVALID_CSR, str(error)) from None
        return _der(self._made(lambda authority: authority.sign(signing_request)))

    def issue(self, principal: Principal) -> tuple[bytes, bytes]:
        issued = self._made(lambda authority: authority.issue_client(principal.name))
        assert issued.key is not None
        return _der(issued), issued.key.private_bytes(ser.Encoding.DER, ser.PrivateFormat.PKCS8, ser.NoEncryption())

    def _made(self, make: Callable[[Authority], Issued]) -> Issued:
        try:
            return make(self._authority())
        except (TrustError, OSError):
            raise KmipError(ResultReason.GENERAL_FAILURE, "the authority of this server cannot be used") from None

    def require_usable(self, principal: Principal, der: bytes) -> None:
        known = self._registry.clients.find(principal.name)
        if known is None or known.revoked is not None or known.group != principal.group:
            raise KmipError(ResultReason.PERMISSION_DENIED, "only an enrolled client can be given a new certificate")
        try:
            shown = fingerprint(x509.load_der_x509_certificate(der))
        except ValueError:
            raise KmipError(ResultReason.INVALID_FIELD, "the certificate is not X.509 in DER") from None
        if self._registry.clients.knows(shown):
            raise KmipError(ResultReason.PERMISSION_DENIED, "the certificate is in use, or was, already")

    def replace(self, principal: Principal, der: bytes, now: int) -> None:
        record = record_of(x509.load_der_x509_certificate(der))
        try:
            self._registry.clients.replace_certificates(principal.name, record, now)
        except (ClientUnknown, ClientExists):
            raise KmipError(ResultReason.PERMISSION_DENIED, "the certificate could not be made the client's") from None


def _der(issued: Issued) -> bytes:
    return issued.certificate.public_bytes(ser.Encoding.DER)
