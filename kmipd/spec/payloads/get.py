"""Get (1.4 §4.11, 2.1 §6.1.19)."""

from __future__ import annotations

from typing import Annotated

from kmipd.spec import enumerations as e
from kmipd.spec.attributes import UniqueIdentifier
from kmipd.spec.declare import since, structure
from kmipd.spec.objects import KeyWrappingSpecification, ManagedObject
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload
from kmipd.spec.versions import V1_4


@structure
class GetRequestPayload(RequestPayload):
    """Get, request (1.4 §4.11, 2.1 §6.1.19)."""

    unique_identifier: UniqueIdentifier | None = None
    key_format_type: e.KeyFormatType | None = None
    key_wrap_type: Annotated[e.KeyWrapType | None, since(V1_4)] = None
    key_compression_type: e.KeyCompressionType | None = None
    key_wrapping_specification: KeyWrappingSpecification | None = None


@structure
class GetResponsePayload(ResponsePayload):
    """Get, response (1.4 §4.11, 2.1 §6.1.19)."""

    object_type: e.ObjectType
    unique_identifier: UniqueIdentifier
    managed_object: ManagedObject
