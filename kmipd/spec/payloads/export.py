"""Export (1.4 §4.40, 2.1 §6.1.18)."""

from __future__ import annotations

from typing import Annotated

from kmipd.spec import enumerations as e
from kmipd.spec.attributes import Attribute, Attributes, UniqueIdentifier
from kmipd.spec.declare import NEEDED, since, structure, until
from kmipd.spec.objects import KeyWrappingSpecification, ManagedObject
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload
from kmipd.spec.versions import V1_4, V2_0


@structure
class ExportRequestPayload(RequestPayload):
    """Export, request (1.4 §4.40, 2.1 §6.1.18)."""

    unique_identifier: UniqueIdentifier | None = None
    key_format_type: e.KeyFormatType | None = None
    key_wrap_type: e.KeyWrapType | None = None
    key_compression_type: e.KeyCompressionType | None = None
    key_wrapping_specification: KeyWrappingSpecification | None = None


@structure
class ExportResponsePayload(ResponsePayload):
    """Export, response (1.4 §4.40, 2.1 §6.1.18)."""

    object_type: e.ObjectType
    unique_identifier: UniqueIdentifier
    attribute: Annotated[tuple[Attribute, ...], until(V1_4)] = ()
    attributes: Annotated[Attributes | None, since(V2_0), NEEDED] = None
    managed_object: ManagedObject
