"""Recover (1.4 §4.23, 2.1 §6.1.42)."""

from __future__ import annotations

from kmipd.spec.attributes import UniqueIdentifier
from kmipd.spec.declare import structure
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload


@structure
class RecoverRequestPayload(RequestPayload):
    """Recover, request (1.4 §4.23, 2.1 §6.1.42)."""

    unique_identifier: UniqueIdentifier | None = None


@structure
class RecoverResponsePayload(ResponsePayload):
    """Recover, response (1.4 §4.23, 2.1 §6.1.42)."""

    unique_identifier: UniqueIdentifier
