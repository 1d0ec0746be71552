"""Check (1.4 §4.10, 2.1 §6.1.7)."""

from __future__ import annotations

from kmipd.spec.attributes import UniqueIdentifier
from kmipd.spec.declare import Interval, LongInteger, structure
from kmipd.spec.masks import CryptographicUsageMask
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload


@structure
class CheckRequestPayload(RequestPayload):
    """Check, request (1.4 §4.10, 2.1 §6.1.7)."""

    unique_identifier: UniqueIdentifier | None = None
    usage_limits_count: LongInteger | None = None
    cryptographic_usage_mask: CryptographicUsageMask | None = None
    lease_time: Interval | None = None


@structure
class CheckResponsePayload(ResponsePayload):
    """Check, response (1.4 §4.10, 2.1 §6.1.7)."""

    unique_identifier: UniqueIdentifier | None = None
    usage_limits_count: LongInteger | None = None
    cryptographic_usage_mask: CryptographicUsageMask | None = None
    lease_time: Interval | None = None
