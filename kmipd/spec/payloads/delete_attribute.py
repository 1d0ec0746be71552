"""Delete Attribute (1.4 §4.16, 2.1 §6.1.13)."""

from __future__ import annotations

from typing import Annotated

from kmipd.spec.attributes import Attribute, AttributeItem, AttributeReference, UniqueIdentifier
from kmipd.spec.declare import NEEDED, since, structure, until
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload
from kmipd.spec.versions import V1_4, V2_0


@structure
class DeleteAttributeRequestPayload(RequestPayload):
    """Delete Attribute, request (1.4 §4.16, 2.1 §6.1.13)."""

    unique_identifier: UniqueIdentifier | None = None
    attribute_name: Annotated[str | None, until(V1_4), NEEDED] = None
    attribute_index: Annotated[int | None, until(V1_4)] = None
    current_attribute: Annotated[AttributeItem | None, since(V2_0)] = None
    attribute_reference: Annotated[AttributeReference | None, since(V2_0)] = None


@structure
class DeleteAttributeResponsePayload(ResponsePayload):
    """Delete Attribute, response (1.4 §4.16, 2.1 §6.1.13)."""

    unique_identifier: UniqueIdentifier
    attribute: Annotated[Attribute | None, until(V1_4), NEEDED] = None
