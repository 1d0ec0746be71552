"""RNG Retrieve (1.4 §4.35, 2.1 §6.1.49)."""

from __future__ import annotations

from kmipd.spec.declare import structure
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload


@structure
class RNGRetrieveRequestPayload(RequestPayload):
    """RNG Retrieve, request (1.4 §4.35, 2.1 §6.1.49)."""

    data_length: int


@structure
class RNGRetrieveResponsePayload(ResponsePayload):
    """RNG Retrieve, response (1.4 §4.35, 2.1 §6.1.49)."""

    data: bytes
