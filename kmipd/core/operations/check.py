"""Check (KMIP 1.4, 4.10; 2.1, 6.1.7): would the object serve this use? Nothing is used up by asking."""

from __future__ import annotations

from kmipd.core import leases
from kmipd.core.errors import KmipError
from kmipd.core.services import Context
from kmipd.core.usage import require_mask
from kmipd.spec.enumerations import ResultReason
from kmipd.spec.payloads import CheckRequestPayload, CheckResponsePayload
from kmipd.spec.tags import Tag


def check(ctx: Context, request: CheckRequestPayload) -> CheckResponsePayload:
    obj = ctx.object(request.unique_identifier)
    if request.cryptographic_usage_mask is not None:
        require_mask(obj, request.cryptographic_usage_mask, "Check")
    if request.usage_limits_count is not None:
        limits = obj.attributes.get(Tag.USAGE_LIMITS)
        if limits is not None and request.usage_limits_count > (limits.usage_limits_count or 0):
            raise KmipError(
                ResultReason.USAGE_LIMIT_EXCEEDED, f"{obj.uid} allows {limits.usage_limits_count} more uses"
            )
    if request.lease_time is not None:
        longest = leases.grantable(ctx, obj, "Check")
        if request.lease_time > longest:
            raise KmipError(ResultReason.PERMISSION_DENIED, f"a lease of {obj.uid} lasts {longest} seconds at most")
    return CheckResponsePayload(unique_identifier=obj.uid)
