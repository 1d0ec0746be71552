"""The Authentication of a request header (KMIP 1.4, 6.6; 2.1, 9.11), after the client certificate has been accepted.

The certificate is the identity. A ticket stands for whoever asked for it; a user name or device with its password may
stand for another principal, if the settings say so. Whatever else a client sends here says nothing: libkmip sends
empty credentials when it has none, and gateways send those of a server they were pointed at before.
"""

from __future__ import annotations

from dataclasses import replace

from kmipd.core import tickets
from kmipd.core.errors import KmipError
from kmipd.core.model import Caller
from kmipd.core.services import Services
from kmipd.spec.enumerations import Operation, ResultReason
from kmipd.spec.messages import Authentication, RequestMessage
from kmipd.spec.objects import DeviceCredential, TicketCredential, UsernameAndPasswordCredential


def authenticate(
    services: Services, message: RequestMessage, given: Authentication, caller: Caller, now: int
) -> Caller:
    """Who the request is from; `KmipError` when it may not be that."""
    found = _caller(services, given, caller, now)
    if found is not caller and any(item.operation is Operation.RE_PROVISION for item in message.batch_item):
        raise KmipError(ResultReason.PERMISSION_DENIED, "a client replaces its certificate by the certificate only")
    return found


def _caller(services: Services, given: Authentication, caller: Caller, now: int) -> Caller:
    for credential in given.credential:
        value = credential.credential_value
        if isinstance(value, TicketCredential):
            caller = tickets.redeem(services, value.ticket, caller, now)
        elif isinstance(value, UsernameAndPasswordCredential | DeviceCredential):
            found = services.credentials.principal(value, caller.principal)
            if found is not None:
                caller = replace(caller, principal=found)
    return caller
