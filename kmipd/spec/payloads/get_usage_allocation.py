"""Get Usage Allocation (1.4 §4.18, 2.1 §6.1.23)."""

from __future__ import annotations

from kmipd.spec.attributes import UniqueIdentifier
from kmipd.spec.declare import LongInteger, structure
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload


@structure
class GetUsageAllocationRequestPayload(RequestPayload):
    """Get Usage Allocation, request (1.4 §4.18, 2.1 §6.1.23)."""

    unique_identifier: UniqueIdentifier | None = None
    usage_limits_count: LongInteger


@structure
class GetUsageAllocationResponsePayload(ResponsePayload):
    """Get Usage Allocation, response (1.4 §4.18, 2.1 §6.1.23)."""

    unique_identifier: UniqueIdentifier
