"""Set Endpoint Role (KMIP 2.1, 6.1.54): the role this server is to have on the connection.

Asked to be the client, it is; the door turns the connection round once the answer is out (`doors.channel`), or says
that it cannot.
"""

from __future__ import annotations

from kmipd.core.services import Context
from kmipd.spec.payloads import SetEndpointRoleRequestPayload, SetEndpointRoleResponsePayload


def set_endpoint_role(_ctx: Context, request: SetEndpointRoleRequestPayload) -> SetEndpointRoleResponsePayload:
    return SetEndpointRoleResponsePayload(endpoint_role=request.endpoint_role)
