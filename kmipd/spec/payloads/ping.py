"""Ping (2.1 §6.1.36)."""

from __future__ import annotations

from kmipd.spec.declare import structure
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload


@structure
class PingRequestPayload(RequestPayload):
    """Ping, request (2.1 §6.1.36)."""


@structure
class PingResponsePayload(ResponsePayload):
    """Ping, response (2.1 §6.1.36)."""
