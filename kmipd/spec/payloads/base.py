"""What all payloads are, and the two that stand for a payload we cannot give a type."""

from __future__ import annotations

from typing import Annotated

from kmipd.spec.declare import REST, structure
from kmipd.spec.errors import ProtocolError
from kmipd.spec.kinds import Item


class RequestPayload:
    """The contents of a Request Payload (1.4 §7.1)."""

    __slots__ = ()


class ResponsePayload:
    """The contents of a Response Payload (1.4 §7.1)."""

    __slots__ = ()


@structure
class UnknownPayload(RequestPayload, ResponsePayload):
    """The payload of an operation we have no table for, as it came."""

    items: Annotated[tuple[Item, ...], REST] = ()


@structure
class Undecodable(RequestPayload):
    """The place of a request payload that broke the rules; the batch item around it is sound."""

    error: ProtocolError
