"""Set Constraints (2.1 §6.1.52)."""

from __future__ import annotations

from kmipd.spec.declare import structure
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload
from kmipd.spec.payloads.parts import Constraints


@structure
class SetConstraintsRequestPayload(RequestPayload):
    """Set Constraints, request (2.1 §6.1.52)."""

    #: Required by the table; TC-MD-24-21 sends none, to take the constraints away.
    constraints: Constraints | None = None


@structure
class SetConstraintsResponsePayload(ResponsePayload):
    """Set Constraints, response (2.1 §6.1.52)."""
