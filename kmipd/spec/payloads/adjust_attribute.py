"""Adjust Attribute (2.1 §6.1.3)."""

from __future__ import annotations

from kmipd.spec import enumerations as e
from kmipd.spec.attributes import AttributeReference, UniqueIdentifier
from kmipd.spec.declare import structure
from kmipd.spec.kinds import Item
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload


@structure
class AdjustAttributeRequestPayload(RequestPayload):
    """Adjust Attribute, request (2.1 §6.1.3)."""

    unique_identifier: UniqueIdentifier | None = None
    attribute_reference: AttributeReference
    adjustment_type: e.AdjustmentType
    #: Integer, Long Integer, Interval, ...: what fits the attribute (2.1 §6.1.3).
    adjustment_value: Item | None = None


@structure
class AdjustAttributeResponsePayload(ResponsePayload):
    """Adjust Attribute, response (2.1 §6.1.3)."""

    unique_identifier: UniqueIdentifier
