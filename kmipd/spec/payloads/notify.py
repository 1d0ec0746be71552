"""Notify (1.4 §5.1, 2.1 §6.2.2)."""

from __future__ import annotations

from typing import Annotated

from kmipd.spec.attributes import Attribute, AttributeReference, Attributes, UniqueIdentifier
from kmipd.spec.declare import since, structure, until
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload
from kmipd.spec.versions import V1_4, V2_0


@structure
class NotifyRequestPayload(RequestPayload):
    """Notify, request (1.4 §5.1, 2.1 §6.2.2)."""

    unique_identifier: UniqueIdentifier
    attribute: Annotated[tuple[Attribute, ...], until(V1_4)] = ()
    attributes: Annotated[Attributes | None, since(V2_0)] = None
    attribute_reference: Annotated[tuple[AttributeReference, ...], since(V2_0)] = ()


@structure
class NotifyResponsePayload(ResponsePayload):
    """Notify, response (1.4 §5.1, 2.1 §6.2.2)."""
