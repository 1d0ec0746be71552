"""Archive (1.4 §4.22, 2.1 §6.1.4)."""

from __future__ import annotations

from kmipd.spec.attributes import UniqueIdentifier
from kmipd.spec.declare import structure
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload


@structure
class ArchiveRequestPayload(RequestPayload):
    """Archive, request (1.4 §4.22, 2.1 §6.1.4)."""

    unique_identifier: UniqueIdentifier | None = None


@structure
class ArchiveResponsePayload(ResponsePayload):
    """Archive, response (1.4 §4.22, 2.1 §6.1.4)."""

    unique_identifier: UniqueIdentifier
