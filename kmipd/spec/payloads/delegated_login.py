"""Delegated Login (2.1 §6.1.12)."""

from __future__ import annotations

from kmipd.spec.attributes import UsageLimits
from kmipd.spec.declare import Interval, structure
from kmipd.spec.objects import Ticket
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload
from kmipd.spec.payloads.parts import Rights


@structure
class DelegatedLoginRequestPayload(RequestPayload):
    """Delegated Login, request (2.1 §6.1.12)."""

    lease_time: Interval | None = None
    request_count: int | None = None
    usage_limits: UsageLimits | None = None
    rights: Rights


@structure
class DelegatedLoginResponsePayload(ResponsePayload):
    """Delegated Login, response (2.1 §6.1.12)."""

    ticket: Ticket
