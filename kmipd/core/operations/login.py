"""Login (KMIP 2.1, 6.1.30): a ticket that stands for the client."""

from __future__ import annotations

from kmipd.core import tickets
from kmipd.core.services import Context
from kmipd.spec.payloads import LoginRequestPayload, LoginResponsePayload


def login(ctx: Context, request: LoginRequestPayload) -> LoginResponsePayload:
    ticket = tickets.issue(ctx, request.lease_time, request.request_count, request.usage_limits)
    return LoginResponsePayload(ticket=ticket)
