"""Set Endpoint Role (2.1 §6.1.54)."""

from __future__ import annotations

from kmipd.spec import enumerations as e
from kmipd.spec.declare import structure
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload


@structure
class SetEndpointRoleRequestPayload(RequestPayload):
    """Set Endpoint Role, request (2.1 §6.1.54)."""

    endpoint_role: e.EndpointRole


@structure
class SetEndpointRoleResponsePayload(ResponsePayload):
    """Set Endpoint Role, response (2.1 §6.1.54)."""

    endpoint_role: e.EndpointRole
