"""Cancel (1.4 §4.27, 2.1 §6.1.5)."""

from __future__ import annotations

from kmipd.spec import enumerations as e
from kmipd.spec.declare import structure
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload


@structure
class CancelRequestPayload(RequestPayload):
    """Cancel, request (1.4 §4.27, 2.1 §6.1.5)."""

    asynchronous_correlation_value: bytes


@structure
class CancelResponsePayload(ResponsePayload):
    """Cancel, response (1.4 §4.27, 2.1 §6.1.5)."""

    asynchronous_correlation_value: bytes
    cancellation_result: e.CancellationResult
