"""Get Attributes (1.4 §4.12, 2.1 §6.1.20)."""

from __future__ import annotations

from typing import Annotated

from kmipd.spec.attributes import Attribute, AttributeReference, Attributes, UniqueIdentifier
from kmipd.spec.declare import NEEDED, since, structure, until
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload
from kmipd.spec.versions import V1_4, V2_0


@structure
class GetAttributesRequestPayload(RequestPayload):
    """Get Attributes, request (1.4 §4.12, 2.1 §6.1.20)."""

    unique_identifier: UniqueIdentifier | None = None
    attribute_name: Annotated[tuple[str, ...], until(V1_4)] = ()
    attribute_reference: Annotated[tuple[AttributeReference, ...], since(V2_0)] = ()


@structure
class GetAttributesResponsePayload(ResponsePayload):
    """Get Attributes, response (1.4 §4.12, 2.1 §6.1.20)."""

    unique_identifier: UniqueIdentifier
    attribute: Annotated[tuple[Attribute, ...], until(V1_4)] = ()
    attributes: Annotated[Attributes | None, since(V2_0), NEEDED] = None
