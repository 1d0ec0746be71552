"""Set Endpoint Role (2.1 §6.1.54)."""

from __future__ import annotations

from typing import Annotated

from kmipd.spec import enumerations as e
from kmipd.spec.declare import since, structure
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload
from kmipd.spec.versions import V2_0


@structure
class SetEndpointRoleRequestPayload(RequestPayload):
    """Set Endpoint Role, request (2.1 §6.1.54)."""

    endpoint_role: e.EndpointRole


@structure
class SetEndpointRoleResponsePayload(ResponsePayload):
    """Set Endpoint Role, response (2.1 §6.1.54)."""

    endpoint_role: Annotated[e.EndpointRole | None, since(V2_0)] = None  # 1.x may ask, and has no word for the answer
