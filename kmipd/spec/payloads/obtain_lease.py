"""Obtain Lease (1.4 §4.17, 2.1 §6.1.35)."""

from __future__ import annotations

from kmipd.spec.attributes import UniqueIdentifier
from kmipd.spec.declare import DateTime, Interval, structure
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload


@structure
class ObtainLeaseRequestPayload(RequestPayload):
    """Obtain Lease, request (1.4 §4.17, 2.1 §6.1.35)."""

    unique_identifier: UniqueIdentifier | None = None


@structure
class ObtainLeaseResponsePayload(ResponsePayload):
    """Obtain Lease, response (1.4 §4.17, 2.1 §6.1.35)."""

    unique_identifier: UniqueIdentifier
    lease_time: Interval
    last_change_date: DateTime
