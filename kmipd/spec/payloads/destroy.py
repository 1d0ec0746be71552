"""Destroy (1.4 §4.21, 2.1 §6.1.15)."""

from __future__ import annotations

from kmipd.spec.attributes import UniqueIdentifier
from kmipd.spec.declare import structure
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload


@structure
class DestroyRequestPayload(RequestPayload):
    """Destroy, request (1.4 §4.21, 2.1 §6.1.15)."""

    unique_identifier: UniqueIdentifier | None = None


@structure
class DestroyResponsePayload(ResponsePayload):
    """Destroy, response (1.4 §4.21, 2.1 §6.1.15)."""

    unique_identifier: UniqueIdentifier
