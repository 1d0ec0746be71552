"""Get Attribute List (1.4 §4.13, 2.1 §6.1.21)."""

from __future__ import annotations

from typing import Annotated

from kmipd.spec.attributes import AttributeReference, UniqueIdentifier
from kmipd.spec.declare import ATTRIBUTE_NAMES, since, structure, until
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload
from kmipd.spec.versions import V1_4, V2_0


@structure
class GetAttributeListRequestPayload(RequestPayload):
    """Get Attribute List, request (1.4 §4.13, 2.1 §6.1.21)."""

    unique_identifier: UniqueIdentifier | None = None


@structure
class GetAttributeListResponsePayload(ResponsePayload):
    """Get Attribute List, response (1.4 §4.13, 2.1 §6.1.21)."""

    unique_identifier: UniqueIdentifier
    attribute_name: Annotated[tuple[str, ...], until(V1_4), ATTRIBUTE_NAMES] = ()
    attribute_reference: Annotated[tuple[AttributeReference, ...], since(V2_0)] = ()
