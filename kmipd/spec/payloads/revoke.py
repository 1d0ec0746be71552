"""Revoke (1.4 §4.20, 2.1 §6.1.44)."""

from __future__ import annotations

from kmipd.spec.attributes import RevocationReason, UniqueIdentifier
from kmipd.spec.declare import DateTime, structure
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload


@structure
class RevokeRequestPayload(RequestPayload):
    """Revoke, request (1.4 §4.20, 2.1 §6.1.44)."""

    unique_identifier: UniqueIdentifier | None = None
    revocation_reason: RevocationReason
    compromise_occurrence_date: DateTime | None = None


@structure
class RevokeResponsePayload(ResponsePayload):
    """Revoke, response (1.4 §4.20, 2.1 §6.1.44)."""

    unique_identifier: UniqueIdentifier
