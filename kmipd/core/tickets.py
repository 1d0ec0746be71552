"""Tickets (KMIP 2.1, 6.1.12, 6.1.30, 6.1.31, 7.39): a secret that stands for who logged in, for a while.

A ticket never replaces the client certificate: whoever shows one has been let in by a certificate already, and acts
from then on as the principal that asked for the ticket, with no more than the rights written into it. Only its digest
is kept.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from kmipd.core.authentication_port import Issued
from kmipd.core.errors import KmipError
from kmipd.core.model import Caller, Granted
from kmipd.core.services import Context, Services
from kmipd.spec.attributes import UsageLimits
from kmipd.spec.enumerations import ResultReason, TicketType, UsageLimitsUnit
from kmipd.spec.messages import RequestBatchItem
from kmipd.spec.objects import Ticket
from kmipd.spec.payloads.parts import Right

VALUE_SIZE = 32  # random bytes: nobody guesses one
# A Lease Time of zero, or none, asks for as long as the server likes: a working day.
LEASE_SECONDS_MAX = 24 * 3600
LIVE_MAX = 100  # of one principal: tickets are for sessions, not for every request
RIGHTS_MAX = 64


def issue(
    ctx: Context,
    lease_time: int | None,
    request_count: int | None,
    limits: UsageLimits | None,
    rights: tuple[Right, ...] | None = None,
) -> Ticket:
    if ctx.granted is not None:
        raise KmipError(ResultReason.NOT_AUTHORISED, "a ticket gives out no tickets: log in with the certificate")
    if min(lease_time or 0, request_count or 0, 0 if limits is None else limits.usage_limits_total) < 0:
        raise KmipError(ResultReason.INVALID_FIELD, "a limit of a ticket cannot be negative")
    value = ctx.store.random(VALUE_SIZE)
    issued = Issued(
        digest=digest_of(value),
        principal=ctx.principal,
        created=ctx.now,
        expires=ctx.now + min(lease_time or LEASE_SECONDS_MAX, LEASE_SECONDS_MAX),
        requests=request_count or None,
        usage=None if limits is None else limits.usage_limits_total,
        usage_unit=None if limits is None else limits.usage_limits_unit,
        rights=rights,
    )
    if not ctx.services.tickets.add(issued, LIVE_MAX):
        raise KmipError(ResultReason.SERVER_LIMIT_EXCEEDED, f"{LIVE_MAX} tickets are in use already: log out of some")
    return Ticket(ticket_type=TicketType.LOGIN, ticket_value=value)


def digest_of(value: bytes) -> bytes:
    return sha256(value).digest()


def redeem(services: Services, ticket: Ticket, caller: Caller, now: int) -> Caller:
    """Who a request with this ticket is from; counts the request."""
    issued = services.tickets.take(digest_of(ticket.ticket_value), now)
    if issued is None or ticket.ticket_type is not TicketType.LOGIN:
        raise KmipError(ResultReason.INVALID_TICKET, "the ticket is not known, or not any more: log in again")
    if issued.requests == 0:
        raise KmipError(ResultReason.USAGE_LIMIT_EXCEEDED, "the ticket has been used as often as it may be")
    if issued.rights is None and issued.usage is None:
        return replace(caller, principal=issued.principal)
    granted = Granted(digest=issued.digest, rights=issued.rights, usage_unit=issued.usage_unit)
    return replace(caller, principal=issued.principal, granted=granted)


def permit(services: Services, granted: Granted, item: RequestBatchItem) -> Granted:
    """What of the ticket's rights is about this operation; counts what the operation uses up."""
    rights = granted.rights
    if rights is not None:
        rights = tuple(r for r in rights if r.operations is None or item.operation in r.operations.operation)
        if not rights:
            name = getattr(item.operation, "name", str(item.operation))
            raise KmipError(ResultReason.NOT_AUTHORISED, f"the ticket does not permit {name}")
    units = _units(granted, item)
    if units and not services.tickets.spend(granted.digest, units):
        raise KmipError(ResultReason.USAGE_LIMIT_EXCEEDED, "the usage limits of the ticket are exhausted")
    return replace(granted, relevant=rights)


def _units(granted: Granted, item: RequestBatchItem) -> int:
    if granted.usage_unit is None:
        return 0
    if granted.usage_unit is UsageLimitsUnit.BYTE:
        data = getattr(item.request_payload, "data", None)
        return len(data) if isinstance(data, bytes) else 0
    return 1
