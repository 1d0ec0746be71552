"""Set Attribute (2.1 §6.1.51)."""

from __future__ import annotations

from kmipd.spec.attributes import AttributeItem, UniqueIdentifier
from kmipd.spec.declare import structure
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload


@structure
class SetAttributeRequestPayload(RequestPayload):
    """Set Attribute, request (2.1 §6.1.51)."""

    unique_identifier: UniqueIdentifier | None = None
    new_attribute: AttributeItem


@structure
class SetAttributeResponsePayload(ResponsePayload):
    """Set Attribute, response (2.1 §6.1.51)."""

    unique_identifier: UniqueIdentifier
