"""Discover Versions (1.4 §4.26, 2.1 §6.1.16)."""

from __future__ import annotations

from kmipd.spec.declare import structure
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload
from kmipd.spec.payloads.parts import ProtocolVersion


@structure
class DiscoverVersionsRequestPayload(RequestPayload):
    """Discover Versions, request (1.4 §4.26, 2.1 §6.1.16)."""

    protocol_version: tuple[ProtocolVersion, ...] = ()


@structure
class DiscoverVersionsResponsePayload(ResponsePayload):
    """Discover Versions, response (1.4 §4.26, 2.1 §6.1.16)."""

    protocol_version: tuple[ProtocolVersion, ...] = ()
