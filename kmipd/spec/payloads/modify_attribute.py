"""Modify Attribute (1.4 §4.15, 2.1 §6.1.34)."""

from __future__ import annotations

from typing import Annotated

from kmipd.spec.attributes import Attribute, AttributeItem, UniqueIdentifier
from kmipd.spec.declare import NEEDED, since, structure, until
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload
from kmipd.spec.versions import V1_4, V2_0


@structure
class ModifyAttributeRequestPayload(RequestPayload):
    """Modify Attribute, request (1.4 §4.15, 2.1 §6.1.34)."""

    unique_identifier: UniqueIdentifier | None = None
    attribute: Annotated[Attribute | None, until(V1_4), NEEDED] = None
    current_attribute: Annotated[AttributeItem | None, since(V2_0)] = None
    new_attribute: Annotated[AttributeItem | None, since(V2_0), NEEDED] = None


@structure
class ModifyAttributeResponsePayload(ResponsePayload):
    """Modify Attribute, response (1.4 §4.15, 2.1 §6.1.34)."""

    unique_identifier: UniqueIdentifier
    attribute: Annotated[Attribute | None, until(V1_4), NEEDED] = None
