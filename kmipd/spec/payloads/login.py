"""Login (2.1 §6.1.30)."""

from __future__ import annotations

from kmipd.spec.attributes import UsageLimits
from kmipd.spec.declare import Interval, structure
from kmipd.spec.objects import Ticket
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload


@structure
class LoginRequestPayload(RequestPayload):
    """Login, request (2.1 §6.1.30)."""

    lease_time: Interval | None = None
    request_count: int | None = None
    usage_limits: UsageLimits | None = None


@structure
class LoginResponsePayload(ResponsePayload):
    """Login, response (2.1 §6.1.30)."""

    ticket: Ticket
