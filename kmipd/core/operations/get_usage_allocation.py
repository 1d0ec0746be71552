"""Get Usage Allocation (KMIP 1.4, 4.18; 2.1, 6.1.23): units the client will protect by itself are taken off at once."""

from __future__ import annotations

from kmipd.core import usage
from kmipd.core.services import Context
from kmipd.spec.payloads import GetUsageAllocationRequestPayload, GetUsageAllocationResponsePayload


def get_usage_allocation(ctx: Context, request: GetUsageAllocationRequestPayload) -> GetUsageAllocationResponsePayload:
    obj = ctx.object(request.unique_identifier)
    usage.allocate(ctx, obj, request.usage_limits_count)
    return GetUsageAllocationResponsePayload(unique_identifier=obj.uid)
