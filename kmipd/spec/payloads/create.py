"""Create (1.4 §4.1, 2.1 §6.1.8)."""

from __future__ import annotations

from typing import Annotated

from kmipd.spec import enumerations as e
from kmipd.spec.attributes import Attributes, TemplateAttribute, UniqueIdentifier
from kmipd.spec.declare import NEEDED, since, structure, until
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload
from kmipd.spec.payloads.parts import ProtectionStorageMasks
from kmipd.spec.versions import V1_4, V2_0


@structure
class CreateRequestPayload(RequestPayload):
    """Create, request (1.4 §4.1, 2.1 §6.1.8)."""

    object_type: e.ObjectType
    template_attribute: Annotated[TemplateAttribute | None, until(V1_4), NEEDED] = None
    attributes: Annotated[Attributes | None, since(V2_0), NEEDED] = None
    protection_storage_masks: Annotated[ProtectionStorageMasks | None, since(V2_0)] = None


@structure
class CreateResponsePayload(ResponsePayload):
    """Create, response (1.4 §4.1, 2.1 §6.1.8)."""

    object_type: e.ObjectType
    unique_identifier: UniqueIdentifier
    template_attribute: Annotated[TemplateAttribute | None, until(V1_4)] = None
