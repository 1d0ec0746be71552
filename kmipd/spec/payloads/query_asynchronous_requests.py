"""Query Asynchronous Requests (2.1 §6.1.41)."""

from __future__ import annotations

from kmipd.spec.declare import structure
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload
from kmipd.spec.payloads.parts import AsynchronousCorrelationValues, AsynchronousRequest, Operations


@structure
class QueryAsynchronousRequestsRequestPayload(RequestPayload):
    """Query Asynchronous Requests, request (2.1 §6.1.41)."""

    asynchronous_correlation_values: AsynchronousCorrelationValues | None = None
    operations: Operations | None = None


@structure
class QueryAsynchronousRequestsResponsePayload(ResponsePayload):
    """Query Asynchronous Requests, response (2.1 §6.1.41)."""

    asynchronous_request: tuple[AsynchronousRequest, ...] = ()
