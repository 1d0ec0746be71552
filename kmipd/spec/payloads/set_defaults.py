"""Set Defaults (2.1 §6.1.53)."""

from __future__ import annotations

from kmipd.spec.declare import structure
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload
from kmipd.spec.payloads.parts import DefaultsInformation


@structure
class SetDefaultsRequestPayload(RequestPayload):
    """Set Defaults, request (2.1 §6.1.53)."""

    defaults_information: DefaultsInformation | None = None


@structure
class SetDefaultsResponsePayload(ResponsePayload):
    """Set Defaults, response (2.1 §6.1.53)."""
