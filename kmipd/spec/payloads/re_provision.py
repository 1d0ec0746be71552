"""Re-Provision (2.1 §6.1.48)."""

from __future__ import annotations

from kmipd.spec.attributes import UniqueIdentifier
from kmipd.spec.declare import structure
from kmipd.spec.objects import Certificate, CertificateRequest
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload


@structure
class ReProvisionRequestPayload(RequestPayload):
    """Re-Provision, request (2.1 §6.1.48)."""

    certificate_request: CertificateRequest | None = None
    certificate: Certificate | None = None


@structure
class ReProvisionResponsePayload(ResponsePayload):
    """Re-Provision, response (2.1 §6.1.48)."""

    unique_identifier: UniqueIdentifier | None = None
