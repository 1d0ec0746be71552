"""Login and Logout (KMIP 2.1, 6.1.30 and 6.1.31)."""

from __future__ import annotations

from kmipd.core import tickets
from kmipd.core.errors import KmipError
from kmipd.core.services import Context
from kmipd.spec.enumerations import ResultReason
from kmipd.spec.payloads import LoginRequestPayload, LoginResponsePayload, LogoutRequestPayload, LogoutResponsePayload


def login(ctx: Context, request: LoginRequestPayload) -> LoginResponsePayload:
    ticket = tickets.issue(ctx, request.lease_time, request.request_count, request.usage_limits)
    return LoginResponsePayload(ticket=ticket)


def logout(ctx: Context, request: LogoutRequestPayload) -> LogoutResponsePayload:
    """Of a ticket of the same principal; it is worth nothing from now on, delegated or not."""
    if not ctx.services.tickets.remove(tickets.digest_of(request.ticket.ticket_value), ctx.principal):
        raise KmipError(ResultReason.INVALID_TICKET, "the ticket is not known, or not any more")
    return LogoutResponsePayload()
