"""Validate (1.4 §4.24, 2.1 §6.1.57)."""

from __future__ import annotations

from kmipd.spec import enumerations as e
from kmipd.spec.attributes import UniqueIdentifier
from kmipd.spec.declare import DateTime, structure
from kmipd.spec.objects import Certificate
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload


@structure
class ValidateRequestPayload(RequestPayload):
    """Validate, request (1.4 §4.24, 2.1 §6.1.57)."""

    certificate: tuple[Certificate, ...] = ()
    unique_identifier: tuple[UniqueIdentifier, ...] = ()
    validity_date: DateTime | None = None


@structure
class ValidateResponsePayload(ResponsePayload):
    """Validate, response (1.4 §4.24, 2.1 §6.1.57)."""

    validity_indicator: e.ValidityIndicator
