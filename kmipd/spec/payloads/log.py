"""Log (2.1 §6.1.29)."""

from __future__ import annotations

from kmipd.spec.declare import structure
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload


@structure
class LogRequestPayload(RequestPayload):
    """Log, request (2.1 §6.1.29)."""

    log_message: str


@structure
class LogResponsePayload(ResponsePayload):
    """Log, response (2.1 §6.1.29)."""
