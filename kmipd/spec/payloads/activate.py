"""Activate (1.4 §4.19, 2.1 §6.1.1)."""

from __future__ import annotations

from kmipd.spec.attributes import UniqueIdentifier
from kmipd.spec.declare import structure
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload


@structure
class ActivateRequestPayload(RequestPayload):
    """Activate, request (1.4 §4.19, 2.1 §6.1.1)."""

    unique_identifier: UniqueIdentifier | None = None


@structure
class ActivateResponsePayload(ResponsePayload):
    """Activate, response (1.4 §4.19, 2.1 §6.1.1)."""

    unique_identifier: UniqueIdentifier
