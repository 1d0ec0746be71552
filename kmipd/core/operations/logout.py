"""Logout (KMIP 2.1, 6.1.31): a ticket is worth nothing any more."""

from __future__ import annotations

from kmipd.core import tickets
from kmipd.core.errors import KmipError
from kmipd.core.services import Context
from kmipd.spec.enumerations import ResultReason
from kmipd.spec.payloads import LogoutRequestPayload, LogoutResponsePayload


def logout(ctx: Context, request: LogoutRequestPayload) -> LogoutResponsePayload:
    """Of a ticket of the same principal; it is worth nothing from now on, delegated or not."""
    if not ctx.services.tickets.remove(tickets.digest_of(request.ticket.ticket_value), ctx.principal):
        raise KmipError(ResultReason.INVALID_TICKET, "the ticket is not known, or not any more")
    return LogoutResponsePayload()
