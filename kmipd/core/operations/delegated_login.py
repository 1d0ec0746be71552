"""Delegated Login (KMIP 2.1, 6.1.12): a ticket for somebody else, with a part of the client's rights."""

from __future__ import annotations

from kmipd.core import tickets
from kmipd.core.errors import KmipError
from kmipd.core.services import Context
from kmipd.spec.enumerations import ResultReason
from kmipd.spec.payloads import DelegatedLoginRequestPayload, DelegatedLoginResponsePayload


def delegated_login(ctx: Context, request: DelegatedLoginRequestPayload) -> DelegatedLoginResponsePayload:
    rights = request.rights.right
    if not rights:
        raise KmipError(ResultReason.INVALID_FIELD, "Delegated Login grants no right")
    if len(rights) > tickets.RIGHTS_MAX:
        raise KmipError(ResultReason.INVALID_FIELD, f"a ticket has {tickets.RIGHTS_MAX} rights at most")
    if any(right.usage_limits is not None for right in rights):
        raise KmipError(
            ResultReason.FEATURE_NOT_SUPPORTED, "usage limits are counted for a ticket as a whole, not for a right"
        )
    ticket = tickets.issue(ctx, request.lease_time, request.request_count, request.usage_limits, rights)
    return DelegatedLoginResponsePayload(ticket=ticket)
