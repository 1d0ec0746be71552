"""Re-key (1.4 §4.4, 2.1 §6.1.46)."""

from __future__ import annotations

from typing import Annotated

from kmipd.spec.attributes import Attributes, TemplateAttribute, UniqueIdentifier
from kmipd.spec.declare import Interval, since, structure, until
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload
from kmipd.spec.payloads.parts import ProtectionStorageMasks
from kmipd.spec.versions import V1_4, V2_0


@structure
class ReKeyRequestPayload(RequestPayload):
    """Re-key, request (1.4 §4.4, 2.1 §6.1.46)."""

    unique_identifier: UniqueIdentifier | None = None
    offset: Interval | None = None
    template_attribute: Annotated[TemplateAttribute | None, until(V1_4)] = None
    attributes: Annotated[Attributes | None, since(V2_0)] = None
    protection_storage_masks: Annotated[ProtectionStorageMasks | None, since(V2_0)] = None


@structure
class ReKeyResponsePayload(ResponsePayload):
    """Re-key, response (1.4 §4.4, 2.1 §6.1.46)."""

    unique_identifier: UniqueIdentifier
    template_attribute: Annotated[TemplateAttribute | None, until(V1_4)] = None
