"""Interop (2.1 §6.1.26)."""

from __future__ import annotations

from kmipd.spec import enumerations as e
from kmipd.spec.declare import structure
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload


@structure
class InteropRequestPayload(RequestPayload):
    """Interop, request (2.1 §6.1.26)."""

    interop_function: e.InteropFunction
    interop_identifier: str


@structure
class InteropResponsePayload(ResponsePayload):
    """Interop, response (2.1 §6.1.26)."""
