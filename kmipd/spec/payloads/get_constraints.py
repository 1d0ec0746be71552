"""Get Constraints (2.1 §6.1.22)."""

from __future__ import annotations

from kmipd.spec.declare import structure
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload
from kmipd.spec.payloads.parts import Constraints


@structure
class GetConstraintsRequestPayload(RequestPayload):
    """Get Constraints, request (2.1 §6.1.22)."""


@structure
class GetConstraintsResponsePayload(ResponsePayload):
    """Get Constraints, response (2.1 §6.1.22)."""

    constraints: Constraints
