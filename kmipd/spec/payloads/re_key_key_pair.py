"""Re-key Key Pair (1.4 §4.5, 2.1 §6.1.47)."""

from __future__ import annotations

from typing import Annotated

from kmipd.spec.attributes import Attributes, TemplateAttribute, UniqueIdentifier
from kmipd.spec.declare import Interval, since, structure, until
from kmipd.spec.payloads.base import RequestPayload, ResponsePayload
from kmipd.spec.payloads.parts import ProtectionStorageMasks
from kmipd.spec.versions import V1_4, V2_0


@structure
class ReKeyKeyPairRequestPayload(RequestPayload):
    """Re-key Key Pair, request (1.4 §4.5, 2.1 §6.1.47)."""

    private_key_unique_identifier: UniqueIdentifier | None = None
    offset: Interval | None = None
    common_template_attribute: Annotated[TemplateAttribute | None, until(V1_4)] = None
    private_key_template_attribute: Annotated[TemplateAttribute | None, until(V1_4)] = None
    public_key_template_attribute: Annotated[TemplateAttribute | None, until(V1_4)] = None
    common_attributes: Annotated[Attributes | None, since(V2_0)] = None
    private_key_attributes: Annotated[Attributes | None, since(V2_0)] = None
    public_key_attributes: Annotated[Attributes | None, since(V2_0)] = None
    common_protection_storage_masks: Annotated[ProtectionStorageMasks | None, since(V2_0)] = None
    private_protection_storage_masks: Annotated[ProtectionStorageMasks | None, since(V2_0)] = None
    public_protection_storage_masks: Annotated[ProtectionStorageMasks | None, since(V2_0)] = None


@structure
class ReKeyKeyPairResponsePayload(ResponsePayload):
    """Re-key Key Pair, response (1.4 §4.5, 2.1 §6.1.47)."""

    private_key_unique_identifier: UniqueIdentifier
    public_key_unique_identifier: UniqueIdentifier
    private_key_template_attribute: Annotated[TemplateAttribute | None, until(V1_4)] = None
    public_key_template_attribute: Annotated[TemplateAttribute | None, until(V1_4)] = None
