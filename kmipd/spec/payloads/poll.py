"""Poll (1.4 §4.28, 2.1 §6.1.38)."""

from __future__ import annotations

from typing import Annotated

from kmipd.spec.declare import REST, structure
from kmipd.spec.kinds import Item
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload


@structure
class PollRequestPayload(RequestPayload):
    """Poll, request (1.4 §4.28, 2.1 §6.1.38)."""

    asynchronous_correlation_value: bytes


@structure
class PollResponsePayload(ResponsePayload):
    """Poll, response (1.4 §4.28, 2.1 §6.1.38)."""

    items: Annotated[tuple[Item, ...], REST] = ()
