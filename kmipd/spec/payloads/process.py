"""Process (2.1 §6.1.39)."""

from __future__ import annotations

from kmipd.spec.declare import structure
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload


@structure
class ProcessRequestPayload(RequestPayload):
    """Process, request (2.1 §6.1.39)."""

    asynchronous_correlation_value: bytes


@structure
class ProcessResponsePayload(ResponsePayload):
    """Process, response (2.1 §6.1.39)."""
